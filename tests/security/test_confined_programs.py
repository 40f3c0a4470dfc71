"""What an analyser's program can reach when a repository has taken it over: its files, and nothing."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from kova.adapters.analyzers.process import Completed, ProcessLimits, run
from tests.support.eventually import eventually

LIMITS = ProcessLimits(seconds=20)


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A scan's folder, beside that of another scan."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "own.py").write_text("own\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "secret.py").write_text("secret of a neighbour\n")
    (tmp_path / "tree" / "way").symlink_to(tmp_path / "other")
    return tmp_path / "tree"


def run_python(tree: Path, script: str, *arguments: object, **options: Sequence[Path]) -> Completed:
    command = [sys.executable, "-I", "-B", "-c", script, *map(str, arguments)]
    return run(command, folder=tree, limits=LIMITS, **options)


READ = "import sys; print(open(sys.argv[1], errors='replace').read(40))"


def test_it_reads_its_own_folder(tree: Path) -> None:
    completed = run_python(tree, READ, "own.py")
    assert (completed.status, completed.output) == (0, b"own\n\n")


@pytest.mark.parametrize(
    "path",
    [
        "../other/secret.py",
        "way/secret.py",
        "/proc/{worker}/environ",
        "/proc/{worker}/mem",
        "/proc/{worker}/maps",
        "/proc/{worker}/cmdline",
        "/proc/{worker}/root/etc/passwd",
        "/proc/{worker}/cwd/README.md",
        "/proc/self/environ",
        "/proc/1/environ",
        "/var/log/dpkg.log",
    ],
)
def test_it_reads_nothing_of_the_worker_or_of_another_repository(tree: Path, path: str) -> None:
    completed = run_python(tree, READ, path.format(worker=os.getpid()))
    assert completed.status == 1
    assert "PermissionError" in completed.errors
    assert completed.output == b""


@pytest.mark.parametrize("folder", ["", "..", "/proc", "/tmp", "/", "/home", "/root", "/var"])
def test_it_lists_no_folder_but_its_own(tree: Path, folder: str) -> None:
    completed = run_python(tree, "import os, sys; print(os.listdir(sys.argv[1] or '.'))", folder)
    assert completed.status == (1 if folder else 0), completed


@pytest.mark.parametrize(
    "place", ["new.py", "own.py", "../other/secret.py", "/tmp/kova-new", "/dev/shm/x"]
)
def test_it_writes_nothing(tree: Path, place: str) -> None:
    completed = run_python(tree, "import sys; open(sys.argv[1], 'a').write('x')", place)
    assert completed.status == 1
    assert "PermissionError" in completed.errors


def test_it_writes_where_it_may(tree: Path) -> None:
    script = "open('own.py', 'w').write('new'); open('more.py', 'w').write('more')"
    assert run_python(tree, script, writable=[tree]).status == 0
    assert (tree / "own.py").read_text() == "new"
    assert (tree / "more.py").read_text() == "more"


@pytest.fixture
def address() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"{server.getsockname()[1]}"


@pytest.mark.parametrize(
    "script",
    [
        "socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)",
        "socket.create_connection(('169.254.169.254', 80), 5)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.1', 53))",
        "socket.create_server(('127.0.0.1', 0))",
    ],
)
def test_it_has_no_network(tree: Path, address: str, script: str) -> None:
    completed = run_python(tree, f"import socket, sys; {script}", address)
    assert completed.status == 1
    assert "Error" in completed.errors
    assert "timed out" not in completed.errors


def test_it_signals_nobody(tree: Path) -> None:
    script = "import os, sys; os.kill(int(sys.argv[1]), 0)"
    completed = run_python(tree, script, os.getpid())
    assert "PermissionError" in completed.errors or "ProcessLookupError" in completed.errors


def test_it_gains_no_right_by_a_program_of_another_user(tree: Path) -> None:
    status = "import ctypes; print(ctypes.CDLL(None).prctl(39, 0, 0, 0, 0))"
    assert run_python(tree, status).output == b"1\n"  # No new privileges.


def test_its_environment_tells_nothing(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KOVA_SECRETS_KEY", "a-key-of-the-worker")
    completed = run_python(tree, "import os; print(sorted(os.environ))")
    assert completed.output == b"['HOME', 'LC_ALL', 'PATH']\n"


# Each part alone keeps the worker's environment from it, where the others cannot be had.
@pytest.mark.parametrize(
    "part",
    [
        "leave_namespaces()",
        "restrict_files([sys.prefix, sys.base_prefix], [])",
        "give_up_privileges()",
    ],
)
def test_each_part_alone_hides_the_worker(part: str) -> None:
    script = f"""
