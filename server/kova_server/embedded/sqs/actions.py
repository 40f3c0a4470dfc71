"""The actions of the SQS API, a method each."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from typing import Any

from kova_server.embedded.sqs import protocol
from kova_server.embedded.sqs.protocol import SqsError
from kova_server.embedded.sqs.store import Store, StoredMessage

_DEFAULTS = {
    "VisibilityTimeout": "30",
    "DelaySeconds": "0",
    "ReceiveMessageWaitTimeSeconds": "0",
    "MaximumMessageSize": str(protocol.MESSAGE_LIMIT),
    "MessageRetentionPeriod": "345600",
}
_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_SETTABLE = frozenset(_DEFAULTS) | {
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "SqsManagedSseEnabled",
    "Policy",
}


class Actions:
    """The actions on a store. A new message wakes the receivers that wait."""

    def __init__(self, store: Store, address: str) -> None:
        """Assemble the actions; `address` is the beginning of queue URLs."""
        self._store = store
        self._address = address
        self._arrived: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def _queue_name(self, parameters: dict[str, Any]) -> str:
        name = protocol.read_text(parameters, "QueueUrl").rstrip("/").rsplit("/", 1)[1:]
        if not name or self._store.attributes(name[0]) is None:
            raise protocol.no_such_queue()
        return name[0]

    def _url(self, queue: str) -> str:
        return f"{self._address}/{protocol.ACCOUNT}/{queue}"

    async def create_queue(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """CreateQueue."""
        name = protocol.read_text(parameters, "QueueName")
        if not _NAME.fullmatch(name):
            raise protocol.invalid_value(
                "Can only include alphanumeric characters, hyphens, or underscores."
            )
        attributes = self._check_attributes(parameters.get("Attributes") or {})
        existing = self._store.attributes(name)
        if existing is not None and any(
            existing.get(key) != value for key, value in attributes.items()
        ):
            raise SqsError(
                "QueueNameExists",
                "A queue already exists with the same name and a different value for an attribute.",
                "QueueAlreadyExists",
            )
        if existing is None:
            created = {"CreatedTimestamp": str(round(time.time()))}
            self._store.save_queue(name, _DEFAULTS | created | attributes)
        return {"QueueUrl": self._url(name)}

    async def get_queue_url(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """GetQueueUrl."""
        name = protocol.read_text(parameters, "QueueName")
        if self._store.attributes(name) is None:
            raise protocol.no_such_queue()
        return {"QueueUrl": self._url(name)}

    async def list_queues(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """ListQueues."""
        prefix = parameters.get("QueueNamePrefix") or ""
        names = [name for name in self._store.queues() if name.startswith(prefix)]
        return {"QueueUrls": [self._url(name) for name in names]} if names else {}

    async def delete_queue(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """DeleteQueue."""
        self._store.delete_queue(self._queue_name(parameters))
        return {}

    async def purge_queue(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """PurgeQueue."""
        self._store.purge(self._queue_name(parameters))
        return {}

    async def get_queue_attributes(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """GetQueueAttributes."""
        queue = self._queue_name(parameters)
        visible, in_flight, delayed = self._store.counts(queue)
        attributes = (self._store.attributes(queue) or {}) | {
            "QueueArn": _arn(queue),
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            "ApproximateNumberOfMessagesDelayed": str(delayed),
        }
        names = parameters.get("AttributeNames") or []
        selection = (
            attributes
            if "All" in names
            else {key: attributes[key] for key in names if key in attributes}
        )
        return {"Attributes": selection} if selection else {}

    async def set_queue_attributes(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """SetQueueAttributes."""
        queue = self._queue_name(parameters)
        attributes = self._check_attributes(parameters.get("Attributes") or {})
        self._store.save_queue(queue, (self._store.attributes(queue) or {}) | attributes)
        return {}

    async def send_message(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """SendMessage."""
        return self._send(self._queue_name(parameters), parameters)

    async def send_message_batch(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """SendMessageBatch."""
        queue = self._queue_name(parameters)
        protocol.check_batch(protocol.read_batch(parameters))
        return _batch(parameters, lambda batch_entry: self._send(queue, batch_entry))

    def _send(self, queue: str, parameters: dict[str, Any]) -> dict[str, Any]:
        body = protocol.read_text(parameters, "MessageBody")
        protocol.check_body(body)
        attributes = parameters.get("MessageAttributes") or {}
        group = parameters.get("MessageGroupId")
        identifier = self._store.send(
            queue,
            body,
            attributes=attributes,
            system={"MessageGroupId": group} if group else {},
            delay=protocol.read_number(
                parameters, "DelaySeconds", 0, 900, self._setting(queue, "DelaySeconds")
            ),
        )
        self._arrived[queue].set()
        answer = {"MessageId": identifier, "MD5OfMessageBody": protocol.md5(body)}
        digest = protocol.attributes_md5(attributes)
        return answer | ({"MD5OfMessageAttributes": digest} if digest else {})

    async def receive_message(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """ReceiveMessage, waiting up to WaitTimeSeconds for the first message."""
        queue = self._queue_name(parameters)
        limit = protocol.read_number(parameters, "MaxNumberOfMessages", 1, 10, 1)
        default = self._setting(queue, "VisibilityTimeout")
        visibility = protocol.read_number(parameters, "VisibilityTimeout", 0, 43_200, default)
        default_wait = self._setting(queue, "ReceiveMessageWaitTimeSeconds")
        end = time.time() + protocol.read_number(parameters, "WaitTimeSeconds", 0, 20, default_wait)
        while True:
            self._arrived[queue].clear()
            messages, dead = self._store.receive(queue, limit, visibility)
            if dead is not None:
                self._arrived[dead].set()
            remaining = end - time.time()
            if messages or remaining <= 0:
                views = [_message_view(message, parameters) for message in messages]
                return {"Messages": views} if views else {}
            due = self._store.next_visible(queue)
            pause = remaining if due is None else min(remaining, max(due - time.time(), 0.01))
            try:
                await asyncio.wait_for(self._arrived[queue].wait(), pause)
            except TimeoutError:
                continue

    async def delete_message(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """DeleteMessage."""
        self._store.delete(self._queue_name(parameters), protocol.read_receipt(parameters))
        return {}

    async def delete_message_batch(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """DeleteMessageBatch."""
        queue = self._queue_name(parameters)

        def delete(batch_entry: dict[str, Any]) -> dict[str, Any]:
            self._store.delete(queue, protocol.read_receipt(batch_entry))
            return {}

        return _batch(parameters, delete)

    async def change_message_visibility(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """ChangeMessageVisibility."""
        return self._hide(self._queue_name(parameters), parameters)

    async def change_message_visibility_batch(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """ChangeMessageVisibilityBatch."""
        queue = self._queue_name(parameters)
        return _batch(parameters, lambda batch_entry: self._hide(queue, batch_entry))

    def _hide(self, queue: str, parameters: dict[str, Any]) -> dict[str, Any]:
        seconds = protocol.read_number(parameters, "VisibilityTimeout", 0, 43_200, 0)
        if not self._store.hide(queue, protocol.read_receipt(parameters), seconds):
            raise SqsError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        self._arrived[queue].set()
        return {}

    async def list_dead_letter_source_queues(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """ListDeadLetterSourceQueues."""
        arn = _arn(self._queue_name(parameters))
        sources = [
            name
            for name, attributes in self._store.queues().items()
            if arn in attributes.get("RedrivePolicy", "")
        ]
        return {"queueUrls": [self._url(source) for source in sources]}

    async def start_message_move_task(self, parameters: dict[str, Any]) -> dict[str, Any]:
        """StartMessageMoveTask; all messages move before the answer."""
        dead = protocol.read_text(parameters, "SourceArn").rsplit(":", 1)[-1]
        target = str(parameters.get("DestinationArn") or "").rsplit(":", 1)[-1] or None
        if any(self._store.attributes(name) is None for name in (dead, target or dead)):
            raise SqsError("ResourceNotFoundException", "The specified resource was not found.")
        moved, queues = self._store.move(dead, target)
        for queue in queues:
            self._arrived[queue].set()
        return {"TaskHandle": f"{dead}:{target or ''}:{moved}"}

    def _check_attributes(self, attributes: dict[str, Any]) -> dict[str, str]:
        for key in attributes:
            if key not in _SETTABLE:
                raise SqsError("InvalidAttributeName", f"Unknown Attribute {key}.")
        policy = attributes.get("RedrivePolicy")
        if policy and self._store.attributes(protocol.dead_letter_queue(str(policy))) is None:
            raise protocol.no_such_queue()
        return {key: str(value) for key, value in attributes.items()}

    def _setting(self, queue: str, key: str) -> int:
        return int((self._store.attributes(queue) or {}).get(key, _DEFAULTS[key]))


def _arn(queue: str) -> str:
    return f"arn:aws:sqs:us-east-1:{protocol.ACCOUNT}:{queue}"


def _batch(parameters: dict[str, Any], act: Any) -> dict[str, Any]:
    successful: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for batch_entry in protocol.read_batch(parameters):
        try:
            successful.append({"Id": batch_entry["Id"], **act(batch_entry)})
        except SqsError as exc:
            failed.append(
                {
                    "Id": batch_entry["Id"],
                    "Code": exc.name,
                    "Message": exc.message,
                    "SenderFault": True,
                }
            )
    answer = {"Successful": successful, "Failed": failed}
    return {key: results for key, results in answer.items() if results}


def _message_view(message: StoredMessage, parameters: dict[str, Any]) -> dict[str, Any]:
    system_names = [
        *(parameters.get("AttributeNames") or []),
        *(parameters.get("MessageSystemAttributeNames") or []),
    ]
    names = parameters.get("MessageAttributeNames") or []
    view: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": protocol.md5(message.body),
    }
    system = {
        key: value
        for key, value in message.system.items()
        if protocol.is_requested(key, system_names)
    }
    attributes = {
        key: value for key, value in message.attributes.items() if protocol.is_requested(key, names)
    }
    if system:
        view["Attributes"] = system
    if attributes:
        view["MessageAttributes"] = attributes
        view["MD5OfMessageAttributes"] = protocol.attributes_md5(attributes)
    return view
