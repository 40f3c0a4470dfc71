"""`kova github-app create` as a person uses it: a terminal, a browser, and a GitHub."""

from __future__ import annotations

import os
import re
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kova.adapters.env_file import read_environment
from kova_fakes.github import FakeGitHub, serve_github
from tests.support.eventually import eventually
from tests.support.kova_process import KovaProcess, start_command
from tests.support.setup import Browser

CHOSEN = {"public_address": "https://kova.example.com"}


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serve_github() as fake:
        yield fake


@contextmanager
def run_create(folder: Path, github: FakeGitHub, *arguments: str) -> Iterator[KovaProcess]:
    with (folder / "stdout").open("w") as stdout, (folder / "stderr").open("w") as stderr:
        process = start_command(
            *("github-app", "create", *arguments),
            environment=os.environ | {"KOVA_GITHUB_API_URL": github.url},
            stdout=stdout,
            stderr=stderr,
            folder=folder,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def link(folder: Path) -> tuple[str, str]:
    """Return the address and the token that were printed."""

    def find() -> re.Match[str] | None:
        return re.search(r"Open (http://127\.0\.0\.1:\d+)/setup#(\S+)", _stderr(folder))

    match = eventually(find, 60)
    assert match is not None
    return match[1], match[2]


def _stderr(folder: Path) -> str:
    return (folder / "stderr").read_text()


def test_the_credentials_are_in_a_file_of_ones_own(tmp_path: Path, github: FakeGitHub) -> None:
    with run_create(tmp_path, github, "--organization", "acme", "--name", "Ours") as process:
        address, token = link(tmp_path)
        person = Browser(address)
        form = person.enter_token(token)
        assert 'value="acme"' in form.text
        assert 'value="Ours"' in form.text
        done = person.come_back(person.create_on_github(person.choose(form, **CHOSEN)))
        assert done.status_code == 200
        assert person.get("/setup/setup.css").status_code == 200  # The last page's style.
        process.wait(timeout=30)
        output = (tmp_path / "stdout").read_text()
        person.close()
    assert process.returncode == 0
    (app,) = github.state.apps
    stored = read_environment(tmp_path / "github-app.env")
    assert stored["KOVA_GITHUB_WEBHOOK_SECRET"] == app.webhook_secret
    assert stored["KOVA_GITHUB_API_URL"] == github.url
    assert stat.S_IMODE((tmp_path / "github-app.env").stat().st_mode) == 0o600
    assert f"{github.url}/apps/ours/installations/new" in output
    for secret in (app.webhook_secret, app.client_secret, "PRIVATE KEY"):
        assert secret not in output + _stderr(tmp_path)
    with run_create(tmp_path, github) as again:
        assert again.wait(timeout=30) == 2
    assert "holds the credentials of an App already" in _stderr(tmp_path)


def test_print_env_prints_them_and_leaves_no_file(tmp_path: Path, github: FakeGitHub) -> None:
    with run_create(tmp_path, github, "--print-env", "--url", "https://k.example.com") as process:
        address, token = link(tmp_path)
        person = Browser(address)
        assert 'value="https://k.example.com"' in person.enter_token(token).text
        review = person.choose(person.get("/setup"))
        assert person.come_back(person.create_on_github(review)).status_code == 200
        process.wait(timeout=30)
        output = (tmp_path / "stdout").read_text()
        person.close()
    (app,) = github.state.apps
    assert not (tmp_path / "github-app.env").exists()
    file = tmp_path / "printed.env"
    file.write_text(output)
    assert read_environment(file)["KOVA_GITHUB_PRIVATE_KEY"] == app.private_key_pem


def test_ctrl_c_ends_it_and_a_taken_port_is_said(tmp_path: Path, github: FakeGitHub) -> None:
    with run_create(tmp_path, github) as process:
        address, _ = link(tmp_path)
        port = address.rpartition(":")[2]
        other = tmp_path / "other"
        other.mkdir()
        with run_create(other, github, "--port", port) as second:
            assert second.wait(timeout=30) == 2
        assert "port is taken" in _stderr(other)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 130
    assert not (tmp_path / "github-app.env").exists()
