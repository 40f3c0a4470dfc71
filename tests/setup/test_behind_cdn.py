"""/setup behind a CDN: the browser's host is the public one, the request's is another."""

from __future__ import annotations

import html
import json
from pathlib import Path

import httpx
import pytest

from kova.adapters.app_file import FileCredentialStore
from kova.bootstrap.core import Core
from kova.bootstrap.settings import Settings, SetupSettings
from kova.bootstrap.setup import SetupRoot
from kova.setup.session import new_token
from kova.web.app import create_app
from kova.web.routes import setup
from kova_fakes.forms import form_of

PUBLIC = "https://kova.example.com"
API = "https://abc.execute-api.eu-central-1.amazonaws.com"


@pytest.mark.parametrize("public_url", [PUBLIC, None])
async def test_forms_of_the_public_address_are_taken_where_it_is_set(
    tmp_path: Path, public_url: str | None
) -> None:
    token = new_token()
    core = Core(Settings(public_url=public_url, setup=SetupSettings(token=token)))
    store = FileCredentialStore(tmp_path / "app.env")
    app = create_app(core, {"setup": SetupRoot(core, store)}, [setup.router])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url=API) as client:
        browser = {"origin": PUBLIC, "sec-fetch-site": "same-origin"}
        opened = await client.post("/setup/session", data={"token": token}, headers=browser)
        assert opened.status_code == (303 if public_url else 403)
        if public_url is None:
            return
        assert "Secure" in opened.headers["set-cookie"]
        form = form_of(await client.get("/setup"))
        assert form.fields["public_address"] == PUBLIC
        review = await client.post("/setup/app", data=form.fields, headers=browser)
        manifest = json.loads(html.unescape(form_of(review).fields["manifest"]))
        assert manifest["redirect_url"] == f"{PUBLIC}/setup/callback"
        assert manifest["hook_attributes"]["url"] == f"{PUBLIC}/webhooks/github"
        evil = {"origin": "https://evil.example"}
        foreign = await client.post("/setup/app", data=form.fields, headers=evil)
        assert foreign.status_code == 403
    await core.close()
