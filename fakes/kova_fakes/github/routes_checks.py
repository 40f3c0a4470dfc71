"""Check runs and commit statuses."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kova_fakes.github import bodies
from kova_fakes.github.auth import CallerKind, GitHubCaller
from kova_fakes.github.context import answer, caller_of, context_of, paged, readable, writable
from kova_fakes.github.errors import ApiError, not_found, validation_failed
from kova_fakes.github.state import RepositoryState, timestamp
from kova_fakes.github.views import account


def _require_app(request: Request) -> RepositoryState:
    repository = writable(request)
    if caller_of(request) is not CallerKind.INSTALLATION:
        raise ApiError(403, "You must authenticate via a GitHub App.")
    return repository


async def create(request: Request) -> Response:
    """POST check-runs."""
    repository = _require_app(request)
    body = await bodies.read(request, bodies.CheckRunCreate)
    if body.head_sha not in repository.git.commits:
        raise ApiError(422, f"No commit found for SHA: {body.head_sha}")
    context = context_of(request)
    caller: GitHubCaller = request.state.caller
    app = caller.app or context.credentials.app
    number = context.state.number()
    run: dict[str, Any] = {
        "id": number,
        "node_id": f"CR_{number}",
        "name": body.name,
        "head_sha": body.head_sha,
        "external_id": "",
        "url": f"{context.url}/repos/{repository.full_name}/check-runs/{number}",
        "html_url": f"{context.url}/{repository.full_name}/runs/{number}",
        "details_url": None,
        "status": "queued",
        "conclusion": None,
        "started_at": timestamp(),
        "completed_at": None,
        "output": {
            "title": None,
            "summary": None,
            "text": None,
            "annotations_count": 0,
            "annotations_url": "",
        },
        "check_suite": {"id": repository.id},
        "app": app.view(context.url),
        "pull_requests": [],
    }
    repository.check_runs.append(run)
    repository.annotations[number] = []
    _apply(repository, run, body)
    return answer(request, _shown(run), 201)


async def update(request: Request) -> Response:
    """PATCH check-runs/{id}."""
    repository = _require_app(request)
    run = _find(repository, request)
    _apply(repository, run, await bodies.read(request, bodies.CheckRunUpdate))
    return answer(request, _shown(run))


def _apply(repository: RepositoryState, run: dict[str, Any], body: bodies.CheckRunUpdate) -> None:
    values = body.model_dump(exclude_unset=True, exclude={"output", "head_sha"})
    run.update(values)
    if body.conclusion is not None:
        run["status"] = "completed"
        run["completed_at"] = run["completed_at"] or timestamp()
    if body.output is not None:
        if not body.output.title and not run["output"]["title"]:
            raise validation_failed("CheckRun", "missing_field", "output.title")
        shown = body.output.model_dump(exclude_unset=True, exclude={"annotations"})
        run["output"] = run["output"] | shown
        # GitHub appends annotations on every update.
        notes = repository.annotations[run["id"]]
        notes += [
            annotation.model_dump() | {"blob_href": ""} for annotation in body.output.annotations
        ]
        run["output"]["annotations_count"] = len(notes)
        run["output"]["annotations_url"] = f"{run['url']}/annotations"


def _shown(run: dict[str, Any]) -> dict[str, Any]:
    """Return a check run as the API shows it: its buttons are on the page alone."""
    return {key: value for key, value in run.items() if key != "actions"}


def _find(repository: RepositoryState, request: Request) -> dict[str, Any]:
    for run in repository.check_runs:
        if str(run["id"]) == request.path_params["id"]:
            return run
    raise not_found()


async def get(request: Request) -> Response:
    """GET check-runs/{id}."""
    return answer(request, _shown(_find(readable(request), request)))


async def list_annotations(request: Request) -> Response:
    """GET check-runs/{id}/annotations."""
    repository = readable(request)
    return paged(request, repository.annotations[_find(repository, request)["id"]])


async def list_for_commit(request: Request) -> Response:
    """GET commits/{ref}/check-runs."""
    repository = readable(request)
    sha = repository.git.resolve(request.path_params["ref"])
    query = request.query_params
    runs = [run for run in reversed(repository.check_runs) if run["head_sha"] == sha]
    for key, member in (("check_name", "name"), ("status", "status")):
        if key in query:
            runs = [run for run in runs if run[member] == query[key]]
    if query.get("filter", "latest") == "latest":
        latest = {run["name"]: run for run in reversed(runs)}
        runs = [run for run in runs if latest[run["name"]] is run]
    return paged(request, [_shown(run) for run in runs], "check_runs")


async def create_status(request: Request) -> Response:
    """POST statuses/{sha}."""
    repository = writable(request)
    body = await bodies.read(request, bodies.StatusBody)
    sha = request.path_params["sha"]
    if sha not in repository.git.commits:
        raise ApiError(422, f"No commit found for SHA: {sha}")
    number = context_of(request).state.number()
    status = body.model_dump() | {
        "id": number,
        "node_id": f"S_{number}",
        "url": str(request.url),
        "avatar_url": None,
        "sha": sha,
        "created_at": timestamp(),
        "updated_at": timestamp(),
        "creator": account(repository.owner),
    }
    repository.statuses.append(status)
    return answer(request, status, 201)


async def statuses(request: Request) -> Response:
    """GET commits/{ref}/statuses."""
    repository = readable(request)
    sha = repository.git.resolve(request.path_params["ref"])
    return paged(
        request, [status for status in reversed(repository.statuses) if status["sha"] == sha]
    )


_R = "/repos/{owner}/{repo}"
ROUTES = [
    Route(_R + "/check-runs", create, methods=["POST"]),
    Route(_R + "/check-runs/{id}", update, methods=["PATCH"]),
    Route(_R + "/check-runs/{id}", get),
    Route(_R + "/check-runs/{id}/annotations", list_annotations),
    Route(_R + "/commits/{ref:path}/check-runs", list_for_commit),
    Route(_R + "/commits/{ref:path}/statuses", statuses),
    Route(_R + "/statuses/{sha}", create_status, methods=["POST"]),
]
