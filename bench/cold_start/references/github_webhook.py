"""Verify the signature, send the body to SQS, answer 202."""

import hashlib
import hmac
import os

import boto3
from fastapi import FastAPI, HTTPException, Request
from mangum import Mangum

app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
sqs = boto3.client("sqs")
secret = os.environ["KOVA_GITHUB_WEBHOOK_SECRET"].encode()


@app.post("/webhooks/github", status_code=202)
async def receive(request: Request) -> dict[str, str]:
    """Queue a verified delivery."""
    body = await request.body()
    expected = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected, request.headers["x-hub-signature-256"]):
        raise HTTPException(401)
    sqs.send_message(QueueUrl=os.environ["KOVA_SCAN_QUEUE_URL"], MessageBody=body.decode())
    return {"status": "queued"}


handler = Mangum(app, lifespan="off")
