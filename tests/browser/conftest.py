"""One stack and one browser for the tests of a file."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from kova_fakes.openai.server import FakeOpenAI, serve_openai
from kova_server.sign_in import make_sign_in_link
from tests.browser.chromium import DESK, chromium
from tests.browser.seed import seed
from tests.server.conftest import Kova, run_kova_with_github

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, StorageState


@dataclass
class Site:
    """Kova's pages as somebody who is signed in sees them."""

    kova: Kova
    openai: FakeOpenAI
    browser: Browser
    state: StorageState | None = None
    complaints: list[str] = field(default_factory=list)

    def link(self) -> str:
        """Return a link that signs in once."""
        make = make_sign_in_link(self.kova.environment, self.kova.address)
        # Playwright's own loop runs in this thread.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(asyncio.run, make).result()

    def sign_in(self, page: Page) -> None:
        """Sign in by a link, as its page asks."""
        page.goto(self.link())
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda address: "/auth/" not in address)

    def open(
        self,
        path: str,
        *,
        size: tuple[int, int] = DESK,
        status: int = 200,
        scripts: bool = True,
        signed_in: bool = True,
    ) -> Page:
        """Return a page in a window of its own; what its console says is collected."""
        if signed_in and self.state is None:
            first = self.browser.new_context()
            page = first.new_page()
            self.sign_in(page)
            self.state = first.storage_state()
            first.close()
        context = self.browser.new_context(
            base_url=self.kova.address,
            viewport={"width": size[0], "height": size[1]},
            java_script_enabled=scripts,
            storage_state=self.state if signed_in else None,
            timezone_id="Asia/Tokyo",
        )
        page = context.new_page()
        if status == 200:  # A browser complains of other answers.
            self.listen(page)
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == status, self.kova.logs()[-2_000:]
        return page

    @cached_property
    def with_accounts(self) -> str:
        """The address of the same Kova, where people sign in with Google and GitHub, too."""
        accounts = {
            f"{name}_CLIENT_{part}": f"a-{part.lower()}"
            for name in ("GOOGLE", "KOVA_GITHUB")
            for part in ("ID", "SECRET")
        }
        environment = self.kova.environment | accounts | {"KOVA_ADMINS": "ann@example.com"}
        return replace(self.kova, environment=environment).start_server()

    def listen(self, page: Page) -> None:
        """Collect what goes wrong in a page, and every dialog that a script opens."""

        def note(kind: str, text: object) -> None:
            self.complaints.append(f"{kind} at {page.url}: {text}")

        def on_console(message: Any) -> None:
            if message.type in {"error", "warning"}:
                note(message.type, message.text)

        def on_dialog(dialog: Any) -> None:
            note("dialog", dialog.message)
            dialog.dismiss()

        page.on("console", on_console)
        page.on("pageerror", lambda error: note("error", error))
        page.on("dialog", on_dialog)


@pytest.fixture(scope="module")
def whole_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One stack and browser a file. Playwright's loop runs until its end: no other test has one."""
    folder: Path = tmp_path_factory.mktemp("browser")
    with (
        serve_openai() as openai,
        run_kova_with_github(
            folder, OPENAI_API_KEY=openai.script.api_key, OPENAI_BASE_URL=openai.url
        ) as kova,
    ):
        seed(kova.environment["KOVA_DATABASE_URL"])
        with chromium() as browser:
            yield Site(kova, openai, browser)


@pytest.fixture
def site(whole_site: Site) -> Iterator[Site]:
    """The site; nothing may have gone wrong in the browser when the test ends."""
    whole_site.complaints.clear()
    yield whole_site
    for context in whole_site.browser.contexts:
        context.close()
    assert whole_site.complaints == []
