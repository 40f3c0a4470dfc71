"""Take from this process what an analyser does not need, before its program begins.

Everything here is given up for good, for the process and for what it starts. Each part is had
where the kernel offers it to an ordinary user; ADR 29 says where that is. Only the standard library
is imported: the launcher (launcher.py) pays for it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
from collections.abc import Iterable
from contextlib import suppress
from typing import Final

# linux/prctl.h
_PR_SET_PDEATHSIG: Final = 1
_PR_SET_DUMPABLE: Final = 4
_PR_CAPBSET_DROP: Final = 24
_PR_SET_NO_NEW_PRIVS: Final = 38
_CAPABILITIES: Final = 64
# linux/sched.h
_CLONE_NEWIPC: Final = 0x08000000
_CLONE_NEWUSER: Final = 0x10000000
_CLONE_NEWNET: Final = 0x40000000
# linux/landlock.h; the numbers of the calls are the same on every architecture.
_CREATE_RULESET: Final = 444
_ADD_RULE: Final = 445
_RESTRICT_SELF: Final = 446
_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = 1, 2, 4, 8
# All rights over files that a version of Landlock knows, and over TCP: those not given are refused.
_FILE_RIGHTS: Final = {1: 0x1FFF, 2: 0x3FFF, 3: 0x7FFF, 4: 0x7FFF, 5: 0xFFFF}
_TCP_RIGHTS: Final = 0b11
_TCP_SINCE: Final = 4
_SCOPES: Final = 0b11  # Abstract sockets, and signals to processes outside.
_SCOPES_SINCE: Final = 6
# What programs need besides their own files: the loader, its libraries, names of time zones.
_SYSTEM: Final = ("/usr", "/lib", "/lib64", "/bin", "/sbin", "/etc", "/opt", "/nix/store")
_DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/full")

_LIBC: Final = ctypes.CDLL(None, use_errno=True)


def close_memory() -> None:
    """Let no process of the same user read this one's memory and environment. Root still may."""
    _LIBC.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


def die_with_parent(parent: int) -> None:
    """Let the kernel end this process when its parent ends; do so now if that is gone."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def leave_namespaces() -> tuple[bool, bool]:
    """Leave the user's other processes and the network behind; return which of both are left."""
    if _LIBC.unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC) == 0:
        return True, True
    # Root may, where it is a real one.
    return False, _LIBC.unshare(_CLONE_NEWNET | _CLONE_NEWIPC) == 0


def find_refused() -> list[str]:
    """Return which parts the kernel refuses: `files`, `network`, `processes`.

    This process has no network afterwards, where that can be had.
    """
    has_processes, has_network = leave_namespaces()
    parts = {
        "files": _landlock_version() >= 1,
        "network": has_network,
        "processes": has_processes,
    }
    return [part for part, is_had in parts.items() if not is_had]


def give_up_privileges() -> None:
    """Let no program that is started from here gain any, and root's have none left."""
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    for capability in range(_CAPABILITIES):
        _LIBC.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)


def restrict_files(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Refuse every file but some, by Landlock; do nothing where the kernel has none.

    https://docs.kernel.org/userspace-api/landlock.html

    Args:
        readable: files and folders that may be read and run, beside those of the system.
        writable: folders in which files may be changed and made, too.
    """
    version = _landlock_version()
    if version < 1:
        return
    rights = _FILE_RIGHTS[min(version, max(_FILE_RIGHTS))]
    fields = [rights]
    if version >= _TCP_SINCE:
        fields.append(_TCP_RIGHTS)
    if version >= _SCOPES_SINCE:
        fields.append(_SCOPES)
    attributes = struct.pack(f"={len(fields)}Q", *fields)
    size = ctypes.c_size_t(len(attributes))
    ruleset = _LIBC.syscall(_CREATE_RULESET, attributes, size, ctypes.c_uint32(0))
    if ruleset < 0:
        return
    for path in (*_SYSTEM, *readable):
        _allow(ruleset, path, _EXECUTE | _READ_FILE | _READ_DIR)
    for path in writable:
        _allow(ruleset, path, rights)
    for path in _DEVICES:
        _allow(ruleset, path, _READ_FILE | _WRITE_FILE)
    _LIBC.syscall(_RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0))
    os.close(ruleset)


def _landlock_version() -> int:
    """Return the version of Landlock; less than 1 where there is none."""
    size, flags = ctypes.c_size_t(0), ctypes.c_uint32(_VERSION)
    return int(_LIBC.syscall(_CREATE_RULESET, None, size, flags))


def _allow(ruleset: int, path: str, rights: int) -> None:
    with suppress(OSError):  # A machine has not all of them.
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            if not os.path.isdir(path):  # noqa: PTH112 (the launcher imports no pathlib)
                rights &= ~_READ_DIR
            rule = struct.pack("=Qi", rights, handle)
            _LIBC.syscall(
                _ADD_RULE,
                ctypes.c_int(ruleset),
                ctypes.c_int(_PATH_BENEATH),
                rule,
                ctypes.c_uint32(0),
            )
        finally:
            os.close(handle)
