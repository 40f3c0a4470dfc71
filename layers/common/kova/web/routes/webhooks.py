"""The webhooks of GitHub and Slack in the server form; the Lambda form has its own transport."""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from kova.intake.accept_delivery import IncomingDelivery
from kova.intake.accept_slack import IncomingSlack
from kova.shared.exceptions import KovaError, QueueUnavailableError
from kova.web.client import process_of
from kova.web.dependencies import Intake, Slack
from kova.web.request_body import read_body
from kova.web.responses import problems
from kova.web.schemas.service import DeliveryView

router = APIRouter(tags=["webhooks"])
_PATIENCE: Final = 4.5
_SLACK_PATIENCE: Final = 2.8  # Slack waits for three seconds.


@router.post(
    "/webhooks/github",
    status_code=202,
    response_model_exclude_none=True,
    responses=problems(400, 401, 408, 413, 415, 503),
)
async def github(request: Request, intake: Intake) -> DeliveryView:
    """Accept a delivery: 202 after the job is durably queued."""
    headers = request.headers
    incoming = IncomingDelivery(
        delivery_id=headers.get("x-github-delivery"),
        event=headers.get("x-github-event"),
        signature=headers.get("x-hub-signature-256"),
        content_type=headers.get("content-type"),
        body=await read_body(request),
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


@router.post(
    "/webhooks/slack",
    responses=problems(401, 408, 413, 503),
    response_class=Response,
)
async def slack(request: Request, chat: Slack) -> Response:
    """Accept an event, a command or a press of a button in Slack; the work is done later."""
    headers, meter = request.headers, process_of(request).meter
    incoming = IncomingSlack(
        timestamp=headers.get("x-slack-request-timestamp"),
        signature=headers.get("x-slack-signature"),
        content_type=headers.get("content-type"),
        body=await request.body(),
    )
    try:
        async with asyncio.timeout(_SLACK_PATIENCE):
            accepted = await asyncio.to_thread(chat.accept_slack.accept, incoming)
    except KovaError as exc:
        meter.count("kova_chat_events_total", kind="refused", outcome=exc.reason)
        raise
    except TimeoutError as exc:
        reason = QueueUnavailableError.reason
        meter.count("kova_chat_events_total", kind="refused", outcome=reason)
        raise QueueUnavailableError from exc
    meter.count("kova_chat_events_total", kind=accepted.kind, outcome=accepted.outcome)
    return Response() if accepted.body is None else JSONResponse(accepted.body)
