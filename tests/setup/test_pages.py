"""The pages of /setup, from the outside: the way through, and every way that is none."""

from __future__ import annotations

import html
import json
import stat
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from kova.adapters.env_file import read_environment
from kova.setup.app_needs import EVENTS, PERMISSIONS
from kova.setup.credentials import AppCredentials
from kova.setup.exceptions import StoreUnavailableError
from kova.setup.session import new_session, state_of
from kova_fakes.forms import form_of
from kova_fakes.github.faults import Fault
from tests.setup.conftest import Setup
from tests.support.setup import query_of

CHOSEN = {"name": "Kova of octo", "public_address": "https://kova.example.com"}


def test_a_person_makes_the_app_and_its_credentials_are_stored(kova: Setup) -> None:
    done = kova.person().set_up(kova.token, **CHOSEN)
    (app,) = kova.github.state.apps
    assert done.status_code == 200
    assert f"{kova.github.url}/apps/kova-of-octo/installations/new" in done.text
    assert read_environment(kova.file) == {
        "KOVA_GITHUB_APP_ID": str(app.id),
        "KOVA_GITHUB_APP_PAGE": f"{kova.github.url}/apps/kova-of-octo",
        "KOVA_GITHUB_APP_SLUG": "kova-of-octo",
        "KOVA_GITHUB_PRIVATE_KEY": app.private_key_pem,
        "KOVA_GITHUB_CLIENT_ID": app.client_id,
        "KOVA_GITHUB_CLIENT_SECRET": app.client_secret,
        "KOVA_GITHUB_WEBHOOK_SECRET": app.webhook_secret,
    }
    assert stat.S_IMODE(kova.file.stat().st_mode) == 0o600
    for secret in (app.private_key_pem, app.client_secret, app.webhook_secret):
        assert secret not in done.text


def test_the_app_is_what_the_table_says(kova: Setup) -> None:
    kova.person().set_up(kova.token, organization="acme", **CHOSEN)
    (app,) = kova.github.state.apps
    assert (app.owner, app.owner_type) == ("acme", "Organization")
    assert app.hook_url == "https://kova.example.com/webhooks/github"
    assert app.permissions == {each.name: each.access for each in PERMISSIONS}
    assert app.events == [event.name for event in EVENTS]


def test_the_manifest_is_private_and_leads_back_here(kova: Setup) -> None:
    person = kova.person()
    review = person.choose(person.enter_token(kova.token), **CHOSEN)
    form = form_of(review)
    manifest = json.loads(form.fields["manifest"])
    assert manifest["public"] is False
    assert manifest["redirect_url"] == f"{kova.address}/setup/callback"
    assert form.address.startswith(f"{kova.github.url}/settings/apps/new?state=")
    for permission in PERMISSIONS:
        assert html.escape(permission.reason) in review.text.replace(
            "<code>/kova</code>", "`/kova`"
        )


def test_after_the_setup_there_is_nothing_any_more(kova: Setup) -> None:
    person = kova.person()
    person.set_up(kova.token, **CHOSEN)
    for someone in (person, kova.person()):
        assert someone.get("/setup").status_code == 404
        assert someone.get("/setup/callback?code=a&state=b").status_code == 404
        for path in ("/setup/session", "/setup/app"):
            answer = someone.client.post(kova.address + path, data={"token": kova.token})
            assert answer.status_code == 404


def test_the_token_works_once(kova: Setup) -> None:
    first, second = kova.person(), kova.person()
    assert "Name of the App" in first.enter_token(kova.token).text
    assert second.enter_token(kova.token).status_code == 404
    assert "Name of the App" in first.get("/setup").text  # The one who opened it goes on.


@pytest.mark.parametrize("token", ["", "wrong", "\u00e9\U0001f600", "x" * 5_000, "a\0b"])
def test_another_token_is_refused(kova: Setup, token: str) -> None:
    person = kova.person()
    page = person.submit(person.get("/setup"), {"token": token})
    assert page.status_code == 403
    assert "not the one-time token" in page.text
    assert "kova_setup" not in person.client.cookies


