"""`kova up`: everything on one machine, through kills of every part and of itself."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from kova.adapters.env_file import read_environment
from kova_fakes.forms import form_of
from kova_server.embedded.service import started_at
from tests.support.eventually import eventually
from tests.support.ports import own_port

PARTS = ("postgres", "valkey", "sqs", "github", "api", "worker")
NOBODY = 65_534


@dataclass
class Up:
    """One `kova up` and what it left in its folder."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @property
    def settings(self) -> dict[str, str]:
        return read_environment(self.folder / "kova.env")

    @property
    def practice(self) -> dict[str, str]:
        """The headers of what people do on the practice GitHub."""
        return {"Authorization": f"Bearer {self.settings['KOVA_PRACTICE_TOKEN']}"}

    def pid(self, part: str) -> int:
        return int(json.loads((self.folder / "run" / f"{part}.json").read_text())["pid"])

    def get(self, path: str) -> httpx.Response | None:
        headers = {"Authorization": f"Bearer {self.settings['KOVA_API_KEY']}"}
        try:
            return httpx.get(f"http://127.0.0.1:{self.port}{path}", headers=headers, timeout=5)
        except httpx.TransportError:
            return None

    def is_healthy(self) -> bool:
        answer = self.get("/health")
        return answer is not None and answer.status_code == 200

    def wait(self) -> None:
        def is_ready() -> bool:
            assert self.process.poll() is None, self.output()
            # The worker is the last to start.
            return (self.folder / "run" / "worker.json").exists() and self.is_healthy()

        eventually(is_ready, 60)

    def output(self) -> str:
        return self.folder.with_suffix(".out").read_text()

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)


def start(
    folder: Path,
    port: int | None = None,
    user: int | None = None,
    arguments: Sequence[str] = (),
    **variables: str,
) -> Up:
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith(("KOVA_", "AWS_"))
    }
    port = port or own_port()
    command = [sys.executable, "-m", "kova_server", "up", "--port", str(port)]
    with folder.with_suffix(".out").open("wb") as output:
        process = subprocess.Popen(
            [*command, "--data", str(folder), *arguments],
            env=environment | {"HOME": str(folder.parent)} | variables,
            stdout=output,
            stderr=output,
            user=user,
            cwd=folder.parent,
        )
    return Up(folder, port, process)


@contextmanager
def run_up(folder: Path, **kwargs: Any) -> Iterator[Up]:
    up = start(folder, **kwargs)
    try:
        up.wait()
        yield up
    finally:
        if up.process.poll() is None:
            up.interrupt()


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    """A stack with practice models in a folder with an odd and long name."""
    folder = tmp_path_factory.mktemp("up") / "with space, 'quotes' & ünïcode"
    folder.mkdir()
    with run_up(folder / ("long" * 20), KOVA_PRACTICE_MODELS="1") as up:
        yield up


def test_up_says_where_it_is_and_keeps_its_settings_to_itself(odd: Up) -> None:
    output = eventually(lambda: odd.output() if "kova scan" in odd.output() else "")
    assert f"http://127.0.0.1:{odd.port}" in output
    assert odd.settings["KOVA_API_KEY"] in output
    assert stat.S_IMODE((odd.folder / "kova.env").stat().st_mode) == 0o600
    answer = odd.get("/api/repositories")
    assert answer is not None
    assert answer.status_code == 200


def test_up_prints_a_link_that_signs_in_once(odd: Up) -> None:
    output = eventually(lambda: odd.output() if "kova scan" in odd.output() else "")
    (link,) = re.findall(r"http://\S+/auth/link\?token=\S+", output)
    assert "press its button" in output
    form = form_of(httpx.get(link))
    first = httpx.post(form.address, data=form.fields)
    assert (first.status_code, first.headers["location"]) == (303, "/")
    assert first.cookies["kova"]
    assert httpx.get(link).status_code == 404


def test_everything_listens_on_the_loopback_only(odd: Up) -> None:
    inodes = {inode for part in (*PARTS, "models") for inode in _sockets(odd.pid(part))}
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    listening += [line.split() for line in Path("/proc/net/tcp6").read_text().splitlines()[1:]]
    addresses = {fields[1] for fields in listening if fields[3] == "0A" and fields[9] in inodes}
    assert len(addresses) >= 6  # All parts but the worker.
    assert {address.partition(":")[0] for address in addresses} == {"0100007F"}


