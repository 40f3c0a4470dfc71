"""What a command does when it cannot go on: one line, a code that means something, no traceback."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest

from tests.cli.test_scan import BAD
from tests.support.eventually import eventually
from tests.support.kova_process import run_command

OVERRIDE, SEARCH = 1, 2  # CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH
DROP_FROM_BOUNDING_SET = 24  # PR_CAPBSET_DROP


def own_variables() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("KOVA_")}


def run(
    *arguments: str | Path, variables: Mapping[str, str] | None = None, stdout: int | None = None
) -> subprocess.CompletedProcess[str]:
    environment = own_variables() | dict(variables or {})
    return run_command(*arguments, environment=environment, stdout=stdout)


def run_interpreter(
    *arguments: str | Path,
    variables: Mapping[str, str] | None = None,
    prepare: Callable[[], None] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run the command in a new interpreter, where its start is part of the question."""
    return subprocess.run(
        [sys.executable, "-m", "kova_server", *map(str, arguments)],
        env=own_variables() | dict(variables or {}),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        preexec_fn=prepare,
    )


def obey_file_modes() -> None:
    """Take from root the right to read everything; anybody else has no such right to lose."""
    if os.geteuid() == 0:
        library = ctypes.CDLL(None)
        for capability in (OVERRIDE, SEARCH):
            library.prctl(DROP_FROM_BOUNDING_SET, capability, 0, 0, 0)


@pytest.mark.parametrize("form", ["table", "json", "sarif"])
def test_a_full_disk_is_one_line_and_exit_2(tmp_path: Path, form: str) -> None:
    with Path("/dev/full").open("wb") as full:
        process = run("scan", tmp_path, "--format", form, stdout=full.fileno())
    assert process.returncode == 2
    assert process.stderr == "kova: The output cannot be written: No space left on device.\n"


def test_help_and_version_on_a_full_disk_are_one_line_and_exit_2() -> None:
    for arguments in (["--help"], ["--version"], ["scan", "--help"]):
        with Path("/dev/full").open("wb") as full:
            process = run(*arguments, stdout=full.fileno())
        assert (process.returncode, len(process.stderr.splitlines())) == (2, 1), arguments


@pytest.mark.parametrize("form", ["table", "json", "sarif"])
def test_a_closed_pipe_ends_quietly(tmp_path: Path, form: str) -> None:
    (tmp_path / "b.py").write_bytes(BAD)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = run("scan", tmp_path, "--format", form, stdout=writer)
    finally:
        os.close(writer)
    assert (process.returncode, process.stderr) == (128 + signal.SIGPIPE, "")