def test_guessing_is_limited_by_address(kova: Setup) -> None:
    person = kova.person()
    page = person.get("/setup")
    codes = [person.submit(page, {"token": f"guess {number}"}) for number in range(12)]
    assert [answer.status_code for answer in codes] == [403] * 10 + [429] * 2
    assert int(codes[-1].headers["retry-after"]) > 0
    assert person.submit(page, {"token": kova.token}).status_code == 429


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://["},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
def test_a_form_of_another_site_is_refused(kova: Setup, headers: dict[str, str]) -> None:
    person = kova.person()
    page = person.get("/setup")
    assert person.submit(page, {"token": kova.token}, **headers).status_code == 403
    form = person.submit(page, {"token": kova.token})
    assert form.status_code == 200  # The token was not spent by the other site.
    assert person.submit(form, CHOSEN, **headers).status_code == 403


def test_a_state_of_another_session_is_refused(kova: Setup) -> None:
    mine = kova.person()
    redirect = mine.create_on_github(mine.choose(mine.enter_token(kova.token), **CHOSEN))
    code = query_of(redirect)["code"]
    for state in ("", "0" * 64, "é", state_of("other", kova.token), state_of("", kova.token)):
        answer = mine.client.get(
            f"{kova.address}/setup/callback", params={"code": code, "state": state}
        )
        assert answer.status_code == 403
    stranger = kova.person().client.get(redirect.headers["location"])
    assert stranger.status_code == 403
    assert mine.come_back(redirect).status_code == 200  # None of it used the code up.


@pytest.mark.parametrize("code", ["", "../app", "a/b", "é", "x" * 200, "a b", "a?b", "%00"])
def test_a_code_that_github_never_made_is_refused_without_asking(kova: Setup, code: str) -> None:
    person = kova.person()
    form = form_of(person.choose(person.enter_token(kova.token), **CHOSEN))
    state = httpx.URL(form.address).params["state"]
    answer = person.client.get(
        f"{kova.address}/setup/callback", params={"code": code, "state": state}
    )
    assert answer.status_code == 400
    assert [sent.path for sent in kova.github.state.requests] == []


def test_an_expired_code_is_refused_and_a_new_app_can_be_made(kova: Setup) -> None:
    person = kova.person()
    form = person.enter_token(kova.token)
    redirect = person.create_on_github(person.choose(form, **CHOSEN))
    (app,) = kova.github.state.apps
    app.created_at = datetime.now(UTC) - timedelta(minutes=61)
    late = person.come_back(redirect)
    assert late.status_code == 400
    assert "older than an hour" in late.text
    again = person.choose(
        person.get("/setup"), name="Kova again", public_address="https://k.example"
    )
    assert person.come_back(person.create_on_github(again)).status_code == 200


def test_an_ended_session_begins_anew(kova: Setup) -> None:
    person = kova.person()
    person.enter_token(kova.token)
    old = new_session(kova.token, datetime.now(UTC) - timedelta(minutes=61))
    person.client.cookies.clear()
    for session in (old, "garbage", "1.2.3", old[:-1] + "0", ""):
        headers = {"cookie": f"kova_setup={session}", "origin": kova.address}
        answer = person.client.post(f"{kova.address}/setup/app", data=CHOSEN, headers=headers)
        assert answer.status_code == 403
        assert "Begin anew" in answer.text


def test_github_away_is_said_and_the_code_still_works(kova: Setup) -> None:
    person = kova.person()
    redirect = person.create_on_github(person.choose(person.enter_token(kova.token), **CHOSEN))
    kova.github.inject(Fault(kind="502", method="POST", path="/app-manifests/"))
    away = person.come_back(redirect)
    assert away.status_code == 503
    assert "Reload this page" in away.text
    assert person.come_back(redirect).status_code == 200


@pytest.mark.parametrize(
    "fields",
    [
        {"name": ""},
        {"name": "x" * 35},
        {"name": '"><script>alert(1)</script>'},
        {"name": "a\nb"},
        {"organization": "a/b"},
        {"organization": "../settings"},
        {"organization": "é"},
        {"public_address": "kova.example.com"},
        {"public_address": "javascript:alert(1)"},
        {"public_address": "https://user:pass@kova.example.com"},
        {"public_address": "https://kova.example.com/?a=b"},
        {"public_address": ""},
    ],
)
def test_what_cannot_be_is_said_beside_its_field(kova: Setup, fields: dict[str, str]) -> None:
    person = kova.person()
    page = person.choose(person.enter_token(kova.token), **{**CHOSEN, **fields})
    assert page.status_code == 422
    assert 'aria-invalid="true"' in page.text
    assert 'role="alert"' in page.text
    assert "<script>alert" not in page.text


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"token=%ff%fe", b"&".join([b"a=b"] * 100), b"token", b""]
)
def test_a_malformed_form_is_no_error_of_ours(kova: Setup, body: bytes) -> None:
    person = kova.person()
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = person.client.post(f"{kova.address}/setup/session", content=body, headers=headers)
    assert answer.status_code in {400, 403}


