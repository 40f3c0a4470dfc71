"""One contract over boto3: our SQS and moto's answer alike, so that neither is a private dialect."""

from __future__ import annotations

import json
import socket
import time
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from tests.embedded.conftest import LocalSqs, sqs_client

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@pytest.fixture(params=["ours", "moto"])
def client(request: pytest.FixtureRequest) -> SQSClient:
    if request.param == "ours":
        server: LocalSqs = request.getfixturevalue("local_sqs")
        return sqs_client(server.endpoint)
    return sqs_client(request.getfixturevalue("moto_endpoint"))


def make(client: SQSClient, **attributes: str) -> str:
    message_attributes: Any = attributes
    return client.create_queue(QueueName=f"q-{uuid4().hex}", Attributes=message_attributes)[
        "QueueUrl"
    ]


def arn(client: SQSClient, url: str) -> str:
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]


def make_pair(client: SQSClient, receives: int = 1, visibility: int = 0) -> tuple[str, str]:
    dead = make(client)
    policy = {"deadLetterTargetArn": arn(client, dead), "maxReceiveCount": receives}
    attributes = {"RedrivePolicy": json.dumps(policy), "VisibilityTimeout": str(visibility)}
    return make(client, **attributes), dead


def receive(client: SQSClient, url: str, **options: Any) -> list[Any]:
    options.setdefault("MaxNumberOfMessages", 10)
    return list(client.receive_message(QueueUrl=url, **options).get("Messages", []))


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return error.value.response["Error"]["Code"].rsplit(".", 1)[-1]


def test_a_message_comes_back_as_it_was_sent(client: SQSClient) -> None:
    url = make(client)
    body = 'line\n"quoted" \u00e9 \U0001f600\t'
    client.send_message(
        QueueUrl=url,
        MessageBody=body,
        MessageGroupId="owner:name",
        MessageAttributes={
            "b": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
            "a": {"DataType": "String.kind", "StringValue": "\u00e9"},
            "n": {"DataType": "Number", "StringValue": "1.5"},
        },
    )
    (message,) = receive(client, url, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert message["Body"] == body
    assert message["MessageAttributes"]["b"]["BinaryValue"] == b"\x00\xff"
    assert message["MessageAttributes"]["n"]["StringValue"] == "1.5"
    system = message["Attributes"]
    assert system["MessageGroupId"] == "owner:name"
    assert system["ApproximateReceiveCount"] == "1"
    assert abs(int(system["SentTimestamp"]) / 1000 - time.time()) < 60


def test_system_attributes_come_only_when_asked_for(client: SQSClient) -> None:
    url = make(client)
    client.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(client, url, VisibilityTimeout=0)
    assert "Attributes" not in message
    (again,) = receive(client, url, MessageSystemAttributeNames=["ApproximateReceiveCount"])
    assert again["Attributes"] == {"ApproximateReceiveCount": "2"}


def test_message_attributes_can_be_asked_for_by_prefix(client: SQSClient) -> None:
    url = make(client)
    message_attributes: Any = {
        key: {"DataType": "String", "StringValue": key} for key in ("ab.c", "ab.d", "x")
    }
    client.send_message(QueueUrl=url, MessageBody="x", MessageAttributes=message_attributes)
    (message,) = receive(client, url, MessageAttributeNames=["ab.*"])
    assert sorted(message["MessageAttributes"]) == ["ab.c", "ab.d"]


def test_a_message_in_flight_is_hidden_and_comes_back(client: SQSClient) -> None:
    url = make(client)
    client.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(client, url, VisibilityTimeout=60)
    assert receive(client, url) == []
    client.change_message_visibility(
        QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
    )
    assert len(receive(client, url)) == 1


def test_a_deleted_message_is_gone_and_may_be_deleted_again(client: SQSClient) -> None:
    url = make(client)
    client.send_message(QueueUrl=url, MessageBody="x")
    (message,) = receive(client, url, VisibilityTimeout=0)
    client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert receive(client, url) == []


def test_a_delayed_message_is_counted_and_hidden(client: SQSClient) -> None:
    url = make(client)
    client.send_message(QueueUrl=url, MessageBody="x", DelaySeconds=60)
    assert receive(client, url) == []
    names: Any = ["ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessages"]
    counts = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    assert counts == {"ApproximateNumberOfMessagesDelayed": "1", "ApproximateNumberOfMessages": "0"}


def test_a_batch_is_sent_hidden_and_deleted(client: SQSClient) -> None:
    url = make(client)
    batch: Any = [{"Id": str(number), "MessageBody": f"m{number}"} for number in range(10)]
    sent = client.send_message_batch(QueueUrl=url, Entries=batch)
    assert [result["Id"] for result in sent["Successful"]] == [str(number) for number in range(10)]
    messages = receive(client, url, VisibilityTimeout=60)
    assert sorted(message["Body"] for message in messages) == sorted(
        f"m{number}" for number in range(10)
    )
    handles = [
        {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
        for index, message in enumerate(messages)
    ]
    shown: Any = [{**handle, "VisibilityTimeout": 0} for handle in handles]
    hidden = client.change_message_visibility_batch(QueueUrl=url, Entries=shown)
    assert len(hidden["Successful"]) == 10
    deletion = client.delete_message_batch(QueueUrl=url, Entries=handles)  # type: ignore[arg-type]
    assert len(deletion["Successful"]) == 10
    assert receive(client, url) == []


def test_a_message_received_too_often_goes_to_the_dead_letters(client: SQSClient) -> None:
    url, dead = make_pair(client, receives=2)
    client.send_message(QueueUrl=url, MessageBody="poison")
    assert len(receive(client, url)) == 1
    assert len(receive(client, url)) == 1
    assert receive(client, url) == []
    (message,) = receive(client, dead)
    assert message["Body"] == "poison"
    assert client.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]


def test_a_purged_queue_is_empty(client: SQSClient) -> None:
    url = make(client)
    client.send_message(QueueUrl=url, MessageBody="x")
    client.purge_queue(QueueUrl=url)
    assert receive(client, url) == []


def test_a_queue_is_found_by_name_and_prefix(client: SQSClient) -> None:
    url = make(client)
    name = url.rsplit("/", 1)[1]
    assert client.get_queue_url(QueueName=name)["QueueUrl"] == url
    assert client.list_queues(QueueNamePrefix=name)["QueueUrls"] == [url]
    client.delete_queue(QueueUrl=url)
    assert "QueueUrls" not in client.list_queues(QueueNamePrefix=name)


def test_attributes_can_be_changed(client: SQSClient) -> None:
    url = make(client)
    client.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "7"})
    answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
    assert answer["Attributes"]["VisibilityTimeout"] == "7"


