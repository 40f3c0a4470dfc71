"""Environments as Lambda has them: cold and warm, one event at a time, killed and replaced."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from kova_server.embedded.service import started_at
from kova_server.local_lambda.execution_environment import LambdaFolders
from kova_server.local_lambda.invoker import TooManyInvocationsError
from tests.local_lambda.conftest import PATIENCE, Lambdas
from tests.support.eventually import eventually


def test_a_warm_environment_is_used_again_and_has_what_lambda_sets(
    lambdas: Lambdas, folders: LambdaFolders
) -> None:
    first, second = lambdas.ask({}), lambdas.ask({})
    assert (first["calls"], second["calls"], first["pid"]) == (1, 2, second["pid"])
    assert first["request_id"] != second["request_id"]
    assert 25_000 < second["remaining"] <= 30_000
    variables = first["variables"]
    assert variables["AWS_LAMBDA_FUNCTION_NAME"] == "SmallFunction"
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert variables["AWS_REGION"] == "eu-central-1"
    assert variables["LAMBDA_TASK_ROOT"] == str(folders.build / "SmallFunction")
    assert variables["OWN"] == "1"
    assert "HOME" in variables
    assert "USER" not in variables  # Nothing of this process's environment.
    assert first["modules"] == ["in_shared", "in_own"]


def test_two_events_at_once_have_two_environments_with_folders_of_their_own(
    lambdas: Lambdas, tmp_path: Path
) -> None:
    hanging = lambdas.start("SmallFunction", {"kind": "hang", "begun": str(tmp_path / "begun")})
    eventually((tmp_path / "begun").exists, PATIENCE)
    answer = lambdas.ask({})
    assert answer["calls"] == 1
    assert answer["scratch"][1:] == ["call-1"]
    assert str(answer["pid"]) != (tmp_path / "begun").read_text()
    other = lambdas.start("SmallFunction", {"kind": "hang", "begun": str(tmp_path / "second")})
    eventually((tmp_path / "second").exists, PATIENCE)
    with pytest.raises(TooManyInvocationsError):
        lambdas.invoke({})
    waiting = lambdas.start("SmallFunction", {}, waits=True)
    os.kill(int((tmp_path / "second").read_text()), signal.SIGKILL)
    assert not waiting.result(PATIENCE).is_error
    assert b"SIGKILL" in other.result(PATIENCE).body
    assert not hanging.done()


def test_a_function_that_takes_too_long_is_killed_and_replaced(
    lambdas: Lambdas, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    error = lambdas.fail({"kind": "hang", "begun": str(begun)}, "HastyFunction")
    assert "Task timed out after 0.50 seconds" in error["errorMessage"]
    assert started_at(int(begun.read_text())) is None
    answer = lambdas.ask({}, "HastyFunction")
    assert (answer["calls"], answer["pid"] != int(begun.read_text())) == (1, True)


def test_an_error_of_the_handler_leaves_the_environment_and_an_exit_does_not(
    lambdas: Lambdas,
) -> None:
    pid = lambdas.ask({})["pid"]
    assert lambdas.fail({"kind": "raise"})["errorType"] == "ValueError"
    assert lambdas.ask({})["pid"] == pid
    assert "exit status 3" in lambdas.fail({"kind": "exit"})["errorMessage"]
    answer = lambdas.ask({})
    assert (answer["pid"] != pid, answer["calls"]) == (True, 1)


def has_died(pid: int) -> bool:
    """Return whether a process has ended, also where nobody has asked for its exit code yet."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"


def test_a_warm_environment_that_died_while_idle_costs_no_event(lambdas: Lambdas) -> None:
    for _ in range(5):
        pid = lambdas.ask({})["pid"]
        os.kill(pid, signal.SIGKILL)
        eventually(lambda pid=pid: has_died(pid), pause=0)
        # The invoker is asked before its event loop has heard of the end.
        assert lambdas.ask({})["pid"] != pid


def test_a_function_that_cannot_begin_says_why(lambdas: Lambdas, folders: LambdaFolders) -> None:
    (folders.build / "SmallFunction" / "app.py").write_text("import no_such_module")
    assert "no_such_module" in lambdas.fail({})["errorMessage"]


def test_what_an_environment_wrote_is_removed_with_it(lambdas: Lambdas) -> None:
    folder = Path(lambdas.ask({})["scratch"][0])
    assert folder.is_dir()
    lambdas.fail({"kind": "exit"})
    assert not folder.exists()