def test_other_bodies_are_refused(kova: Setup) -> None:
    client = kova.person().client
    as_json = client.post(f"{kova.address}/setup/session", json={"token": kova.token})
    assert as_json.status_code == 415
    large = client.post(f"{kova.address}/setup/session", data={"token": "x" * 20_000})
    assert large.status_code == 413


def test_pages_are_guarded(kova: Setup) -> None:
    person = kova.person()
    pages = [person.get("/setup"), person.enter_token(kova.token)]
    pages.append(person.choose(pages[-1], **CHOSEN))
    for page in pages:
        policy = page.headers["content-security-policy"]
        assert "unsafe-inline" not in policy
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["cache-control"] == "no-store"
        assert "style=" not in page.text
        assert "<script>" not in page.text
    assert f"form-action 'self' {kova.github.url}" in pages[-1].headers["content-security-policy"]
    assert kova.github.url not in pages[0].headers["content-security-policy"]
    for name, kind in (("setup.css", "text/css"), ("setup.js", "text/javascript")):
        assert person.get(f"/setup/{name}").headers["content-type"].startswith(kind)
    assert person.get("/setup/form.html").status_code == 404
    assert person.get("/setup/..%2f..%2fservices.py").status_code == 404


def test_the_cookie_is_for_this_page_alone(kova: Setup) -> None:
    person = kova.person()
    answer = person.client.post(
        f"{kova.address}/setup/session",
        data={"token": kova.token},
        headers={"origin": kova.address},
    )
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Path=/setup" in cookie
    assert kova.token not in cookie


def lose(kova: Setup, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    async def save(_: object, __: AppCredentials) -> None:
        raise error

    monkeypatch.setattr("kova.adapters.app_file.FileCredentialStore.save", save)


def test_credentials_that_cannot_be_stored_are_said_to_be_lost(
    kova: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = kova.person()
    with monkeypatch.context() as patch:
        lose(kova, patch, StoreUnavailableError())
        lost = person.set_up(kova.token, **CHOSEN)
    assert lost.status_code == 409
    assert f"{kova.github.url}/settings/apps/kova-of-octo/advanced" in lost.text
    assert "begin anew" in lost.text
    review = person.choose(person.get("/setup"), name="Second", public_address="https://k.example")
    assert person.come_back(person.create_on_github(review)).status_code == 200


def test_an_interruption_before_the_store_is_noticed_at_the_reload(
    kova: Setup, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = kova.person()
    redirect = person.create_on_github(person.choose(person.enter_token(kova.token), **CHOSEN))
    with monkeypatch.context() as patch:
        lose(kova, patch, RuntimeError("killed"))
        failed = person.come_back(redirect)
        assert (failed.status_code, failed.headers.get("connection")) == (500, "close")
    reloaded = person.come_back(redirect)
    assert reloaded.status_code == 409
    assert "interrupted" in reloaded.text
    assert "Delete the App" in reloaded.text


def test_the_second_of_two_apps_does_not_replace_the_first(kova: Setup) -> None:
    person = kova.person()
    form = person.enter_token(kova.token)
    first = person.create_on_github(person.choose(form, **CHOSEN))
    second = person.create_on_github(person.choose(form, **{**CHOSEN, "name": "Another"}))
    assert person.come_back(first).status_code == 200
    assert person.come_back(second).status_code == 404
    assert read_environment(kova.file)["KOVA_GITHUB_APP_SLUG"] == "kova-of-octo"


def test_everything_from_github_is_escaped(kova: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    person = kova.person()
    redirect = person.create_on_github(person.choose(person.enter_token(kova.token), **CHOSEN))
    kova.github.state.apps[0].name = "<script>alert(1)</script>"
    done = person.come_back(redirect)
    assert "<script>alert" not in done.text
    assert "&lt;script&gt;" in done.text