def test_an_unexpected_failure_is_one_line_and_shows_its_place_on_demand(tmp_path: Path) -> None:
    """A temporary folder that does not exist is met deep in an analyser."""
    (tmp_path / "b.py").write_bytes(BAD)
    broken_folder = {"TMPDIR": str(tmp_path / "gone"), "TEMP": "", "TMP": ""}
    loader = (
        "import sys, tempfile; tempfile.tempdir = sys.argv.pop(1)\n"
        "from kova_server.cli import main; main()"
    )

    def scan(**variables: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", loader, str(tmp_path / "gone"), "scan", str(tmp_path)],
            env=own_variables() | broken_folder | variables,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    process = scan()
    assert (process.returncode, len(process.stderr.splitlines())) == (2, 1), process.stderr
    assert "Traceback" not in process.stderr
    assert "Traceback" in scan(KOVA_LOG_LEVEL="debug").stderr


@pytest.mark.parametrize(
    "arguments", [["migrate"], ["keys", "list"], ["worker"], ["migrate", "--data", "/dev/null/x"]]
)
def test_other_commands_that_cannot_run_are_one_line_and_exit_2(arguments: list[str]) -> None:
    process = run(*arguments, variables={"KOVA_DATABASE_URL": "postgres://127.0.0.1:1/x"})
    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 1, process.stderr


def test_ctrl_c_ends_quietly_with_130_and_leaves_no_child(tmp_path: Path) -> None:
    """A program that never ends stands for a slow analyser; it is known by its argument."""
    (tmp_path / "Dockerfile").write_text("FROM a\n")
    programs = tmp_path / "bin"
    programs.mkdir()
    seconds = f"600.{os.getpid()}"
    slow = programs / "hadolint"
    slow.write_text(f'#!/bin/sh\n[ "$1" = --version ] && exit 0\nexec sleep {seconds}\n')
    slow.chmod(0o755)
    process = subprocess.Popen(
        [sys.executable, "-m", "kova_server", "scan", str(tmp_path)],
        env=own_variables() | {"KOVA_ANALYZERS_BIN": str(programs)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    child = eventually(lambda: find_process(f"sleep\0{seconds}\0"))
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=30)
    assert (process.returncode, out, errors) == (130, "", "")
    assert not Path(f"/proc/{child}").exists()


def find_process(command: str) -> int | None:
    """Return the process whose command line, each argument ended by NUL, is this one."""
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(FileNotFoundError, ProcessLookupError):
            if file.read_bytes() == command.encode():
                return int(file.parent.name)
    return None


def test_an_unreadable_file_and_folder_are_skipped_and_said(tmp_path: Path) -> None:
    for name in ("shut/inner.py", "unsearchable/inner/a.py", "open/a.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x = 1\n")
    (tmp_path / "open" / "secret.py").write_text("x = 1\n")
    (tmp_path / "open" / "secret.py").chmod(0)
    (tmp_path / "shut").chmod(0)
    (tmp_path / "unsearchable").chmod(0o600)
    try:
        process = run_interpreter("scan", tmp_path, "--format", "json", prepare=obey_file_modes)
    finally:
        for name in ("shut", "unsearchable"):
            (tmp_path / name).chmod(0o700)
    assert process.returncode == 0, process.stderr
    document = json.loads(process.stdout)
    assert document["skipped"] == [
        {"path": "open/secret.py", "reason": "unreadable"},
        {"path": "shut", "reason": "unreadable"},
        {"path": "unsearchable/inner", "reason": "unreadable"},
    ]
    assert document["stats"]["files_analyzed"] == 1


def test_a_folder_that_cannot_be_read_itself_is_no_clean_folder(tmp_path: Path) -> None:
    tmp_path.chmod(0)
    try:
        process = run_interpreter("scan", tmp_path, prepare=obey_file_modes)
    finally:
        tmp_path.chmod(0o700)
    assert (process.returncode, process.stderr) == (2, f"kova: {tmp_path}: Permission denied.\n")


def test_a_tree_deeper_than_a_path_may_be_long_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """Also deeper than Python recurses: both once ended the walk."""
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range(2_500):
        os.mkdir("d", dir_fd=descriptor)
        deeper = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = deeper
    os.close(descriptor)
    (tmp_path / "a.py").write_text("x = 1\n")
    try:
        process = run("scan", tmp_path, "--format", "json")
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "d"], check=True)  # Deeper than Python removes.
    assert process.returncode == 0, process.stderr
    (skipped,) = json.loads(process.stdout)["skipped"]
    assert skipped["reason"] == "unreadable"
    assert set(skipped["path"].split("/")) == {"d"}


@pytest.mark.parametrize("path", ["", "none", "file.py", "file.py/x", "n" * 300, "loop", "nul\n"])
def test_a_path_that_is_no_folder_is_an_error(tmp_path: Path, path: str) -> None:
    (tmp_path / "file.py").write_text("x = 1\n")
    (tmp_path / "loop").symlink_to("loop")
    process = run("scan", tmp_path / path if path else "")
    assert process.returncode == 2
    assert len(process.stderr.splitlines()) == 1
    assert process.stderr.startswith("kova: ")


@pytest.mark.parametrize("form", ["table", "json", "sarif"])
def test_names_that_are_not_utf_8_survive_every_format(tmp_path: Path, form: str) -> None:
    (tmp_path / os.fsdecode(b"sub\xfe")).mkdir()
    for name in (b"\xff.py", b"sub\xfe/a.py", b"good.py"):
        (tmp_path / os.fsdecode(name)).write_bytes(BAD)
    process = run("scan", tmp_path, "--fix", "--format", form)
    assert process.returncode == 1, process.stderr
    assert process.stderr == ""
    if form == "json":
        skipped = {file["path"]: file["reason"] for file in json.loads(process.stdout)["skipped"]}
        assert skipped == {"\ufffd.py": "unsafe_path", "sub\ufffd/a.py": "unsafe_path"}


@pytest.mark.parametrize("exists", [True, False])
def test_a_folder_whose_name_is_not_utf_8_is_refused_in_one_line(
    tmp_path: Path, *, exists: bool
) -> None:
    """Tools name files by their whole path, which they could not say of such a folder."""
    folder = tmp_path / os.fsdecode(b"tree\xff")
    if exists:
        folder.mkdir()
    process = run("scan", folder)
    assert (process.returncode, len(process.stderr.splitlines())) == (2, 1)
    assert ("not UTF-8" in process.stderr) == exists


def test_an_ascii_only_terminal_gets_what_it_can_show(tmp_path: Path) -> None:
    (tmp_path / "ü.py").write_bytes(BAD)
    process = run_interpreter("scan", tmp_path, variables={"PYTHONIOENCODING": "ascii"})
    assert (process.returncode, process.stderr) == (1, "")


