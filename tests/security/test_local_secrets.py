"""`kova up` keeps its secrets from other accounts of the machine."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from kova_server.embedded.files import close_folders
from tests.embedded.test_up import PARTS, Up, run_up

SECRETS = (
    *("KOVA_GITHUB_WEBHOOK_SECRET", "KOVA_SECRETS_KEY", "KOVA_SIGNING_KEY", "KOVA_API_KEY"),
    *("KOVA_DATABASE_URL", "KOVA_REDIS_URL", "KOVA_GITHUB_PRIVATE_KEY", "KOVA_PRACTICE_TOKEN"),
)


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("private") / "data"
    with run_up(folder, arguments=["--sample"], OPENAI_API_KEY="sk-a-key-from-outside") as running:
        yield running


def variables_of(pid: int) -> str:
    return Path(f"/proc/{pid}/environ").read_text(errors="replace")


def test_nobody_else_reads_a_file_of_the_data_folder(up: Up) -> None:
    assert stat.S_IMODE(up.folder.stat().st_mode) & 0o066 == 0
    open_to_others = [
        str(path)
        for path in up.folder.rglob("*")
        if path.relative_to(up.folder).parts[0] != "postgres"  # initdb closes its own.
        and path.lstat().st_mode & 0o077
        and not path.is_symlink()
    ]
    assert open_to_others == []
    assert stat.S_IMODE((up.folder / "postgres" / "data").stat().st_mode) & 0o077 == 0


def test_no_secret_is_in_a_process_s_arguments(up: Up) -> None:
    secrets = [up.settings[name].encode() for name in SECRETS if up.settings.get(name)]
    assert len(secrets) >= 6
    for part in PARTS:
        arguments = Path(f"/proc/{up.pid(part)}/cmdline").read_bytes()
        assert arguments
        assert [secret for secret in secrets if secret in arguments] == []


@pytest.mark.parametrize("part", ["postgres", "valkey", "sqs", "github"])
def test_a_part_has_no_secret_that_it_does_not_need(up: Up, part: str) -> None:
    needed = set()
    if part == "github":
        needed = {"KOVA_GITHUB_WEBHOOK_SECRET", "KOVA_PRACTICE_TOKEN"}
    variables = variables_of(up.pid(part))
    held = {name for name in SECRETS if f"{name}=" in variables}
    assert held == needed
    assert "sk-a-key-from-outside" not in variables


def test_redis_asks_for_its_password(up: Up) -> None:
    address = up.settings["KOVA_REDIS_URL"]
    with redis.Redis.from_url(address) as client:
        assert client.ping()
    bare = "redis://" + address.rpartition("@")[2]
    with redis.Redis.from_url(bare) as client, pytest.raises(redis.AuthenticationError):
        client.ping()


def test_what_an_earlier_release_left_open_is_closed(tmp_path: Path) -> None:
    for name in ("logs", "sqs", "mine"):
        (tmp_path / name).mkdir(mode=0o755)
    close_folders(tmp_path)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {"logs": 0o700, "sqs": 0o700, "mine": 0o755}


@pytest.mark.parametrize("part", ["api", "worker"])
def test_what_people_use_is_not_in_the_service_s_environment(up: Up, part: str) -> None:
    variables = variables_of(up.pid(part))
    assert "KOVA_SIGNING_KEY=" in variables
    assert [name for name in ("KOVA_API_KEY", "KOVA_PRACTICE_TOKEN") if name in variables] == []
