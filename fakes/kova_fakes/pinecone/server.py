"""One index with its namespaces: upsert, query, list, fetch, delete."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kova_fakes.serving import serving

DIMENSION = 256
_METADATA_LIMIT = 40_960
_BODY_LIMIT = 2 * 1024**2
_VERSION = re.compile(r"20\d\d-\d\d")
Metadata = dict[str, str | float | bool | list[str]]
Values = Annotated[list[float], Field(min_length=DIMENSION, max_length=DIMENSION)]


class PineconeBody(BaseModel):
    """A body that allows no other keys."""

    model_config = ConfigDict(extra="forbid")


class StoredVector(PineconeBody):
    """A vector."""

    id: Annotated[str, Field(min_length=1, max_length=512, pattern=r"^[\x20-\x7e]+$")]
    values: Values
    metadata: Metadata = {}


class UpsertBody(PineconeBody):
    """POST /vectors/upsert."""

    vectors: Annotated[list[StoredVector], Field(min_length=1, max_length=1_000)]
    namespace: str = ""


class VectorQuery(PineconeBody):
    """POST /query."""

    vector: Values
    topK: Annotated[int, Field(ge=1, le=10_000)]  # noqa: N815 (Pinecone's name)
    namespace: str = ""
    includeValues: bool = False  # noqa: N815
    includeMetadata: bool = False  # noqa: N815


class DeleteBody(PineconeBody):
    """POST /vectors/delete."""

    ids: Annotated[list[str], Field(min_length=1, max_length=1_000)]
    namespace: str = ""


@dataclass(kw_only=True)
class FakePinecone:
    """The handle of a running fake, for tests."""

    api_key: str
    url: str = ""
    namespaces: dict[str, dict[str, StoredVector]] = field(default_factory=dict)
    upserted: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    down: bool = False


def _problem(status: int, message: str) -> Response:
    return JSONResponse({"code": 3, "message": message, "details": []}, status)


class _PineconeRoutes:
    def __init__(self, state: FakePinecone) -> None:
        self._state = state

    def route(
        self, kind: type[PineconeBody] | None, answer: Callable[[Any], Any]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(request: Request) -> Response:
            if self._state.down:
                return _problem(503, "unavailable")
            if request.headers.get("api-key") != self._state.api_key:
                return _problem(401, "Invalid API key")
            if not _VERSION.match(request.headers.get("x-pinecone-api-version", "")):
                return _problem(400, "X-Pinecone-Api-Version is missing")
            try:
                parameters: Any = request.query_params
                if kind is not None:
                    content = await request.body()
                    if len(content) > _BODY_LIMIT:
                        self._state.refused.append(f"a body of {len(content)} bytes")
                        return _problem(400, "message length too large: the limit is 2097152 bytes")
                    parameters = kind.model_validate_json(content)
            except ValidationError as exc:
                self._state.refused.append(str(exc))
                return _problem(400, str(exc)[:500])
            return JSONResponse(answer(parameters))

        return endpoint

    def upsert(self, body: UpsertBody) -> dict[str, Any]:
        space = self._state.namespaces.setdefault(body.namespace, {})
        for vector in body.vectors:
            space[vector.id] = vector
            self._state.upserted.append(vector.id)
        return {"upsertedCount": len(body.vectors)}

    def query(self, body: VectorQuery) -> dict[str, Any]:
        space = self._state.namespaces.get(body.namespace, {})
        scored = [
            (sum(a * b for a, b in zip(vector.values, body.vector, strict=True)), vector)
            for vector in space.values()
        ]
        best = sorted(scored, key=lambda pair: (-pair[0], pair[1].id))[: body.topK]
        matches = [
            {"id": vector.id, "score": score}
            | ({"metadata": vector.metadata} if body.includeMetadata else {})
            for score, vector in best
        ]
        return {"matches": matches, "namespace": body.namespace, "usage": {"readUnits": 1}}

    def delete(self, body: DeleteBody) -> dict[str, Any]:
        space = self._state.namespaces.get(body.namespace, {})
        for vector_id in body.ids:
            space.pop(vector_id, None)
        return {}

    def list_vectors(self, query: Any) -> dict[str, Any]:
        namespace, prefix = query.get("namespace", ""), query.get("prefix", "")
        limit = int(query.get("limit", "100"))
        token = query.get("paginationToken", "")
        vector_ids = sorted(self._state.namespaces.get(namespace, {}))
        ids = [
            vector_id
            for vector_id in vector_ids
            if vector_id.startswith(prefix) and vector_id > token
        ]
        page: dict[str, Any] = {"vectors": [{"id": vector_id} for vector_id in ids[:limit]]}
        if len(ids) > limit:
            page["pagination"] = {"next": ids[limit - 1]}
        return page | {"namespace": namespace, "usage": {"readUnits": 1}}


@contextmanager
def serve_pinecone(api_key: str = "pcsk_fake_0123456789abcdef") -> Iterator[FakePinecone]:
    """Serve the fake on the loopback."""
    state = FakePinecone(api_key=api_key)
    server = _PineconeRoutes(state)
    routes = [
        Route("/vectors/upsert", server.route(UpsertBody, server.upsert), methods=["POST"]),
        Route("/query", server.route(VectorQuery, server.query), methods=["POST"]),
        Route("/vectors/delete", server.route(DeleteBody, server.delete), methods=["POST"]),
        Route("/vectors/list", server.route(None, server.list_vectors)),
    ]
    with serving(Starlette(routes=routes)) as url:
        state.url = url
        yield state
