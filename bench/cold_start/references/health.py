"""Ask Postgres, Redis and SQS."""

import os

import boto3
import psycopg
import redis.asyncio
from fastapi import FastAPI
from mangum import Mangum

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
sqs = boto3.client("sqs")
cache = redis.asyncio.Redis.from_url(os.environ["KOVA_REDIS_URL"])


@app.get("/health")
async def health() -> dict[str, str]:
    """Answer when all of them did."""
    async with await psycopg.AsyncConnection.connect(os.environ["KOVA_DATABASE_URL"]) as database:
        await database.execute("SELECT 1")
    await cache.ping()
    queue = os.environ["KOVA_SCAN_QUEUE_URL"]
    sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["VisibilityTimeout"])
    return {"status": "ok"}


handler = Mangum(app, lifespan="off")
