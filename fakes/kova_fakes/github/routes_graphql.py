"""The GraphQL API, as far as Kova uses it: one mutation, which moves refs from where they were.

https://docs.github.com/graphql/reference/git#updaterefs
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kova_fakes.github import bodies, people
from kova_fakes.github.auth import CallerKind, GitHubCaller
from kova_fakes.github.context import caller_of, context_of
from kova_fakes.github.errors import ApiError
from kova_fakes.github.permissions import LEVELS
from kova_fakes.github.state import RepositoryState

_NOWHERE: Final = "0" * 40
_MUTATION: Final = re.compile(
    r"\s*mutation\s*\(\$input: UpdateRefsInput!\)\s*"
    r"\{\s*updateRefs\(input: \$input\)\s*\{\s*clientMutationId\s*\}\s*\}\s*"
)


class GraphqlError(Exception):
    """An error that GraphQL tells beside the status 200."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class RefMove(bodies.RequestBody):
    """A RefUpdate."""

    name: Annotated[str, Field(pattern=r"^refs/heads/.+$")]
    beforeOid: bodies.Sha | None = None  # noqa: N815 (GitHub's name)
    afterOid: bodies.Sha  # noqa: N815
    force: bool = False


class RefMoves(bodies.RequestBody):
    """An UpdateRefsInput."""

    repositoryId: str  # noqa: N815 (GitHub's name)
    refUpdates: Annotated[list[RefMove], Field(min_length=1)]  # noqa: N815


class MovesVariables(bodies.RequestBody):
    """The variables of the mutation."""

    input: RefMoves


class GraphqlBody(bodies.RequestBody):
    """POST graphql."""

    query: str
    variables: MovesVariables


async def graphql(request: Request) -> Response:
    """POST graphql."""
    if caller_of(request) is CallerKind.NOBODY:
        raise ApiError(401, "Requires authentication")
    body = await bodies.read(request, GraphqlBody)
    if not _MUTATION.fullmatch(body.query):
        return _failure("PARSE_ERROR", "This document is not known here.")
    moves = body.variables.input
    try:
        repository = _repository(request, moves.repositoryId)
        for move in moves.refUpdates:
            _check(repository, move)
    except GraphqlError as exc:
        return _failure(exc.kind, str(exc))
    for move in moves.refUpdates:
        _apply(repository, move)
    request.state.changed = repository.full_name
    return JSONResponse({"data": {"updateRefs": {"clientMutationId": None}}})


def _repository(request: Request, node_id: str) -> RepositoryState:
    for repository in context_of(request).state.repositories():
        is_app = caller_of(request) is CallerKind.INSTALLATION
        if node_id == f"R_{repository.id}" and (repository.installed or not is_app):
            if caller_of(request) is CallerKind.APP or not _may_write(request):
                raise GraphqlError("FORBIDDEN", "Resource not accessible by integration")
            if repository.archived:
                raise GraphqlError("FORBIDDEN", "Repository was archived so is read-only.")
            return repository
    raise GraphqlError("NOT_FOUND", "Could not resolve to a node with the global id.")


def _may_write(request: Request) -> bool:
    caller: GitHubCaller = request.state.caller
    if caller.kind is not CallerKind.INSTALLATION or caller.app is None:
        return True
    return LEVELS.get(caller.app.permissions.get("contents", ""), 0) >= LEVELS["write"]


def _check(repository: RepositoryState, move: RefMove) -> None:
    git, name = repository.git, move.name.removeprefix("refs/")
    current = git.refs.get(name, _NOWHERE)
    if move.beforeOid is not None and move.beforeOid != current:
        raise GraphqlError("UNPROCESSABLE", f"{move.name} does not point to {move.beforeOid}.")
    if move.afterOid == _NOWHERE:
        return
    if move.afterOid not in git.commits:
        raise GraphqlError("UNPROCESSABLE", "Object does not exist")
    if current != _NOWHERE and not move.force and current not in git.ancestors(move.afterOid):
        raise GraphqlError("UNPROCESSABLE", "Update is not a fast forward")


def _apply(repository: RepositoryState, move: RefMove) -> None:
    name = move.name.removeprefix("refs/")
    if move.afterOid != _NOWHERE:
        repository.git.refs[name] = move.afterOid
    elif name in repository.git.refs:
        people.delete_branch(repository, name.removeprefix("heads/"))


def _failure(kind: str, message: str) -> Response:
    error: dict[str, Any] = {"type": kind, "path": ["updateRefs"], "message": message}
    return JSONResponse({"data": {"updateRefs": None}, "errors": [error]})


ROUTES = [Route("/graphql", graphql, methods=["POST"])]
