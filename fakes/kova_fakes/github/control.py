"""Routes that only the fake has: actions of people, injected faults, and pages to look at."""

from __future__ import annotations

import base64
import difflib
import hmac
import html
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from kova_fakes.github import bodies
from kova_fakes.github.context import GitHubContext, context_of, page
from kova_fakes.github.errors import ApiError, not_found
from kova_fakes.github.faults import Fault
from kova_fakes.github.sample import read_sample
from kova_fakes.github.state import RepositoryState
from kova_fakes.github.views import pull_view
from kova_fakes.github.webhooks import deliver, ping_event, pull_request_event, push_event

_FILE_LIMIT = 5_000_000


def folder_files(folder: Path) -> dict[str, bytes]:
    """Return the regular files of a folder by path, without `.git`."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        and not path.is_symlink()
        and ".git" not in path.relative_to(folder).parts
        and path.stat().st_size <= _FILE_LIMIT
    }


async def create_repository(request: Request) -> Response:
    """POST /_control/repositories."""
    body = await bodies.read_json(request)
    files = {path: base64.b64decode(content) for path, content in body.get("files", {}).items()}
    if "folder" in body:
        folder = _open_folder(context_of(request), body["folder"])
        files = await run_in_threadpool(folder_files, folder)
    if not files:
        raise ApiError(422, "There are no files.")
    branch = body.get("default_branch", "main")
    head = await run_in_threadpool(
        context_of(request).state.create_repository,
        body["full_name"],
        files=files,
        default_branch=branch,
        private=body.get("private", False),
    )
    return JSONResponse({"full_name": body["full_name"], "head": head, "files": len(files)}, 201)


def _open_folder(context: GitHubContext, name: str) -> Path:
    """Return a folder that may be read; links are followed before it is compared."""
    folder = Path(name).resolve()
    roots = context.control.folders if context.control else ()
    if not any(folder.is_relative_to(root) for root in roots):
        raise ApiError(422, "The folder is in none that --folder named at the start.")
    if not folder.is_dir():
        raise ApiError(422, "There is no such folder.")
    return folder


async def create_sample(request: Request) -> Response:
    """POST /_control/sample: the sample repository, made by the first call."""
    sample = read_sample()
    state = context_of(request).state
    try:
        repository = state.repository(sample.full_name)
        head, status = state.head(sample.full_name, repository.default_branch), 200
    except ApiError:
        head, status = state.create_repository(sample.full_name, files=sample.files), 201
    return JSONResponse({"full_name": sample.full_name, "head": head}, status)


async def push(request: Request) -> Response:
    """POST /_control/push."""
    body = await bodies.read_json(request)
    files = {path: base64.b64decode(content) for path, content in body.get("files", {}).items()}
    head = context_of(request).state.push(
        body["full_name"],
        files,
        deletes=body.get("deletes", ()),
        branch=body.get("branch"),
        message=body.get("message", "Change"),
    )
    return JSONResponse({"head": head}, 201)


async def send(request: Request) -> Response:
    """POST /_control/deliver: to `url`, or without one to the Apps that people made here."""
    body = await bodies.read_json(request)
    context = context_of(request)
    repository = context.state.repository(body["repository"])
    if body["event"] == "push":
        payload = push_event(context, repository, body.get("branch", repository.default_branch))
    elif body["event"] == "pull_request":
        payload = pull_request_event(
            context, repository, body["pull_request"], body.get("action", "opened")
        )
    else:
        payload = ping_event(context, repository)
    try:
        if "url" not in body:
            return JSONResponse(await run_in_threadpool(_deliver_to_apps, context, body, payload))
        response = await run_in_threadpool(
            deliver, context, body["url"], body["event"], payload, guid=body.get("guid")
        )
    except httpx.TransportError as exc:
        raise ApiError(502, f"The delivery failed: {type(exc).__name__}") from exc
    return JSONResponse({"status_code": response.status_code, "body": response.text[:2_000]})


def _deliver_to_apps(
    context: GitHubContext, body: dict[str, Any], payload: dict[str, Any]
) -> list[dict[str, Any]]:
    """Deliver to every App that was made here, is installed, and subscribes to the event.

    A `status_code` of 0: nobody answered, as GitHub's list of deliveries shows it.
    """
    outcomes: list[dict[str, Any]] = []
    for app in context.state.apps:
        if app.installation_id and app.hook_url and body["event"] in app.events:
            status, text = 0, ""
            with suppress(httpx.TransportError):
                response = deliver(context, app.hook_url, body["event"], payload, app=app)
                status, text = response.status_code, response.text[:2_000]
            outcomes.append({"app": app.slug, "status_code": status, "body": text})
    return outcomes


async def show(request: Request) -> Response:
    """GET /_control/repositories/{owner}/{repo}."""
    repository = _repository(request)
    url = context_of(request).url
    heads = {
        name.removeprefix("heads/"): sha
        for name, sha in repository.git.refs.items()
        if name.startswith("heads/")
    }
    return JSONResponse(
        {
            "full_name": repository.full_name,
            "heads": heads,
            "check_runs": repository.check_runs,
            "statuses": repository.statuses,
            "pulls": [pull_view(url, repository, pull) for pull in repository.pulls],
        }
    )


async def pull_diff(request: Request) -> Response:
    """GET /_control/repositories/{owner}/{repo}/pulls/{number}/diff."""
    return PlainTextResponse(_diff(_repository(request), int(request.path_params["number"])))


def _diff(repository: RepositoryState, number: int) -> str:
    if not 1 <= number <= len(repository.pulls):
        raise not_found()
    git, pull = repository.git, repository.pulls[number - 1]
    head, base = git.refs[f"heads/{pull['head_ref']}"], git.refs[f"heads/{pull['base_ref']}"]
    start = git.merge_base(base, head) or base
    before, after = (dict(git.files(git.commits[sha].tree)) for sha in (start, head))
    text = ""
    for change in git.changes(start, head):
        path = str(change["filename"])
        old, new = (
            git.blobs[side[path].sha].decode("utf-8", "replace") if path in side else ""
            for side in (before, after)
        )
        lines = difflib.unified_diff(
            old.splitlines(), new.splitlines(), f"a/{path}", f"b/{path}", lineterm=""
        )
        text += "\n".join(lines) + "\n"
    return text


async def inject(request: Request) -> Response:
    """POST /_control/faults."""
    context_of(request).faults.inject(Fault(**await bodies.read_json(request)))
    return JSONResponse({}, 201)


async def requests(request: Request) -> Response:
    """GET /_control/requests."""
    return JSONResponse([asdict(recorded) for recorded in context_of(request).state.requests])


def _repository(request: Request) -> RepositoryState:
    name = f"{request.path_params['owner']}/{request.path_params['repo']}"
    return context_of(request).state.repository(name)


async def pull_page(request: Request) -> Response:
    """Show a pull request as a page."""
    repository = _repository(request)
    number = int(request.path_params["number"])
    diff = html.escape(_diff(repository, number))
    pull = repository.pulls[number - 1]
    title, body = html.escape(pull["title"]), html.escape(pull["body"] or "")
    return HTMLResponse(page(f"{title} #{number}", f"<pre>{body}</pre><pre>{diff}</pre>"))


async def home(request: Request) -> Response:
    """Show the repositories as a page."""
    rows: list[str] = []
    for repository in context_of(request).state.repositories():
        name = html.escape(repository.full_name)
        links = "".join(
            f' <a href="/{name}/pull/{pull["number"]}">#{pull["number"]}</a>'
            for pull in repository.pulls
        )
        rows.append(f"<li>{name}{links}</li>")
    return HTMLResponse(page("Practice GitHub", f"<ul>{''.join(rows)}</ul>"))


def _authorized(action: Callable[[Request], Awaitable[Response]]) -> Any:
    """Return an endpoint that wants the token, which no page of a browser can know."""

    async def endpoint(request: Request) -> Response:
        control = context_of(request).control
        given = request.headers.get("authorization", "").encode()
        if control is None or not hmac.compare_digest(given, f"Bearer {control.token}".encode()):
            raise ApiError(401, "Bad credentials: this wants KOVA_PRACTICE_TOKEN.")
        return await action(request)

    return endpoint


_REPOSITORIES = "/_control/repositories"
PAGES = [
    Route("/", home),
    Route("/{owner}/{repo}/pull/{number:int}", pull_page),
]
ROUTES = [
    Route(_REPOSITORIES, _authorized(create_repository), methods=["POST"]),
    Route("/_control/sample", _authorized(create_sample), methods=["POST"]),
    Route("/_control/push", _authorized(push), methods=["POST"]),
    Route("/_control/deliver", _authorized(send), methods=["POST"]),
    Route("/_control/faults", _authorized(inject), methods=["POST"]),
    Route("/_control/requests", _authorized(requests)),
    Route(_REPOSITORIES + "/{owner}/{repo}", _authorized(show)),
    Route(_REPOSITORIES + "/{owner}/{repo}/pulls/{number:int}/diff", _authorized(pull_diff)),
]
