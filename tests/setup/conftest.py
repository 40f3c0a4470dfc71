"""A Kova without an App, a GitHub that makes Apps, and a person who brings them together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from kova.adapters.app_file import FileCredentialStore
from kova.bootstrap.core import Core
from kova.bootstrap.settings import Settings, SetupSettings
from kova.bootstrap.setup import SetupRoot
from kova.setup.ports import CredentialStore
from kova.setup.session import new_token
from kova.web.app import create_app
from kova.web.routes import setup
from kova_fakes.github import FakeGitHub, serve_github
from kova_fakes.serving import serving
from tests.support.setup import Browser


@dataclass(kw_only=True)
class Setup:
    """The setup of one test."""

    token: str
    file: Path
    github: FakeGitHub
    address: str
    people: list[Browser]

    def person(self) -> Browser:
        """Return somebody with a browser of their own."""
        self.people.append(Browser(self.address))
        return self.people[-1]


@pytest.fixture
def github() -> Iterator[FakeGitHub]:
    with serve_github() as fake:
        yield fake


@pytest.fixture
def store(tmp_path: Path) -> CredentialStore:
    return FileCredentialStore(tmp_path / "github-app.env")


@pytest.fixture
def kova(github: FakeGitHub, tmp_path: Path, store: CredentialStore) -> Iterator[Setup]:
    token = new_token()
    settings = Settings(github_api_url=github.url, setup=SetupSettings(token=token))
    core = Core(settings)
    app = create_app(core, {"setup": SetupRoot(core, store)}, [setup.router])
    people: list[Browser] = []
    with serving(app, lifespan=True) as address:
        file = tmp_path / "github-app.env"
        yield Setup(token=token, file=file, github=github, address=address, people=people)
        for person in people:
            person.close()