def run_closed(*arguments: str | Path, close: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    script = f'exec "$0" -m kova_server "$@" {close}'
    return subprocess.run(
        ["/bin/sh", "-c", script, sys.executable, *map(str, arguments)],
        env=own_variables(),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


CLOSED = {">&-": "kova: The output cannot be written: Bad file descriptor.\n", "2>&-": ""}


@pytest.mark.parametrize("close", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_exit_2_and_never_1(tmp_path: Path, close: str) -> None:
    (tmp_path / "b.py").write_bytes(BAD)
    failed = run_closed("scan", "nosuch", close=close, cwd=tmp_path)
    expected = "" if "2>&-" in close else "kova: nosuch: No such file or directory.\n"
    assert (failed.returncode, failed.stderr) == (2, expected)
    scanned = run_closed("scan", tmp_path, close=close, cwd=tmp_path)
    assert scanned.returncode == (1 if close == "2>&-" else 2)
    assert scanned.stderr == CLOSED.get(close, "")
    assert (tmp_path / "b.py").read_bytes() == BAD


def test_ctrl_c_while_modules_are_imported_ends_quietly() -> None:
    program = (
        "import os, signal, sys\n"
        "def interrupt(event, arguments):\n"
        "    if event == 'import' and arguments[0] == 'typer':\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.addaudithook(interrupt)\n"
        "from kova_server.__main__ import main\n"
        "main()\n"
    )
    process = subprocess.run(
        [sys.executable, "-c", program, "--version"], capture_output=True, text=True, check=False
    )
    assert (process.returncode, process.stdout, process.stderr) == (130, "", "")


def test_a_current_folder_that_is_gone_is_not_the_output_s_fault(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    process = subprocess.run(
        ["/bin/sh", "-c", f'rmdir "{gone}"; exec "$0" -m kova_server scan .', sys.executable],
        cwd=gone,
        env=own_variables(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 2
    assert process.stderr == "kova: .: No such file or directory.\n"


def test_settings_in_a_folder_that_cannot_be_searched_are_none(tmp_path: Path) -> None:
    (tmp_path / ".kova.toml").write_text("")
    tmp_path.chmod(0o600)
    try:
        process = run_interpreter("scan", tmp_path, prepare=obey_file_modes)
    finally:
        tmp_path.chmod(0o700)
    assert (process.returncode, process.stderr) == (0, "")


def test_apply_writes_what_it_can_and_names_what_it_cannot(tmp_path: Path) -> None:
    for name in ("open", "shut", "z"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "b.py").write_bytes(BAD)
    (tmp_path / "shut").chmod(0o500)
    try:
        process = run_interpreter(
            "scan", tmp_path, "--apply", "--format", "json", prepare=obey_file_modes
        )
    finally:
        (tmp_path / "shut").chmod(0o700)
    assert process.returncode == 2
    assert process.stderr == "kova: shut/b.py was not written: Permission denied.\n"
    answer = json.loads(process.stdout)
    assert answer["unwritten"] == [{"path": "shut/b.py", "reason": "Permission denied"}]
    applied = {fix["path"] for fix in answer["fixes"] if fix["applied"]}
    assert applied == {"open/b.py", "z/b.py"}
    written = {name: (tmp_path / name / "b.py").read_bytes() != BAD for name in ("open", "shut")}
    assert written == {"open": True, "shut": False}


@pytest.mark.parametrize("content", [None, b"{", b"{}"])
def test_a_log_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None) -> None:
    log = tmp_path / "log.sarif"
    log.mkdir() if content is None else log.write_bytes(content)
    process = run("scan", tmp_path, "--sarif", log)
    assert (process.returncode, len(process.stderr.splitlines())) == (2, 1)
    assert process.stderr.startswith(f"kova: {log}: ")


@pytest.mark.parametrize("name", ["KOVA_RUFF", "KOVA_ANALYZERS_BIN"])
def test_a_program_that_is_not_where_a_setting_says_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "b.py").write_bytes(BAD)
    process = run("scan", tmp_path, variables={name: "/nonexist"})
    assert process.returncode == 2
    assert process.stderr.startswith(f"kova: {name} names no ")


def test_an_analyser_that_fails_on_every_file_is_no_clean_scan(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "b.py").write_text("x = 1\n")
    broken = tmp_path / "ruff"
    broken.write_text('#!/bin/sh\n[ "$1" = --version ] && exec echo "ruff 0.17.6"\nexit 2\n')
    broken.chmod(0o755)
    process = run("scan", tmp_path / "src", variables={"KOVA_RUFF": str(broken)})
    assert (process.returncode, process.stderr) == (2, "kova: ruff failed on every file.\n")
    assert "0 errors" in process.stdout


def test_a_missing_option_is_named() -> None:
    process = run("keys", "create", "ci")
    assert process.returncode == 2
    assert "'--scope'" in process.stderr
    assert len(process.stderr.splitlines()) == 1
    assert run("keys").stderr.startswith("kova: A command is missing.")


def test_serve_on_a_taken_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = run("serve", "--port", str(port))
    assert process.returncode == 2
    assert process.stderr == f"kova: Port {port} is taken: choose another one with --port.\n"
