"""`python -m examples.setup_pictures FOLDER [--all]`: pictures of the pages of /setup.

Without --all they are those of docs/github-app.md; with it each page also on a phone and in the
dark, the page of a mistake, and the practice GitHub's own.

Goes through the setup with the practice GitHub, and lets Chromium (Debian's package `chromium`, or
the program that CHROMIUM names) take a picture of each page that comes, with its headers.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kova.adapters.memory.credentials import MemoryCredentialStore
from kova.bootstrap.core import Core
from kova.bootstrap.settings import Settings, SetupSettings
from kova.bootstrap.setup import SetupRoot
from kova.setup.session import new_token
from kova.web.app import create_app
from kova.web.routes import setup
from kova.web.setup_pages import setup_asset
from kova_fakes.forms import form_of
from kova_fakes.github import serve_github
from kova_fakes.serving import serving

_WIDTH: Final = 760
_PHONE: Final = (390, 844)
# The height that each page needs.
_HEIGHTS: Final = {
    "1-token": 440,
    "2-app": 670,
    "2-problem": 760,
    "3-review": 1_180,
    "4-github": 640,
    "5-done": 560,
}
_IN_DOCS: Final = ("1-token", "2-app", "3-review", "5-done")
_KEPT: Final = ("content-type", "content-security-policy")


@dataclass
class Gallery:
    """The pages to be shown, by path, as the server sent them."""

    pages: dict[str, Response] = field(default_factory=dict)

    def add(self, name: str, page: httpx.Response, at: str) -> None:
        """Show a page under `at`, so that it finds its files."""
        headers = {key: page.headers[key] for key in _KEPT if key in page.headers}
        self.pages[f"/{name}{at}"] = Response(page.content, headers=headers)

    async def show(self, request: Request) -> Response:
        """Answer with a page or one of its files."""
        page = self.pages.get(request.url.path)
        asset = setup_asset(request.url.path.rpartition("/")[2])
        if page is None and asset is not None:
            page = Response(asset.body, headers=dict(asset.headers))
        return page or Response(status_code=404)


def main() -> None:
    """Take the pictures."""
    every = "--all" in sys.argv
    folder = Path(next(text for text in sys.argv[1:] if not text.startswith("-")))
    folder.mkdir(parents=True, exist_ok=True)
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if chromium is None:
        sys.exit("There is no Chromium: `apt-get install chromium`, or name it with CHROMIUM.")
    gallery = Gallery()
    _walk(gallery)
    app = Starlette(routes=[Route("/{path:path}", gallery.show)])
    with serving(app) as address:
        for path in gallery.pages:
            name = path.split("/")[1]
            page, size = f"{address}{path}", (_WIDTH, _HEIGHTS[name])
            if every or name in _IN_DOCS:
                _picture(chromium, page, folder / f"{name}.png", size)
            if every:
                _picture(chromium, page, folder / f"{name}-phone.png", _PHONE)
                _picture(chromium, page, folder / f"{name}-dark.png", size, dark=True)


def _walk(gallery: Gallery) -> None:
    with _kova() as (address, token), httpx.Client(headers={"user-agent": "pictures"}) as client:
        origin = {"origin": address}

        def post(path: str, **fields: str) -> httpx.Response:
            return client.post(address + path, data=fields, headers=origin)

        gallery.add("1-token", client.get(f"{address}/setup"), "/setup")
        post("/setup/session", token=token)
        gallery.add("2-app", client.get(f"{address}/setup"), "/setup")
        chosen = {"name": "Kova of acme", "organization": "acme"}
        wrong = post("/setup/app", **chosen, public_address="kova.example.com")
        gallery.add("2-problem", wrong, "/setup/app")
        review = post("/setup/app", **chosen, public_address="https://kova.example.com")
        gallery.add("3-review", review, "/setup/app")
        github = _press(client, review)
        gallery.add("4-github", github, "/settings")
        back = _press(client, github)
        gallery.add("5-done", client.get(back.headers["location"]), "/setup/callback")


def _press(client: httpx.Client, page: httpx.Response) -> httpx.Response:
    """Press the button of a page."""
    form = form_of(page)
    return client.post(form.address, data=form.fields)


@contextmanager
def _kova() -> Iterator[tuple[str, str]]:
    token = new_token()
    with serve_github() as github:
        core = Core(Settings(github_api_url=github.url, setup=SetupSettings(token=token)))
        root = SetupRoot(core, MemoryCredentialStore())
        with serving(create_app(core, {"setup": root}, [setup.router]), lifespan=True) as address:
            yield address, token


def _picture(
    chromium: str, address: str, file: Path, size: tuple[int, int], *, dark: bool = False
) -> None:
    with tempfile.TemporaryDirectory() as profile:
        command = [
            *(chromium, "--headless", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu"),
            f"--user-data-dir={profile}",
            f"--window-size={size[0]},{size[1]}",
            "--hide-scrollbars",
            *(["--blink-settings=preferredColorScheme=0"] if dark else []),
            f"--screenshot={file.absolute()}",
            address,
        ]
        subprocess.run(command, check=True, capture_output=True, timeout=120)
    print(f"{file}: {file.stat().st_size} bytes")


if __name__ == "__main__":
    main()
