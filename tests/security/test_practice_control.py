"""The practice GitHub lets programs act as people: with a token, for this machine, on named folders."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from kova_fakes.github.context import PersonControl
from kova_fakes.github.server import application, new_context

TOKEN = "the-token-of-this-test"
NAME = "octo/sample"
PUSH = {"repository": NAME, "event": "push"}
# Every route below /_control.
ROUTES = [
    ("POST", "/repositories", {"full_name": "octo/new", "files": {"a.py": ""}}),
    ("POST", "/sample", {}),
    ("POST", "/push", {"full_name": NAME, "files": {}}),
    ("POST", "/deliver", {**PUSH, "url": "http://127.0.0.1:9/"}),
    ("POST", "/faults", {"kind": "500"}),
    ("GET", "/requests", None),
    ("GET", f"/repositories/{NAME}", None),
    ("GET", f"/repositories/{NAME}/pulls/1/diff", None),
]


def client_of(control: PersonControl | None, **headers: str) -> httpx.AsyncClient:
    context = new_context(person_control=control)
    context.url = "http://127.0.0.1:1"
    context.local_only = True
    context.state.create_repository(NAME, files={"a.py": b"x = 1\n"})
    transport = httpx.ASGITransport(application(context))
    return httpx.AsyncClient(transport=transport, base_url=context.url, headers=headers)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that may be read, beside one that may not."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "a.py").write_text("x = 1\n")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("a key\n")
    (tmp_path / "open" / "way").symlink_to(tmp_path / "secret")
    (tmp_path / "open" / "key").symlink_to(tmp_path / "secret" / "key")
    return (tmp_path / "open").resolve()


@pytest.fixture
async def people(folder: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client that has the token."""
    control = PersonControl(token=TOKEN, folders=(folder,))
    async with client_of(control, authorization=f"Bearer {TOKEN}") as client:
        yield client


def test_every_route_is_attacked() -> None:
    routes = application(new_context(person_control=PersonControl(token=TOKEN))).routes
    paths = {getattr(route, "path", "") for route in routes}
    attacked = {
        path.replace(NAME, "{owner}/{repo}").replace("/1/", "/{number:int}/")
        for _, path, _ in ROUTES
    }
    assert {path for path in paths if path.startswith("/_control")} == {
        f"/_control{path}" for path in attacked
    }


@pytest.mark.parametrize("authorization", ["", "Bearer ", "Bearer wrong", TOKEN, "Bearer \xe9"])
@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_without_the_token_nothing_is_done(
    method: str, path: str, body: object, authorization: str, folder: Path
) -> None:
    control = PersonControl(token=TOKEN, folders=(folder,))
    async with client_of(control) as client:
        headers = {b"authorization": authorization.encode("latin-1")}
        answer = await client.request(method, f"/_control{path}", json=body, headers=headers)
    assert answer.status_code == 401
    assert "sample" not in answer.text


@pytest.mark.parametrize(("method", "path", "body"), ROUTES)
async def test_where_nobody_asked_for_it_there_is_no_such_route(
    method: str, path: str, body: object
) -> None:
    async with client_of(None, authorization=f"Bearer {TOKEN}") as client:
        answer = await client.request(method, f"/_control{path}", json=body)
    assert answer.status_code in {401, 404}
    assert "head" not in answer.text


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:1", "10.0.0.1", "127.0.0.1.evil", ""]
)
@pytest.mark.parametrize(
    "path", ["/", f"/{NAME}/pull/1", f"/repos/{NAME}", "/_control/requests", "/settings/apps/new"]
)
async def test_a_name_that_leads_here_by_a_foreign_dns_is_refused(
    people: httpx.AsyncClient, path: str, host: str
) -> None:
    assert (await people.get(path, headers={"host": host})).status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site", "origin": "null"}],
)
@pytest.mark.parametrize("path", ["/settings/apps/new", "/_control/sample", f"/repos/{NAME}/hooks"])
async def test_a_foreign_page_sends_nothing(
    people: httpx.AsyncClient, path: str, headers: dict[str, str]
) -> None:
    assert (await people.post(path, headers=headers)).status_code == 403


@pytest.mark.parametrize("name", ["../secret", "way", "/", "/etc", "..", "way/../..", "\0"])
async def test_no_other_folder_is_read(people: httpx.AsyncClient, folder: Path, name: str) -> None:
    body = {"full_name": "octo/stolen", "folder": str(folder / name)}
    answer = await people.post("/_control/repositories", json=body)
    assert answer.status_code == 422
    assert (await people.get("/_control/repositories/octo/stolen")).status_code == 404


async def test_a_link_in_the_folder_leads_nowhere(people: httpx.AsyncClient, folder: Path) -> None:
    body = {"full_name": "octo/mine", "folder": str(folder)}
    answer = await people.post("/_control/repositories", json=body)
    assert (answer.status_code, answer.json()["files"]) == (201, 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data",
        "http://10.0.0.1:9/",
        "https://evil.example/",
        "http://127.0.0.1@evil.example/",
        "http://localhost.evil.example/",
        "http://0.0.0.0:9/",
        "http://[::ffff:10.0.0.1]/",
        "http://2130706433/",
        "http://[::1/",
        "file:///etc/passwd",
        "",
    ],
)
async def test_a_signed_delivery_goes_to_no_other_machine(
    people: httpx.AsyncClient, url: str
) -> None:
    answer = await people.post("/_control/deliver", json={**PUSH, "url": url})
    assert answer.status_code == 422