def test_a_second_start_in_the_same_folder_or_on_the_same_port_is_refused(
    odd: Up, tmp_path: Path
) -> None:
    second = start(odd.folder)
    assert second.process.wait(timeout=30) == 2
    assert f"{odd.process.pid} runs a stack" in second.output()
    third = start(tmp_path / "other", port=odd.port)
    assert third.process.wait(timeout=30) == 2
    assert f"Port {odd.port} is taken" in third.output()
    assert odd.is_healthy()


def test_practice_models_answer_when_they_are_asked_for(odd: Up) -> None:
    headers = {"Authorization": f"Bearer {odd.settings['KOVA_API_KEY']}"}
    body = {"command": "explain", "code": "x = 1", "path": "a.py"}
    address = f"http://127.0.0.1:{odd.port}/ai/command"
    answer = httpx.post(address, json=body, headers=headers, timeout=30)
    assert answer.status_code == 200, answer.text
    assert answer.json()["citations"] == [{"path": "a.py", "start_line": 1, "end_line": 1}]
    assert "models" in {file.stem for file in (odd.folder / "run").iterdir()}


def test_every_part_comes_back_after_kill_9_and_ctrl_c_leaves_nothing_behind(
    tmp_path: Path, odd: Up
) -> None:
    with run_up(tmp_path / "data") as up:
        for part in PARTS:
            before = up.pid(part)
            os.kill(before, signal.SIGKILL)
            eventually(lambda part=part, before=before: up.pid(part) != before)
        eventually(up.is_healthy)
        assert odd.is_healthy()  # Two stacks side by side do not know each other.
        pids = {up.pid(part): started_at(up.pid(part)) for part in PARTS}
        assert up.interrupt() == 0
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", up.port))
    assert {pid: started_at(pid) for pid in pids} == dict.fromkeys(pids)
    assert list((up.folder / "run").iterdir()) == []


def _sockets(pid: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # It was closed since the folder was listed.
            target = str(descriptor.readlink())
            if target.startswith("socket:["):
                yield target[8:-1]


def test_nothing_is_lost_when_all_of_it_is_killed(tmp_path: Path) -> None:
    with run_up(tmp_path / "data") as up:
        key = up.settings["KOVA_API_KEY"]
        parts = {pid: started_at(pid) for pid in map(up.pid, PARTS)}
        up.process.kill()
        up.process.wait()
        # The parts end with the one who started them: nobody is left holding a port.
        eventually(lambda: all(started_at(pid) != born for pid, born in parts.items()), 30)
        # As in a shell that has read kova.env, and after a file was only half written.
        shell = up.settings
    (up.folder / "ports.json").write_text('{"postgres": 54')
    with run_up(tmp_path / "data", port=up.port, **shell) as again:
        assert set(PARTS) == {file.stem for file in (again.folder / "run").iterdir()}
        assert "held no ports: new ones are chosen" in again.output()
        headers = {"Authorization": f"Bearer {key}"}
        answer = httpx.get(f"http://127.0.0.1:{again.port}/api/scans", headers=headers, timeout=5)
        assert answer.status_code == 200  # The key's row is in the database that was cut off.
        assert again.interrupt() == 0


def test_a_variable_from_outside_replaces_its_part(tmp_path: Path, redis_url: str) -> None:
    outside = {"KOVA_REDIS_URL": redis_url, "KOVA_GITHUB_TOKEN": "ghp_x"}
    with run_up(tmp_path / "data", **outside) as up:
        assert up.settings["KOVA_REDIS_URL"] == redis_url
        assert up.settings["KOVA_GITHUB_TOKEN"] == "ghp_x"
        running_parts = {file.stem for file in (up.folder / "run").iterdir()}
        assert running_parts == set(PARTS) - {"valkey", "github"}


@pytest.mark.skipif(os.geteuid() != 0, reason="the whole run is already an ordinary user's")
def test_an_ordinary_user_can_start_it_too(tmp_path: Path) -> None:
    folder = tmp_path / "theirs"
    folder.mkdir()
    os.chown(folder, NOBODY, NOBODY)
    for parent in folder.parents:
        parent.chmod(parent.stat().st_mode | 0o011)
    if not _can_read(Path(sys.executable), Path(__file__)):
        pytest.skip("this checkout is closed to other users")
    up = start(folder / "data", user=NOBODY)
    try:
        up.wait()
        assert (up.folder / "kova.env").stat().st_uid == NOBODY
        assert up.interrupt() == 0
    finally:
        up.process.kill()


def _can_read(*paths: Path) -> bool:
    command = ["cat", *map(str, paths)]
    process = subprocess.run(command, user=NOBODY, capture_output=True, check=False)
    return process.returncode == 0
