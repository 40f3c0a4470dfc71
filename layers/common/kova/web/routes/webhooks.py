"""POST /webhooks/github in the server form; the Lambda form has a transport of its own."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi import APIRouter, Request

from kova.intake.accept_delivery import IncomingDelivery
from kova.shared.exceptions import KovaError, QueueUnavailableError
from kova.web.dependencies import Intake, process_of
from kova.web.responses import problems
from kova.web.schemas.service import DeliveryView

router = APIRouter(tags=["webhooks"])
_PATIENCE: Final = 4.5


@router.post(
    "/webhooks/github",
    status_code=202,
    response_model_exclude_none=True,
    responses=problems(400, 401, 408, 413, 503),
)
async def github(request: Request, intake: Intake) -> DeliveryView:
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
    try:
        async with asyncio.timeout(_PATIENCE):
            accepted = await asyncio.to_thread(intake.accept_delivery.accept, incoming)
    except KovaError as exc:
        process_of(request).meter.count("kova_deliveries_refused_total", reason=exc.reason)
        raise
    except TimeoutError as exc:
        process_of(request).meter.count(
            "kova_deliveries_refused_total", reason=QueueUnavailableError.reason
        )
        # The job may be queued all the same: done once, however often it is delivered.
        raise QueueUnavailableError from exc
    process_of(request).meter.count(
        "kova_deliveries_total", event=accepted.known_event, outcome=accepted.status
    )
    return DeliveryView(
        delivery=accepted.delivery,
        status=accepted.status,
        event=accepted.event,
        reason=accepted.reason,
    )