def test_a_queue_made_again_is_the_same_unless_it_differs(client: SQSClient) -> None:
    url = make(client, VisibilityTimeout="30")
    name = url.rsplit("/", 1)[1]
    again = client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"})
    assert again["QueueUrl"] == url
    with pytest.raises(ClientError) as error:
        client.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "31"})
    assert code(error) in {"QueueAlreadyExists", "QueueNameExists"}


def test_a_missing_queue_has_the_right_error(client: SQSClient) -> None:
    url = make(client) + "x"
    with pytest.raises(client.exceptions.QueueDoesNotExist):
        client.send_message(QueueUrl=url, MessageBody="x")
    with pytest.raises(client.exceptions.QueueDoesNotExist):
        client.get_queue_url(QueueName="never-made")


@pytest.mark.parametrize(
    ("batch", "reason"),
    [
        ([{"Id": "a", "MessageBody": "x"}] * 2, "BatchEntryIdsNotDistinct"),
        (
            [{"Id": str(number), "MessageBody": "x"} for number in range(11)],
            "TooManyEntriesInBatchRequest",
        ),
    ],
)
def test_a_bad_batch_is_refused(client: SQSClient, batch: Any, reason: str) -> None:
    with pytest.raises(ClientError) as error:
        client.send_message_batch(QueueUrl=make(client), Entries=batch)
    assert code(error) == reason


def test_a_body_of_more_than_a_mebibyte_is_refused(client: SQSClient) -> None:
    url = make(client)
    client.send_message(QueueUrl=url, MessageBody="x" * 1_048_576)
    with pytest.raises(ClientError) as error:
        client.send_message(QueueUrl=url, MessageBody="x" * 1_048_577)
    assert code(error) == "InvalidParameterValue"


def test_a_receipt_that_never_was_is_refused(client: SQSClient) -> None:
    with pytest.raises(ClientError) as error:
        client.change_message_visibility(
            QueueUrl=make(client), ReceiptHandle="nonsense", VisibilityTimeout=1
        )
    assert code(error) == "ReceiptHandleIsInvalid"


def test_a_receiver_that_is_gone_gets_no_message(local_sqs: LocalSqs) -> None:
    """A worker that ended leaves an open poll; what it took would be hidden for nothing."""
    client = sqs_client(local_sqs.endpoint)
    url = make(client)
    body = json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20, "VisibilityTimeout": 60})
    request = (
        "POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: AmazonSQS.ReceiveMessage\r\n"
        f"Authorization: AWS4-HMAC-SHA256 any\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    with socket.create_connection(("127.0.0.1", local_sqs.port)) as connection:
        connection.sendall(request.encode())
        client.list_queues()
    client.list_queues()  # The server has seen the end of the connection.
    client.send_message(QueueUrl=url, MessageBody="one")
    assert [message["Body"] for message in receive(client, url)] == ["one"]
