"""The README's commands do what it says, as they stand there, in the shells that people have."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kova_server.embedded.sample import push_sample
from tests.embedded.test_up import Up, run_up
from tests.support.eventually import eventually

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# With failglob, bash refuses an unquoted `?` or `*` that names no file, as zsh does.
SHELLS = {"bash": ["bash", "-O", "failglob"], "zsh": ["zsh", "-f"]}


def commands(section: str) -> str:
    """Return the commands of a section."""
    _, _, rest = README.partition(f"\n## {section}\n")
    return "".join(block[2] for block in BLOCK.finditer(rest.partition("\n## ")[0]))


def json_lines(output: str) -> list[dict[str, object]]:
    """Return every JSON object of an output, one after the other."""
    decoder, documents, place = json.JSONDecoder(), [], 0
    while (place := output.find("{", place)) >= 0:
        document, place = decoder.raw_decode(output, place)
        documents.append(document)
    return documents


def test_every_block_says_whether_it_is_commands_or_output() -> None:
    assert {block[1] for block in BLOCK.finditer(README)} == {"sh", "text"}


def test_no_command_has_a_comment_behind_it() -> None:
    """An interactive zsh hands a comment to the command."""
    for block in BLOCK.finditer(README):
        if block[1] == "sh":
            plain, comments = shlex.split(block[2]), shlex.split(block[2], comments=True)
            assert plain == comments


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    arguments = ["--sample", "--folder", str(ROOT / "tests")]
    with run_up(tmp_path_factory.mktemp("readme") / "data", arguments=arguments) as stack:
        yield stack


@pytest.mark.parametrize("shell", SHELLS)
def test_the_walk_ends_with_a_scan_that_succeeded_and_its_errors(
    shell: str, up: Up, tmp_path: Path
) -> None:
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    script = commands("Run it and push to it") + commands("Ask the API")
    for old, new in {
        "make run FOLDER=tests\n": "",  # The stack is up.
        ".venv/bin/kova": f"{shlex.quote(sys.executable)} -m kova_server",
        "http://127.0.0.1:8000": f"http://127.0.0.1:{up.port}",
        ".kova": shlex.quote(str(up.folder)),
    }.items():
        assert old in script
        script = script.replace(old, new)
    process = subprocess.run(
        [*SHELLS[shell], "-eu", "-c", script],
        cwd=ROOT,
        env=os.environ | {"HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert (process.returncode, process.stderr) == (0, "")
    delivery, scans, errors, fixes, ai_answer = json_lines(process.stdout)
    assert delivery["status"] == "queued"
    assert scans["items"][0]["status"] == "succeeded", scans  # type: ignore[index]
    assert errors["items"]
    assert fixes["items"]
    assert ai_answer["status"] == "queued"
    assert re.fullmatch(r"kova_[a-z0-9]+_[a-z0-9]+", process.stdout.splitlines()[-1])


def test_a_newcomer_finds_a_scanned_repository_with_a_published_fix(up: Up) -> None:
    """`make run` gives `kova up` the same option."""
    assert "kova up --sample" in (ROOT / "Makefile").read_text()

    def rows(path: str) -> list[dict[str, object]]:
        answer = up.get(f"{path}?repository=octo/bookshop")
        return answer.json()["items"] if answer is not None and answer.is_success else []

    assert eventually(lambda: [scan for scan in rows("/api/scans") if scan["finished_at"]])
    published = [fix for fix in rows("/api/fixes") if fix["status"] == "published"]
    assert {fix["rule_id"] for fix in published} >= {"F632", "W605"}
    assert len({fix["pull_request_url"] for fix in published}) == 1
    assert len(rows("/api/errors")) > 20
    # A later start delivers the same push: it is known.
    assert "octo/bookshop" in push_sample(
        up.settings["KOVA_GITHUB_API_URL"], up.settings["KOVA_PRACTICE_TOKEN"], up.port
    )
    assert len(rows("/api/scans")) == 1
