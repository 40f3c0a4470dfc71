"""Functions that a schedule calls are called at their rate, and no longer when everything ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from kova_server.local_lambda.execution_environment import LambdaFolders
from kova_server.local_lambda.schedule_caller import ScheduleCaller
from kova_server.local_lambda.template import (
    FunctionSchedule,
    TemplateError,
    read_stack,
)
from kova_server.local_lambda.variables import template_parameters
from tests.local_lambda.conftest import Lambdas
from tests.support.eventually import eventually

PERIODIC = FunctionSchedule(
    function="PeriodicFunction", name="EveryQuarterOfAnHour", seconds=15 * 60.0
)
REDELIVERY = FunctionSchedule(
    function="RedeliveryFunction", name="EveryQuarterOfAnHour", seconds=15 * 60.0
)
NOTIFY = FunctionSchedule(function="NotifyFunction", name="EveryMinute", seconds=60.0)


@pytest.mark.parametrize(
    ("settings", "schedules"),
    [
        ({}, (PERIODIC, REDELIVERY)),
        ({"SLACK_BOT_TOKEN": "t"}, (PERIODIC, REDELIVERY, NOTIFY)),
        ({"KOVA_GOOGLE_CHAT_WEBHOOK_URL": "https://chat"}, (PERIODIC, REDELIVERY, NOTIFY)),
    ],
)
def test_the_template_s_schedules_are_read_and_that_of_notices_with_a_chat_alone(
    settings: dict[str, str], schedules: tuple[FunctionSchedule, ...]
) -> None:
    stack = read_stack(Path("template.yaml"), template_parameters(settings))
    assert stack.schedules == schedules


@pytest.mark.parametrize("expression", ["cron(0 8 * * ? *)", "rate(0 minutes)", "rate(1 week)"])
def test_a_schedule_that_is_no_rate_is_said(tmp_path: Path, expression: str) -> None:
    event = {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": expression}}
    properties = {"Handler": "app.handler", "Events": {"Daily": event}}
    template = {"Resources": {"F": {"Type": "AWS::Serverless::Function", "Properties": properties}}}
    file = tmp_path / "template.yaml"
    file.write_text(yaml.safe_dump(template))
    with pytest.raises(TemplateError, match="has the schedule"):
        read_stack(file)


APP = """
import json, tempfile, uuid
from pathlib import Path

def handler(event, context):
    (Path(tempfile.gettempdir()) / f"call-{uuid.uuid4()}").write_text(json.dumps(event))
    raise ValueError("on purpose")
"""


def called(folders: LambdaFolders) -> list[Path]:
    """Return what each call has left in the folder of its environment."""
    return list(folders.scratch.rglob("call-*"))


@contextmanager
def scheduled(lambdas: Lambdas, function: str) -> Iterator[None]:
    schedule = FunctionSchedule(function=function, name="Often", seconds=0.05)
    caller = ScheduleCaller(schedule, lambdas.invoker, region="eu-central-1")
    stop = asyncio.Event()
    running = asyncio.run_coroutine_threadsafe(caller.run(stop), lambdas.loop)
    yield
    lambdas.loop.call_soon_threadsafe(stop.set)
    running.result(30)


def test_a_function_is_called_again_and_again_until_the_end(
    lambdas: Lambdas, folders: LambdaFolders
) -> None:
    with scheduled(lambdas, "SmallFunction"):
        eventually(lambda: len(called(folders)) >= 4, 60)
    count = len(called(folders))
    assert lambdas.ask({})["calls"] >= count + 1
    assert len(called(folders)) == count + 1  # Ours, and no further one of the schedule.


def test_a_call_that_fails_does_not_end_the_schedule(
    lambdas: Lambdas, folders: LambdaFolders
) -> None:
    (folders.build / "HastyFunction" / "app.py").write_text(APP)
    with scheduled(lambdas, "HastyFunction"):
        eventually(lambda: len(called(folders)) >= 3, 60)
    event = json.loads(called(folders)[0].read_text())
    assert (event["source"], event["detail-type"]) == ("aws.scheduler", "Scheduled Event")
    assert event["resources"] == [
        "arn:aws:scheduler:eu-central-1:000000000000:schedule/default/HastyFunctionOften"
    ]
