"""Files of a data folder: whatever they hold, the next start goes on, and says so."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.adapters import private_file
from kova.adapters.env_file import EnvironmentFileError, read_environment, write_environment
from kova.adapters.private_file import write_privately
from kova_server.embedded.files import remembered_secret
from kova_server.embedded.outside import CHOSEN, own_settings, read_outside
from kova_server.embedded.ports import free_port, remembered_port


def make_folder(factory: object) -> Path:
    folder: Path = factory.mktemp("files")  # type: ignore[attr-defined]
    return folder


@given(st.binary(max_size=60) | st.sampled_from([b"", b" \n", b'{"sqs": 1', b"[" * 9_000]))
def test_garbage_in_a_file_counts_as_nothing_and_is_said(
    tmp_path_factory: object, garbage: bytes
) -> None:
    folder = make_folder(tmp_path_factory)
    for name in ("ports.json", "secrets-key"):
        (folder / name).write_bytes(garbage)
    lines: list[str] = []
    port = remembered_port(folder / "ports.json", "sqs", lines.append)
    holds_no_port = garbage.strip() == b"{}"  # It is a file of ports, an empty one.
    assert len(lines) == (0 if holds_no_port else 1)
    lines.clear()
    assert remembered_port(folder / "ports.json", "sqs", lines.append) == port
    secret = remembered_secret(folder / "secrets-key", lines.append)
    assert remembered_secret(folder / "secrets-key", lines.append) == secret
    assert secret.strip() == secret != ""
    holds_key = secret.encode() == garbage.strip()
    assert len(lines) == (0 if holds_key else 1)


@pytest.mark.parametrize("ports", [{"sqs": "1"}, {"sqs": 0}, {"sqs": 99_999}, {"x": None}, [], 1])
def test_json_that_is_no_ports_counts_as_nothing(tmp_path: Path, ports: object) -> None:
    (tmp_path / "ports.json").write_text(json.dumps(ports))
    lines: list[str] = []
    assert 0 < remembered_port(tmp_path / "ports.json", "sqs", lines.append) < 65_536
    assert lines == [f"{tmp_path / 'ports.json'} held no ports: new ones are chosen"]


def test_a_write_that_stops_half_way_leaves_the_earlier_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "key"
    write_privately(file, b"first")

    def stop(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(private_file.os, "fsync", stop)
    with pytest.raises(KeyboardInterrupt):
        write_privately(file, b"second")
    assert file.read_bytes() == b"first"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_settings_with_a_nul_are_damaged_and_other_bytes_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "kova.env"
    file.write_bytes(b"KOVA_API_KEY=k\0\n")
    with pytest.raises(EnvironmentFileError, match="damaged"):
        read_environment(file)
    values = {"KOVA_SLACK_CHANNEL": os.fsdecode(b"caf\xe9")}
    write_environment(file, values)
    assert read_environment(file) == values
    file.write_bytes(b"\xff\xfe=x\nA B=c\nKOVA_ENV=local\n")
    assert read_environment(file) == {"KOVA_ENV": "local"}


def test_what_a_stack_chose_is_not_from_outside_in_a_shell_that_read_its_settings() -> None:
    outside = {"KOVA_DATABASE_URL": "postgresql://theirs", "PATH": "/bin", "KOVA_REDIS_URL": " "}
    outside = read_outside(outside)
    assert outside == {"KOVA_DATABASE_URL": "postgresql://theirs", "PATH": "/bin"}
    chosen = {"KOVA_SCAN_QUEUE_URL": "http://127.0.0.1:1/q", "AWS_ACCESS_KEY_ID": "local"}
    written = own_settings({**outside, **chosen}, outside)
    assert written[CHOSEN]
    assert read_outside({**outside, **written}) == outside
    # Changed by hand after that, it is from outside again.
    theirs = {"KOVA_SCAN_QUEUE_URL": "https://sqs.example/q"}
    assert read_outside({**outside, **written, **theirs}) == {**outside, **theirs}


def test_a_port_is_chosen_below_those_that_the_system_lends_to_clients() -> None:
    """Such a port may belong to somebody's connection before the service binds it."""
    file = Path("/proc/sys/net/ipv4/ip_local_port_range")
    first_lent = int(file.read_text().split()[0]) if file.exists() else 49_152
    ports = {free_port() for _ in range(200)}
    assert all(1_024 < port < first_lent for port in ports)
    assert len(ports) > 190
