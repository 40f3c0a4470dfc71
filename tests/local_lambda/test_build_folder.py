"""A build that cannot be used is refused in a sentence that names the command."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

import pytest

from kova_server.local_lambda.build_folder import BuildError, load_build
from kova_server.local_lambda.template import read_stack
from tests.checks.template import layers_by_function

TEMPLATE = Path("template.yaml")


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """The form of a build, without its content."""
    folder = tmp_path / "build"
    for function, layers in layers_by_function().items():
        for name in (function, *layers):
            (folder / name).mkdir(parents=True, exist_ok=True)
    shutil.copyfile(TEMPLATE, folder / "template.yaml")
    return folder


@pytest.fixture
def code(tmp_path: Path) -> Path:
    """A checkout with a file of the layer, an hour older than the build."""
    folder = tmp_path / "code"
    (folder / "layers" / "common").mkdir(parents=True)
    for path in (folder / "template.yaml", folder / "layers" / "common" / "a.py"):
        path.touch()
        earlier = path.stat().st_mtime - 3_600
        os.utime(path, (earlier, earlier))
    return folder


def test_a_build_of_todays_code_is_taken(build: Path, code: Path) -> None:
    stack = load_build(build, code, {})
    assert stack.functions["ScanFunction"].layers == ("CommonLayer", "AnalyzersLayer")
    assert stack.migrations == {"Migration": "MigrateFunction"}
    own = sysconfig.get_config_var("EXT_SUFFIX")
    module = build / "CommonLayer" / "python" / "pydantic_core" / f"_core{own}"
    module.parent.mkdir(parents=True)
    module.touch()
    load_build(build, code, {})


def test_a_parameter_chooses_the_layers(build: Path, code: Path) -> None:
    stack = load_build(build, code, {"Vectors": "pinecone"})
    assert stack.functions["ScanFunction"].layers == (
        "CommonLayer",
        "AnalyzersLayer",
        "ModelsLayer",
    )


def test_without_a_build_the_command_is_named(tmp_path: Path, code: Path) -> None:
    with pytest.raises(BuildError, match="run `make build` first"):
        load_build(tmp_path / "nothing", code, {})


def test_a_build_that_is_older_than_the_code_is_refused(build: Path, code: Path) -> None:
    later = (build / "template.yaml").stat().st_mtime + 1
    os.utime(code / "layers" / "common" / "a.py", (later, later))
    with pytest.raises(BuildError, match=r"older than layers/common/a\.py"):
        load_build(build, code, {})


def test_a_build_with_a_part_that_lacks_is_refused(build: Path, code: Path) -> None:
    (build / "ScanFunction").rmdir()
    with pytest.raises(BuildError, match="ScanFunction lacks"):
        load_build(build, code, {})


def test_a_build_for_another_python_is_refused(build: Path, code: Path) -> None:
    module = build / "CommonLayer" / "python" / "pydantic_core" / "_core.cpython-39-arm.so"
    module.parent.mkdir(parents=True)
    module.touch()
    with pytest.raises(BuildError, match="another Python or processor"):
        load_build(build, code, {})


def test_the_template_is_read_as_it_stands() -> None:
    stack = read_stack(TEMPLATE)
    keys = {route.key: route for route in stack.routes}
    webhook, scans = keys["POST /webhooks/github"], keys["GET /api/{proxy+}"]
    assert webhook.throttle is not None
    assert scans.throttle is not None
    assert (webhook.throttle.rate, scans.throttle.rate) == (500, 100)
    assert {(part.function, part.batch_size, part.concurrency) for part in stack.mappings} == {
        ("ScanFunction", 1, 5),
        ("CommandFunction", 1, 5),
        ("FixFunction", 1, 5),
    }
    assert all(part.partial_failures for part in stack.mappings)
    assert stack.functions["GithubWebhookFunction"].timeout == 10
    assert stack.functions["ScanFunction"].memory == 2048
