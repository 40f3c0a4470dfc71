"""POST /webhooks/github in the server form; the Lambda form has a transport of its own."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Request

from kova.usecases.accept_delivery import IncomingDelivery
from kova.web.dependencies import Services
from kova.web.schemas import DeliveryView, Problem

router = APIRouter(tags=["webhooks"])


@router.post(
    "/webhooks/github",
    status_code=202,
    responses={400: {"model": Problem}, 401: {"model": Problem}, 503: {"model": Problem}},
)
async def github(request: Request, services: Services) -> DeliveryView:
    """Accept a delivery: 202 after the job is durably queued."""
    headers = request.headers
    incoming = IncomingDelivery(
        delivery_id=headers.get("x-github-delivery"),
        event=headers.get("x-github-event"),
        signature=headers.get("x-hub-signature-256"),
        content_type=headers.get("content-type"),
        body=await request.body(),
    )
    # Hashing 25 MB and speaking to SQS both take their time: not on the event loop.
    accepted = await asyncio.to_thread(services.accept_delivery.run, incoming)
    return DeliveryView(delivery=accepted.delivery, status=accepted.status, event=accepted.event)
