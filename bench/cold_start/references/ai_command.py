"""Check a key, count the call, note a command that no provider is configured for."""

import hashlib
import os

import psycopg
import redis.asyncio
from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import JSONResponse
from mangum import Mangum
from psycopg.rows import dict_row
from pydantic import BaseModel, Field

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
cache = redis.asyncio.Redis.from_url(os.environ["KOVA_REDIS_URL"])


class Command(BaseModel):
    """A question."""

    command: str = Field(min_length=1, max_length=8_000)


@app.post("/ai/command")
async def command(request: Request, body: Command) -> JSONResponse:
    """Refuse, since there is no provider."""
    prefix, _, secret = request.headers["x-api-key"].removeprefix("kova_").partition("_")
    if await cache.incr(f"bare:{prefix}") > 1_000_000:
        raise HTTPException(429)
    async with await psycopg.AsyncConnection.connect(
        os.environ["KOVA_DATABASE_URL"], row_factory=dict_row
    ) as database:
        keys = await database.execute(
            "SELECT secret_hash FROM api_keys WHERE prefix = %s", [prefix]
        )
        key = await keys.fetchone()
        if key is None or key["secret_hash"] != hashlib.sha256(secret.encode()).digest():
            raise HTTPException(401)
        await database.execute("SELECT length(%s)", [body.command])
    return JSONResponse({"reason": "ai_not_configured"}, status_code=503)


handler = Mangum(app, lifespan="off")
