"""Check a key, count the call, list errors."""

import hashlib
import os

import psycopg
import redis.asyncio
from fastapi import FastAPI, HTTPException, Request
from mangum import Mangum
from psycopg.rows import dict_row

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
cache = redis.asyncio.Redis.from_url(os.environ["KOVA_REDIS_URL"])


@app.get("/api/errors")
async def errors(request: Request, limit: int = 50) -> dict[str, object]:
    """List some errors."""
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
        rows = await database.execute(
            "SELECT id, rule_id, path FROM errors ORDER BY first_seen_at DESC LIMIT %s", [limit]
        )
        return {"items": await rows.fetchall(), "next_cursor": None}


handler = Mangum(app, lifespan="off")
