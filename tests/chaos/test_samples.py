"""The table of files is right: Kova reports just these errors, and mends them just so."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from kova.code_index.index_repository import blob_sha
from tests.chaos.samples import SampleState, decode_state, samples
from tests.support.kova_process import run_command


def test_kova_reports_and_mends_what_the_table_says(tmp_path: Path) -> None:
    states = {
        f"{name}{sample.suffix}": SampleState(sample=name, note="step 7")
        for name, sample in samples().items()
        if name != "settings"
    }
    for path, state in states.items():
        (tmp_path / path).write_bytes(state.content)
    process = run_command("scan", tmp_path, "--fix", "--apply", "--format", "json")
    report = json.loads(process.stdout)
    reported = Counter((finding["path"], finding["rule_id"]) for finding in report["findings"])
    assert reported == Counter(
        (path, rule) for path, state in states.items() for rule in state.rules
    )
    for path, state in states.items():
        repair = state.repair or state
        assert (tmp_path / path).read_bytes() == repair.content
    again = run_command("scan", tmp_path, "--format", "json")
    rest = {path for path, state in states.items() if state.rules and state.repair is None}
    assert {finding["path"] for finding in json.loads(again.stdout)["findings"]} == rest


def test_a_state_is_read_as_it_was_written() -> None:
    state = SampleState(sample="identity", note="12")
    assert decode_state(state.encode()) == state
    assert decode_state(SampleState(sample="escape", note="3", mended=True).encode()).mended


def test_a_file_is_partly_mended_line_by_line() -> None:
    both = decode_state("identities:7")
    first = both.content.replace(b'is "open"', b'== "open"')
    second = both.content.replace(b'is "shut"', b'== "shut"')
    assert [state.note for state in both.partial_repairs()] == [blob_sha(first), blob_sha(second)]
    assert decode_state("identity:7").partial_repairs() == []
    assert decode_state("clean:7").partial_repairs() == []
