"""What /health and the log say about the App, and that nobody waits for GitHub."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from kova.bootstrap.core import Core
from kova.bootstrap.github_app import app_state_without_app, check_app
from kova.bootstrap.settings import Settings, SetupSettings
from kova.setup.app_description import AppDescription
from kova.setup.app_needs import EVENTS, PERMISSIONS
from kova.setup.check_app import FRESH_SECONDS, RETRY_SECONDS, AppStatus, CheckApp
from kova.shared.exceptions import GitHubUnavailableError
from kova_fakes.github import FakeGitHub

ALL = AppDescription(
    slug="kova",
    permissions={permission.name: permission.access for permission in PERMISSIONS},
    events=frozenset(event.name for event in EVENTS),
)


class ScriptedDirectory:
    """Implements setup.ports.AppDirectory."""

    def __init__(self, answer: AppDescription | Exception) -> None:
        self.answer = answer
        self.calls = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def describe(self) -> AppDescription:
        self.calls += 1
        await self.gate.wait()
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
async def core(github: FakeGitHub) -> AsyncIterator[Core]:
    core = Core(
        Settings(
            github_api_url=github.url,
            github_app_id=github.app_id,
            github_private_key=github.private_key_pem,
        )
    )
    yield core
    await core.close()


async def test_a_complete_app_has_nothing_to_say(core: Core) -> None:
    check = check_app(core)
    assert check is not None
    state = await check.check()
    assert (state.status, state.detail) == (AppStatus.COMPLETE, None)


async def test_what_lacks_is_named_and_logged(
    core: Core, github: FakeGitHub, caplog: pytest.LogCaptureFixture
) -> None:
    app = github.context.credentials.app
    app.permissions["checks"] = "read"
    app.events.remove("push")
    check = check_app(core)
    assert check is not None
    with caplog.at_level(logging.WARNING, "kova.setup"):
        state = await check.check()
    assert state.status is AppStatus.INCOMPLETE
    assert state.detail == "the GitHub App lacks permission checks: write, event push"
    assert [record.message for record in caplog.records] == ["GitHub App incomplete"]


async def test_a_wrong_key_is_no_error_of_health(github: FakeGitHub) -> None:
    core = Core(
        Settings(github_api_url=github.url, github_app_id="999", github_private_key="no key")
    )
    check = check_app(core)
    assert check is not None
    assert (await check.check()).status is AppStatus.UNKNOWN
    await core.close()


async def test_nobody_waits_for_github() -> None:
    directory = ScriptedDirectory(ALL)
    directory.gate.clear()
    check = CheckApp(directory, clock=lambda: 100.0)
    assert [check.state().status for _ in range(3)] == [AppStatus.UNKNOWN] * 3
    await asyncio.sleep(0)
    assert directory.calls == 1
    directory.gate.set()
    for _ in range(3):
        await asyncio.sleep(0)
    assert check.state().status is AppStatus.COMPLETE
    await check.close()


async def test_an_answer_is_used_for_a_while_and_a_failure_for_less() -> None:
    now = 100.0
    directory = ScriptedDirectory(GitHubUnavailableError())
    check = CheckApp(directory, clock=lambda: now)
    await check.check()
    check.state()
    await asyncio.sleep(0)
    assert directory.calls == 1
    now += RETRY_SECONDS
    directory.answer = ALL
    check.state()
    await asyncio.sleep(0)
    assert directory.calls == 2
    now += FRESH_SECONDS - 1
    check.state()
    await asyncio.sleep(0)
    assert directory.calls == 2
    await check.close()


async def test_a_question_that_is_open_ends_with_the_process() -> None:
    directory = ScriptedDirectory(ALL)
    directory.gate.clear()
    check = CheckApp(directory, clock=lambda: 100.0)
    check.state()
    await asyncio.sleep(0)
    await check.close()
    assert len(asyncio.all_tasks()) == 1


def test_without_an_app_the_setup_is_named_and_a_token_says_nothing() -> None:
    waiting = app_state_without_app(Core(Settings(setup=SetupSettings(token="t" * 32))))
    assert waiting is not None
    assert waiting.status is AppStatus.NOT_CONFIGURED
    assert "/setup" in str(waiting.detail)
    assert check_app(Core(Settings(github_token="ghp_x"))) is None
    assert app_state_without_app(Core(Settings(github_token="ghp_x"))) is None
