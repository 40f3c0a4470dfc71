"""Count in Redis, measure in Postgres and SQS, show it as Prometheus reads it."""

import os

import boto3
import psycopg
import redis.asyncio
from fastapi import FastAPI, Response
from mangum import Mangum
from prometheus_client import CollectorRegistry, Gauge, generate_latest

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
sqs = boto3.client("sqs")
cache = redis.asyncio.Redis.from_url(os.environ["KOVA_REDIS_URL"])


@app.get("/metrics")
async def metrics() -> Response:
    """Return three gauges."""
    registry = CollectorRegistry()
    async with await psycopg.AsyncConnection.connect(os.environ["KOVA_DATABASE_URL"]) as database:
        rows = await (await database.execute("SELECT count(*) FROM errors")).fetchall()
    Gauge("errors", "Errors.", registry=registry).set(rows[0][0])
    Gauge("requests", "Requests.", registry=registry).set(await cache.incr("bare:metrics"))
    queue = os.environ["KOVA_SCAN_QUEUE_URL"]
    depth = sqs.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]["ApproximateNumberOfMessages"]
    Gauge("queue", "Messages.", registry=registry).set(int(depth))
    return Response(generate_latest(registry), media_type="text/plain")


handler = Mangum(app, lifespan="off")
