"""What SQS does: one method for each action of the API."""

from __future__ import annotations

import asyncio
import re
import time
from collections import defaultdict
from typing import Any

from kova_server.embedded.sqs import protocol
from kova_server.embedded.sqs.protocol import SqsError
from kova_server.embedded.sqs.store import Message, Store

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
    """The actions over a store. A send wakes the receivers that wait."""

    def __init__(self, store: Store, address: str) -> None:
        """Take the store and the address that queue URLs begin with."""
        self._store = store
        self._address = address
        self._arrived: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    def _queue(self, data: dict[str, Any]) -> str:
        name = protocol.text(data, "QueueUrl").rstrip("/").rsplit("/", 1)[1:]
        if not name or self._store.attributes(name[0]) is None:
            raise protocol.no_queue()
        return name[0]

    def _url(self, queue: str) -> str:
        return f"{self._address}/{protocol.ACCOUNT}/{queue}"

    async def create_queue(self, data: dict[str, Any]) -> dict[str, Any]:
        """CreateQueue."""
        name = protocol.text(data, "QueueName")
        if not _NAME.fullmatch(name):
            raise protocol.invalid(
                "Can only include alphanumeric characters, hyphens, or underscores."
            )
        given = self._settable(data.get("Attributes") or {})
        known = self._store.attributes(name)
        if known is not None and any(known.get(key) != one for key, one in given.items()):
            raise SqsError(
                "QueueNameExists",
                "A queue already exists with the same name and a different value for an attribute.",
                "QueueAlreadyExists",
            )
        if known is None:
            created = {"CreatedTimestamp": str(round(time.time()))}
            self._store.save_queue(name, _DEFAULTS | created | given)
        return {"QueueUrl": self._url(name)}

    async def get_queue_url(self, data: dict[str, Any]) -> dict[str, Any]:
        """GetQueueUrl."""
        name = protocol.text(data, "QueueName")
        if self._store.attributes(name) is None:
            raise protocol.no_queue()
        return {"QueueUrl": self._url(name)}

    async def list_queues(self, data: dict[str, Any]) -> dict[str, Any]:
        """ListQueues."""
        prefix = data.get("QueueNamePrefix") or ""
        names = [one for one in self._store.queues() if one.startswith(prefix)]
        return {"QueueUrls": [self._url(one) for one in names]} if names else {}

    async def delete_queue(self, data: dict[str, Any]) -> dict[str, Any]:
        """DeleteQueue."""
        self._store.delete_queue(self._queue(data))
        return {}

    async def purge_queue(self, data: dict[str, Any]) -> dict[str, Any]:
        """PurgeQueue."""
        self._store.purge(self._queue(data))
        return {}

    async def get_queue_attributes(self, data: dict[str, Any]) -> dict[str, Any]:
        """GetQueueAttributes."""
        queue = self._queue(data)
        visible, in_flight, delayed = self._store.counts(queue)
        known = (self._store.attributes(queue) or {}) | {
            "QueueArn": _arn(queue),
            "ApproximateNumberOfMessages": str(visible),
            "ApproximateNumberOfMessagesNotVisible": str(in_flight),
            "ApproximateNumberOfMessagesDelayed": str(delayed),
        }
        wanted = data.get("AttributeNames") or []
        chosen = known if "All" in wanted else {key: known[key] for key in wanted if key in known}
        return {"Attributes": chosen} if chosen else {}

    async def set_queue_attributes(self, data: dict[str, Any]) -> dict[str, Any]:
        """SetQueueAttributes."""
        queue = self._queue(data)
        given = self._settable(data.get("Attributes") or {})
        self._store.save_queue(queue, (self._store.attributes(queue) or {}) | given)
        return {}

    async def send_message(self, data: dict[str, Any]) -> dict[str, Any]:
        """SendMessage."""
        return self._send(self._queue(data), data)

    async def send_message_batch(self, data: dict[str, Any]) -> dict[str, Any]:
        """SendMessageBatch."""
        queue = self._queue(data)
        protocol.check_batch(protocol.entries(data))
        return _batch(data, lambda entry: self._send(queue, entry))

    def _send(self, queue: str, data: dict[str, Any]) -> dict[str, Any]:
        body = protocol.text(data, "MessageBody")
        protocol.check_body(body)
        attributes = data.get("MessageAttributes") or {}
        group = data.get("MessageGroupId")
        identifier = self._store.send(
            queue,
            body,
            attributes=attributes,
            system={"MessageGroupId": group} if group else {},
            delay=protocol.number(
                data, "DelaySeconds", 0, 900, self._setting(queue, "DelaySeconds")
            ),
        )
        self._arrived[queue].set()
        answer = {"MessageId": identifier, "MD5OfMessageBody": protocol.md5(body)}
        digest = protocol.attributes_md5(attributes)
        return answer | ({"MD5OfMessageAttributes": digest} if digest else {})

    async def receive_message(self, data: dict[str, Any]) -> dict[str, Any]:
        """ReceiveMessage, waiting up to WaitTimeSeconds for the first message."""
        queue = self._queue(data)
        most = protocol.number(data, "MaxNumberOfMessages", 1, 10, 1)
        default = self._setting(queue, "VisibilityTimeout")
        visibility = protocol.number(data, "VisibilityTimeout", 0, 43_200, default)
        patience = self._setting(queue, "ReceiveMessageWaitTimeSeconds")
        end = time.time() + protocol.number(data, "WaitTimeSeconds", 0, 20, patience)
        while True:
            self._arrived[queue].clear()
            found, dead = self._store.receive(queue, most, visibility)
            if dead is not None:
                self._arrived[dead].set()
            left = end - time.time()
            if found or left <= 0:
                shown = [_shown(message, data) for message in found]
                return {"Messages": shown} if shown else {}
            due = self._store.next_visible(queue)
            pause = left if due is None else min(left, max(due - time.time(), 0.01))
            try:
                await asyncio.wait_for(self._arrived[queue].wait(), pause)
            except TimeoutError:
                continue

    async def delete_message(self, data: dict[str, Any]) -> dict[str, Any]:
        """DeleteMessage."""
        self._store.delete(self._queue(data), protocol.receipt(data))
        return {}

    async def delete_message_batch(self, data: dict[str, Any]) -> dict[str, Any]:
        """DeleteMessageBatch."""
        queue = self._queue(data)

        def delete(entry: dict[str, Any]) -> dict[str, Any]:
            self._store.delete(queue, protocol.receipt(entry))
            return {}

        return _batch(data, delete)

    async def change_message_visibility(self, data: dict[str, Any]) -> dict[str, Any]:
        """ChangeMessageVisibility."""
        return self._hide(self._queue(data), data)

    async def change_message_visibility_batch(self, data: dict[str, Any]) -> dict[str, Any]:
        """ChangeMessageVisibilityBatch."""
        queue = self._queue(data)
        return _batch(data, lambda entry: self._hide(queue, entry))

    def _hide(self, queue: str, data: dict[str, Any]) -> dict[str, Any]:
        seconds = protocol.number(data, "VisibilityTimeout", 0, 43_200, 0)
        if not self._store.hide(queue, protocol.receipt(data), seconds):
            raise SqsError("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
        self._arrived[queue].set()
        return {}

    async def list_dead_letter_source_queues(self, data: dict[str, Any]) -> dict[str, Any]:
        """ListDeadLetterSourceQueues."""
        arn = _arn(self._queue(data))
        sources = [
            name
            for name, attributes in self._store.queues().items()
            if arn in attributes.get("RedrivePolicy", "")
        ]
        return {"queueUrls": [self._url(one) for one in sources]}

    async def start_message_move_task(self, data: dict[str, Any]) -> dict[str, Any]:
        """StartMessageMoveTask: at once, since everything is local."""
        dead = protocol.text(data, "SourceArn").rsplit(":", 1)[-1]
        target = str(data.get("DestinationArn") or "").rsplit(":", 1)[-1] or None
        if any(self._store.attributes(one) is None for one in (dead, target or dead)):
            raise SqsError("ResourceNotFoundException", "The specified resource was not found.")
        moved, queues = self._store.move(dead, target)
        for queue in queues:
            self._arrived[queue].set()
        return {"TaskHandle": f"{dead}:{target or ''}:{moved}"}

    def _settable(self, attributes: dict[str, Any]) -> dict[str, str]:
        for key in attributes:
            if key not in _SETTABLE:
                raise SqsError("InvalidAttributeName", f"Unknown Attribute {key}.")
        policy = attributes.get("RedrivePolicy")
        if policy and self._store.attributes(protocol.dead_letters(str(policy))) is None:
            raise protocol.no_queue()
        return {key: str(one) for key, one in attributes.items()}

    def _setting(self, queue: str, key: str) -> int:
        return int((self._store.attributes(queue) or {}).get(key, _DEFAULTS[key]))


def _arn(queue: str) -> str:
    return f"arn:aws:sqs:us-east-1:{protocol.ACCOUNT}:{queue}"


def _batch(data: dict[str, Any], act: Any) -> dict[str, Any]:
    successful: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry in protocol.entries(data):
        try:
            successful.append({"Id": entry["Id"], **act(entry)})
        except SqsError as exc:
            failed.append(
                {"Id": entry["Id"], "Code": exc.name, "Message": exc.message, "SenderFault": True}
            )
    answer = {"Successful": successful, "Failed": failed}
    return {key: one for key, one in answer.items() if one}


def _shown(message: Message, data: dict[str, Any]) -> dict[str, Any]:
    asked = [*(data.get("AttributeNames") or []), *(data.get("MessageSystemAttributeNames") or [])]
    names = data.get("MessageAttributeNames") or []
    shown: dict[str, Any] = {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt,
        "Body": message.body,
        "MD5OfBody": protocol.md5(message.body),
    }
    system = {key: one for key, one in message.system.items() if protocol.wanted(key, asked)}
    chosen = {key: one for key, one in message.attributes.items() if protocol.wanted(key, names)}
    if system:
        shown["Attributes"] = system
    if chosen:
        shown["MessageAttributes"] = chosen
        shown["MD5OfMessageAttributes"] = protocol.attributes_md5(chosen)
    return shown
