"""Run a command that ends when its parent does: `python launch.py PARENT SIGNAL COMMAND ...`.

A supervisor that is killed cannot stop its children; on Linux the kernel does it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import Final

_PR_SET_PDEATHSIG: Final = 1


def main() -> None:
    """Register for the signal, check that the parent still lives, and become the command."""
    parent = int(sys.argv[1])
    number = signal.Signals[sys.argv[2]]
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, int(number))
        if os.getppid() != parent:
            sys.exit(1)  # The parent died before the registration.
    os.execvp(sys.argv[3], sys.argv[3:])  # noqa: S606 (the point of this file)


if __name__ == "__main__":
    main()