import os, sys
from kova.adapters.analyzers.confinement import *
{part}
os.execv("/bin/cat", ["cat", f"/proc/{{sys.argv[1]}}/environ"])
"""
    worker_script = (
        "from kova.adapters.analyzers.confinement import close_memory\n"
        "close_memory(); print(flush=True); input()"
    )
    worker = subprocess.Popen(
        [sys.executable, "-c", worker_script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"KOVA_SECRETS_KEY": "a-key-of-the-worker"},
    )
    with worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        command = [sys.executable, "-c", script, str(worker.pid)]
        completed = subprocess.run(command, capture_output=True, check=False)
        worker.kill()
    assert b"a-key-of-the-worker" not in completed.stdout
    assert b"Permission denied" in completed.stderr


def children_of(pid: int) -> list[int]:
    return [
        int(stat.parent.name)
        for stat in Path("/proc").glob("[0-9]*/stat")
        if parent_of(stat) == pid
    ]


def parent_of(stat: Path) -> int | None:
    try:
        return int(stat.read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return None


def test_what_a_killed_worker_leaves_behind_ends_with_it() -> None:
    script = (
        "from pathlib import Path; from kova.adapters.analyzers.process import *\n"
        "run(['/bin/sleep', '60'], folder=Path('/tmp'), limits=ProcessLimits())"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as worker:
        (launcher,) = eventually(lambda: children_of(worker.pid))
        (program,) = eventually(lambda: children_of(launcher))
        worker.kill()
    eventually(lambda: not Path(f"/proc/{launcher}").exists())
    eventually(lambda: not Path(f"/proc/{program}").exists())


def test_a_launcher_that_is_killed_costs_the_run_alone(tree: Path) -> None:
    assert run(["/bin/true"], folder=tree, limits=LIMITS).status == 0
    outcomes: list[Completed] = []
    thread = threading.Thread(
        target=lambda: outcomes.append(run(["/bin/sleep", "60"], folder=tree, limits=LIMITS))
    )
    thread.start()
    launcher, program = eventually(find_launcher)
    os.kill(launcher, signal.SIGKILL)
    thread.join(timeout=20)
    assert [completed.status for completed in outcomes] == [-signal.SIGKILL]
    eventually(lambda: not Path(f"/proc/{program}").exists())
    assert run(["/bin/true"], folder=tree, limits=LIMITS).status == 0


def find_launcher() -> tuple[int, int] | None:
    """Return the launcher of this process and its program, once that sleeps."""
    for launcher in children_of(os.getpid()):
        for program in children_of(launcher):
            if Path(f"/proc/{program}/cmdline").read_bytes() == b"/bin/sleep\x0060\x00":
                return launcher, program
    return None


def test_many_runs_at_once_are_kept_apart(tree: Path) -> None:
    outputs: dict[int, Completed] = {}

    def echo(number: int) -> None:
        outputs[number] = run(["/bin/echo", str(number)], folder=tree, limits=LIMITS)

    threads = [threading.Thread(target=echo, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: outputs[number].output for number in range(24)} == {
        number: f"{number}\n".encode() for number in range(24)
    }


def test_a_long_command_and_odd_bytes_arrive_as_they_are(tree: Path) -> None:
    arguments = [os.fsdecode(b"\xff\n\"'"), *("x" * 1_000 for _ in range(190))]
    completed = run(["/bin/echo", *arguments], folder=tree, limits=LIMITS)
    assert completed.output == os.fsencode(" ".join(arguments)) + b"\n"


def test_a_forked_process_starts_a_launcher_of_its_own(tree: Path) -> None:
    assert run(["/bin/true"], folder=tree, limits=LIMITS).status == 0
    pid = os.fork()
    if pid == 0:
        os._exit(run(["/bin/true"], folder=tree, limits=LIMITS).status)
    assert os.waitpid(pid, 0)[1] == 0
    assert run(["/bin/true"], folder=tree, limits=LIMITS).status == 0


def test_a_run_ends_in_time_though_it_leaves_children(tree: Path) -> None:
    script = "import os, time\nif os.fork(): os._exit(0)\ntime.sleep(60)"
    begin = time.monotonic()
    assert run_python(tree, script).status == 0
    assert time.monotonic() - begin < 20


REPORT = """
import logging
from pathlib import Path
from kova.adapters.analyzers.process import ProcessLimits, run
logging.basicConfig(format="%(levelname)s %(message)s %(except_for)s")
logging.getLogger().setLevel(logging.INFO)
run(["true"], folder=Path("/"), limits=ProcessLimits(seconds=20))
"""


@pytest.mark.parametrize(
    ("script", "log"),
    [
        ("", "INFO analysers' programs are confined []"),
        (
            "echo 0 > /proc/sys/user/max_user_namespaces; ",
            "WARNING analysers' programs are confined ['processes']",
        ),
        (
            "cd /proc/sys/user; echo 0 > max_user_namespaces; echo 0 > max_net_namespaces; ",
            "WARNING analysers' programs are confined ['network', 'processes']",
        ),
    ],
)
def test_a_worker_says_what_the_kernel_refuses(script: str, log: str) -> None:
    # A namespace has limits of its own, which its root sets.
    process = subprocess.run(
        ["unshare", "-Ur", "sh", "-c", script + 'exec "$@"', "sh", sys.executable, "-c", REPORT],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.stderr.splitlines() == [log]
