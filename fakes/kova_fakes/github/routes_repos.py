"""The App, repositories, pull requests."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from kova_fakes.github import bodies, people
from kova_fakes.github.auth import CallerKind
from kova_fakes.github.context import (
    answer,
    caller_of,
    context_of,
    paged,
    readable,
    require_app,
    writable,
)
from kova_fakes.github.errors import ApiError, not_found
from kova_fakes.github.state import RepositoryState, timestamp
from kova_fakes.github.views import account, pull_view, repository_view


async def installation(request: Request) -> Response:
    """GET /repos/{owner}/{repo}/installation."""
    app, context = require_app(request), context_of(request)
    name = f"{request.path_params['owner']}/{request.path_params['repo']}"
    repository = context.state.repository(name)
    if app.installation_id is None or not repository.installed:
        raise not_found()
    view = {
        "id": app.installation_id,
        "account": account(repository.owner),
        "app_id": app.id,
        "permissions": app.permissions,
    }
    return answer(request, view)


async def access_token(request: Request) -> Response:
    """POST /app/installations/{id}/access_tokens."""
    app = require_app(request)
    if request.path_params["id"] != str(app.installation_id):
        raise not_found()
    if app.suspended:
        raise ApiError(403, "This installation has been suspended")
    if await request.body():
        body = await bodies.read_json(request)
        unknown = set(body) - {"repositories", "repository_ids", "permissions"}
        if unknown:
            raise ApiError(422, f"Invalid request.\n\n{sorted(unknown)} not permitted.")
    token, expires = context_of(request).credentials.issue(app)
    view = {
        "token": token,
        "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "permissions": app.permissions,
        "repository_selection": "all",
    }
    return answer(request, view, 201)


async def get_repository(request: Request) -> Response:
    """GET /repos/{owner}/{repo}."""
    return answer(request, repository_view(context_of(request).url, readable(request)))


async def installation_repositories(request: Request) -> Response:
    """GET /installation/repositories."""
    if caller_of(request) is not CallerKind.INSTALLATION:
        raise ApiError(403, "You must authenticate with an installation access token")
    context = context_of(request)
    views = [
        repository_view(context.url, repository)
        for repository in context.state.repositories()
        if repository.installed
    ]
    return paged(request, views, "repositories")


async def list_pulls(request: Request) -> Response:
    """GET pulls."""
    repository = readable(request)
    query = request.query_params
    state = query.get("state", "open")
    pulls = [pull for pull in reversed(repository.pulls) if state in {"all", pull["state"]}]
    if "head" in query:
        pulls = [
            pull for pull in pulls if f"{repository.owner}:{pull['head_ref']}" == query["head"]
        ]
    if "base" in query:
        pulls = [pull for pull in pulls if pull["base_ref"] == query["base"]]
    url = context_of(request).url
    return paged(request, [pull_view(url, repository, pull) for pull in pulls])


async def create_pull(request: Request) -> Response:
    """POST pulls."""
    repository = writable(request)
    body = await bodies.read(request, bodies.PullBody)
    head = body.head.removeprefix(f"{repository.owner}:")
    number = context_of(request).state.open_pull(
        repository.full_name, head=head, base=body.base, title=body.title, body=body.body
    )
    return _pull_answer(request, repository, _pull(repository, number), 201)


async def update_pull(request: Request) -> Response:
    """PATCH pulls/{number}."""
    repository = writable(request)
    pull = _pull(repository, request.path_params["number"])
    body = await bodies.read(request, bodies.PullUpdate)
    if body.state == "closed" and pull["state"] == "open":
        people.close_pull(repository, pull["number"])
    pull.update(body.model_dump(exclude_unset=True, exclude={"base", "maintainer_can_modify"}))
    return _pull_answer(request, repository, pull)


async def get_pull(request: Request) -> Response:
    """GET pulls/{number}."""
    repository = readable(request)
    return _pull_answer(request, repository, _pull(repository, request.path_params["number"]))


async def pull_files(request: Request) -> Response:
    """GET pulls/{number}/files."""
    repository = readable(request)
    pull = _pull(repository, request.path_params["number"])
    git = repository.git
    head, base = git.refs[f"heads/{pull['head_ref']}"], git.refs[f"heads/{pull['base_ref']}"]
    return paged(request, git.changes(git.merge_base(base, head) or base, head))


def _pull(repository: RepositoryState, number: Any) -> dict[str, Any]:
    for pull in repository.pulls:
        if str(pull["number"]) == str(number):
            return pull
    raise not_found()


def _pull_answer(
    request: Request, repository: RepositoryState, pull: dict[str, Any], status: int = 200
) -> Response:
    return answer(request, pull_view(context_of(request).url, repository, pull), status)


async def comments(request: Request) -> Response:
    """GET and POST issues/{number}/comments."""
    repository = readable(request) if request.method == "GET" else writable(request)
    number = request.path_params["number"]
    if request.method == "GET":
        return paged(
            request, [comment for comment in repository.comments if comment["issue"] == number]
        )
    body = await bodies.read(request, bodies.CommentBody)
    identifier = context_of(request).state.number()
    new_comment = {
        "id": identifier,
        "issue": number,
        "body": body.body,
        "created_at": timestamp(),
        "user": account("kova[bot]"),
    }
    repository.comments.append(new_comment)
    return answer(request, new_comment, 201)


async def update_comment(request: Request) -> Response:
    """PATCH issues/comments/{id}."""
    repository = writable(request)
    for comment in repository.comments:
        if str(comment["id"]) == request.path_params["id"]:
            comment["body"] = (await bodies.read(request, bodies.CommentBody)).body
            return answer(request, comment)
    raise not_found()


async def permission(request: Request) -> Response:
    """GET collaborators/{user}/permission."""
    readable(request)
    user = request.path_params["user"]
    level = "write" if user == "writer" else "read"
    return answer(request, {"permission": level, "role_name": level, "user": account(user)})


async def rate_limit(request: Request) -> Response:
    """GET /rate_limit."""
    core = {"limit": 5000, "remaining": 4999, "reset": 0, "used": 1}
    return answer(request, {"resources": {"core": core, "search": core}, "rate": core})


_R = "/repos/{owner}/{repo}"
ROUTES = [
    Route("/app/installations/{id}/access_tokens", access_token, methods=["POST"]),
    Route("/installation/repositories", installation_repositories),
    Route("/rate_limit", rate_limit),
    Route(_R, get_repository),
    Route(_R + "/installation", installation),
    Route(_R + "/pulls", list_pulls),
    Route(_R + "/pulls", create_pull, methods=["POST"]),
    Route(_R + "/pulls/{number}", get_pull),
    Route(_R + "/pulls/{number}", update_pull, methods=["PATCH"]),
    Route(_R + "/pulls/{number}/files", pull_files),
    Route(_R + "/issues/comments/{id}", update_comment, methods=["PATCH"]),
    Route(_R + "/issues/{number}/comments", comments, methods=["GET", "POST"]),
    Route(_R + "/collaborators/{user}/permission", permission),
]
