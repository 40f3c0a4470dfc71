"""Another tool's log that was made to hurt: what it cannot say is counted, and it closes nothing."""

from __future__ import annotations

import json
import sys
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from kova.errors.error import ErrorStatus
from kova.scans.sarif_import import ImportedRun, parse_sarif
from kova.scans.sarif_result import MESSAGE_LIMIT
from kova.shared.exceptions import InvalidInputError
from kova.shared.severity import Severity
from tests.scans.test_import_sarif import FIRST, SECOND, import_log, log_of, scan, statuses
from tests.scans.test_sarif_import import RESULT, RULE, log, result_at
from tests.support.workshop import Workshop

ROOT = "file:///home/ci/r/"
PHYSICAL = RESULT["locations"][0]["physicalLocation"]
NOWHERE = {"no_path_in_the_repository": 1}


def read(*results: Any, **run: Any) -> ImportedRun:
    (imported,) = parse_sarif(log(*results, **run))
    return imported


def with_rule(**rule: Any) -> dict[str, Any]:
    return {"driver": {"name": "CodeQL", "rules": [{**RULE, **rule}]}}


def result_in(**region: Any) -> dict[str, Any]:
    return {**RESULT, "locations": [{"physicalLocation": {**PHYSICAL, "region": region}}]}


def count_calls(call: Callable[[], object]) -> Counter[str]:
    """Return how often each function of Python was called, by its name."""
    calls: Counter[str] = Counter()

    def note(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            calls[frame.f_code.co_name] += 1

    sys.setprofile(note)
    try:
        call()
    finally:
        sys.setprofile(None)
    return calls


@pytest.mark.parametrize(
    "uri",
    [
        pytest.param("file://evil.example/share/a.py", id="file-of-another-machine"),
        pytest.param("file:src/a.py", id="file-relative-to-nobody-knows-what"),
        pytest.param("file:../../etc/passwd", id="file-that-climbs"),
        pytest.param(" /etc/passwd", id="space-before-the-root"),
        pytest.param("fi\nle:///etc/passwd", id="line-end-inside-of-the-scheme"),
        pytest.param("\\\\?\\C:\\r\\a.py", id="device-path-of-windows"),
        pytest.param("\\\\server\\share\\a.py", id="share-of-windows"),
        pytest.param("C:a.py", id="drive-without-a-root"),
        pytest.param("urn:uuid:a.py", id="name-instead-of-a-place"),
        pytest.param("data:text/plain,a.py", id="content-instead-of-a-place"),
        pytest.param("src/", id="folder"),
        pytest.param("./", id="the-checkout-itself"),
        pytest.param("a/../..", id="above-the-checkout"),
        pytest.param("src/a\ud800.py", id="surrogate"),
        pytest.param("src/%0a.py", id="escaped-line-end"),
        pytest.param("?a.py", id="question-alone"),
        pytest.param("//[", id="host-that-is-none"),
        pytest.param("a/" * 501 + "b", id="a-thousand-folders"),
    ],
)
def test_an_address_that_is_no_file_of_the_checkout_is_counted_and_the_rest_is_used(
    uri: str,
) -> None:
    imported = read(result_at(uri), RESULT)
    assert [finding.path for finding in imported.findings] == ["src/a b.py"]
    assert imported.refused == NOWHERE
    assert not imported.complete


@pytest.mark.parametrize(
    "run",
    [
        pytest.param({"artifacts": [{"location": {"index": 0}}]}, id="file-that-is-itself"),
        pytest.param({"artifacts": {"0": {"location": {"uri": "a.py"}}}}, id="files-by-name"),
        pytest.param({"artifacts": [{"location": {"uri": ["a.py"]}}]}, id="address-in-a-list"),
        pytest.param(
            {"originalUriBaseIds": {"A": {"uri": "a/", "uriBaseId": "A"}}}, id="base-below-itself"
        ),
        pytest.param(
            {
                "originalUriBaseIds": {
                    f"{chr(65 + number)}": {"uri": "d/", "uriBaseId": chr(66 + number)}
                    for number in range(25)
                }
            },
            id="base-below-25-bases",
        ),
        pytest.param({"originalUriBaseIds": {"A": {"uri": "../../"}}}, id="base-that-climbs"),
        pytest.param(
            {"originalUriBaseIds": {"%SRCROOT%": {"uri": "file:///home/.."}, "A": {"uri": "/x/"}}},
            id="source-root-that-is-the-machine-s",
        ),
        pytest.param({"originalUriBaseIds": [{"uri": "a/"}]}, id="bases-in-a-list"),
        pytest.param(
            {"versionControlProvenance": [{"mappedTo": {"uri": "file:///"}}]},
            id="checkout-is-the-whole-machine",
        ),
    ],
)
def test_what_a_location_refers_to_may_be_missing_circular_or_outside(run: dict[str, Any]) -> None:
    by_index = {"artifactLocation": {"index": 0}}
    by_base = {"artifactLocation": {"uri": "../a.py", "uriBaseId": "A"}}
    absolute = {"artifactLocation": {"uri": "file:///etc/passwd"}}
    results = [
        {**RESULT, "locations": [{"physicalLocation": {**place, "region": {"startLine": 1}}}]}
        for place in (by_index, by_base, absolute)
    ]
    paths = {finding.path for finding in read(*results, **run).findings}
    assert not {path for path in paths if path.startswith(("/", "..", "etc"))}
    assert len(paths) <= 1


@pytest.mark.parametrize(
    "region",
    [
        pytest.param({"startLine": 0}, id="line-0"),
        pytest.param({"startLine": -(2**31)}, id="line-far-below"),
        pytest.param({"startLine": True}, id="line-is-a-bool"),
        pytest.param({"startLine": "3"}, id="line-is-a-text"),
        pytest.param({"startLine": 3.0}, id="line-is-a-float"),
        pytest.param({"startLine": 9, "endLine": 3}, id="ends-before-it-begins"),
        pytest.param({"startLine": 1, "startColumn": 0}, id="column-0"),
        pytest.param({"startLine": 1, "endColumn": 10**300}, id="column-of-300-digits"),
        pytest.param({"startLine": 1, "endLine": None}, id="end-is-null"),
    ],
)
def test_a_place_that_is_none_is_counted(region: dict[str, Any]) -> None:
    imported = read(result_in(**region), RESULT)
    assert (len(imported.findings), imported.refused) == (1, {"no_usable_place": 1})


@pytest.mark.parametrize("index", [True, -1, 10**30, 0.0, "0", [0]])
def test_a_reference_that_is_no_index_names_no_rule_and_no_file(index: object) -> None:
    rules = [{"id": "first"}, {"id": "second"}]
    files = [{"location": {"uri": "first.py"}}, {"location": {"uri": "second.py"}}]
    tool = {"driver": {"name": "T", "rules": rules}}
    by_rule = {**RESULT, "ruleId": None, "ruleIndex": index}
    place = {"artifactLocation": {"index": index}, "region": {"startLine": 1}}
    by_file = {**RESULT, "locations": [{"physicalLocation": place}]}
    imported = read(by_rule, by_file, tool=tool, artifacts=files)
    assert (imported.findings, imported.refused) == ((), {"no_rule": 1, **NOWHERE})


@pytest.mark.parametrize(
    "score", ["NaN", True, [9.8], {"a": 1}, -9.8, 10**400, "", "nine", "-inf", "0"]
)
def test_a_severity_that_is_none_leaves_that_of_the_level(score: object) -> None:
    tool = with_rule(properties={"security-severity": score})
    (finding,) = read({**RESULT, "level": "note"}, tool=tool).findings
    assert finding.severity is Severity.LOW


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        pytest.param({"level": ["error"]}, "not_a_failure", id="level-is-a-list"),
        pytest.param({"kind": {"fail": 1}}, "not_a_failure", id="kind-is-an-object"),
        pytest.param({"ruleId": "\0\ud800\n"}, None, id="rule-of-controls"),
        pytest.param({"ruleId": "r" * 100_000}, None, id="rule-of-100000-letters"),
        pytest.param({"suppressions": {"kind": "external"}}, None, id="suppressions-are-no-list"),
        pytest.param({"suppressions": [{"status": ["accepted"]}]}, None, id="status-is-a-list"),
        pytest.param({"fingerprints": {"a": ["b"], "c": "d\0"}}, None, id="fingerprint-of-nul"),
        pytest.param({"message": {"text": "{0}" * 400, "arguments": ["{0}" * 400] * 20}}, None,
                     id="message-that-unfolds"),
        pytest.param({"message": {"text": "<script>\ud800\0[x](javascript:y)"}}, None, id="markup"),
        pytest.param({"message": "text"}, None, id="message-is-a-text"),
        pytest.param({"locations": [{"logicalLocations": [{"name": ["f"]}],
                      "physicalLocation": PHYSICAL}]}, None, id="scope-is-a-list"),
    ],
)  # fmt: skip
def test_an_odd_member_is_left_out_or_cut_and_nothing_is_silenced(
    change: dict[str, Any], reason: str | None
) -> None:
    imported = read({**RESULT, **change})
    assert imported.refused == ({} if reason is None else {reason: 1})
    for finding in imported.findings:
        json.dumps([finding.message, finding.rule_id, finding.scope], ensure_ascii=False).encode()
        assert "\0" not in finding.message + finding.rule_id + finding.scope
        assert len(finding.message) <= MESSAGE_LIMIT
        assert len(finding.rule_id) <= 80
        assert finding.suppressed is None


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "https://x\nset-cookie: a", " https://x", "https://" + "x" * 2_000],
    ids=["script", "header", "space-before", "too-long"],
)
def test_a_help_address_that_no_browser_should_open_is_left_out(address: str) -> None:
    (finding,) = read(RESULT, tool=with_rule(helpUri=address)).findings
    assert finding.help_url is None


@pytest.mark.parametrize(
    ("run", "second"),
    [
        pytest.param({"results": None}, {}, id="results-are-null"),
        pytest.param({"results": {}}, {}, id="results-are-an-object"),
        pytest.param({"invocations": [{"executionSuccessful": 0}]}, {}, id="success-is-0"),
        pytest.param({"invocations": [{"executionSuccessful": "false"}]}, {}, id="success-is-text"),
        pytest.param(
            {
                "results": [],
                "artifacts": [{"location": {"uri": "/x.py"}, "roles": ["analysisTarget"]}],
            },
            {"artifacts": [{"location": {"uri": "c.py"}, "roles": ["analysisTarget"]}]},
            id="targets-lie-elsewhere",
        ),
        pytest.param({"results": [1, None, "x"]}, {}, id="results-that-are-none"),
    ],
)
async def test_a_log_that_proves_no_silence_closes_nothing(
    workshop: Workshop, run: dict[str, Any], second: dict[str, Any]
) -> None:
    row = await scan(workshop)
    await import_log(workshop, row.id, log_of(FIRST, SECOND))
    document = json.loads(log_of())
    (base,) = document["runs"]
    document["runs"] = [{**base, **run}] + ([{**base, **second}] if second else [])
    result = await import_log(workshop, row.id, json.dumps(document).encode())
    assert result.change.fixed == 0
    assert set((await statuses(workshop)).values()) == {ErrorStatus.OPEN}


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param("my/lint", "my lint", id="signs-that-are-left-out"),
        pytest.param("\u65e5\u672c\u8a9e", "\u4e2d\u6587", id="no-latin-letter"),
        pytest.param("l" * 60 + "a", "l" * 60 + "b", id="the-same-beginning"),
        pytest.param("lint [api]", "lint  api", id="brackets-of-a-category"),
        pytest.param("tool", "tool (sarif)", id="what-keeps-it-apart-from-kova-s"),
    ],
)
async def test_a_tool_that_looks_like_another_one_closes_none_of_its_errors(
    workshop: Workshop, first: str, second: str
) -> None:
    row = await scan(workshop)
    both = [json.loads(log_of(FIRST, tool=name))["runs"][0] for name in (first, second)]
    body = json.dumps({"version": "2.1.0", "runs": both}).encode()
    tools = (await import_log(workshop, row.id, body)).tools
    assert len({tool.analyzer for tool in tools}) == 2
    result = await import_log(workshop, row.id, log_of(tool=second))
    assert result.change.fixed == 1
    assert (await statuses(workshop))["tool", "a.py"] is ErrorStatus.OPEN


async def test_a_log_with_kova_s_own_fingerprints_changes_none_of_kova_s_errors(
    workshop: Workshop,
) -> None:
    row = await scan(workshop)
    (own,) = workshop.database.errors.values()
    document = json.loads(log_of(FIRST))
    (result,) = document["runs"][0]["results"]
    result["partialFingerprints"] = {"kova/v1": own.finding.fingerprint}
    result["suppressions"] = [{"kind": "external", "status": "accepted"}]
    await import_log(workshop, row.id, json.dumps(document).encode())
    assert workshop.database.errors[own.id] == own


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(log(RESULT).decode().encode("utf-16"), id="utf-16"),
        pytest.param(log(RESULT).decode().encode("utf-32-le"), id="utf-32"),
        pytest.param(b"\xef\xbb\xbf" * 2 + log(RESULT), id="two-byte-order-marks"),
        pytest.param(log(RESULT) + b"\0", id="nul-behind-it"),
        pytest.param(log(RESULT) * 2, id="two-logs"),
        pytest.param(log({**RESULT, "rank": float("inf")}), id="infinity"),
        pytest.param(log(RESULT).replace(b'"startLine": 3', b'"startLine": ' + b"9" * 5_000),
                     id="line-of-5000-digits"),
        pytest.param(log({"properties": json.loads('{"a":' * 250 + "1" + "}" * 250)}),
                     id="deep-inside-of-a-bag"),
        pytest.param(b'{"version": "2.1.0", "runs": [' + b"[]," * 700_000 + b"[]]}",
                     id="a-million-lists"),
    ],
)  # fmt: skip
def test_a_body_that_is_no_log_is_refused_before_it_takes_memory(body: bytes) -> None:
    tracemalloc.start()
    with pytest.raises(InvalidInputError):
        parse_sarif(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 500_000 + 3 * len(body)


def test_the_last_of_two_equal_keys_counts_as_in_every_parser() -> None:
    body = log(RESULT).replace(b'{"version"', b'{"runs": [{}], "version"', 1)
    (imported,) = parse_sarif(body)
    assert len(imported.findings) == 1


RESULTS = 400
MANY = [result_at(f"{ROOT}d{number}.py") for number in range(RESULTS)]
FOLDERS = [{"uri": f"file:///opt/{number}/"} for number in range(5_000)]


@pytest.mark.parametrize(
    ("run", "bound"),
    [
        pytest.param(
            {"versionControlProvenance": [{"mappedTo": folder} for folder in FOLDERS]},
            20 * RESULTS,
            id="five-thousand-checkouts",
        ),
        pytest.param(
            {"invocations": [{"workingDirectory": folder} for folder in FOLDERS]},
            20 * RESULTS,
            id="five-thousand-working-folders",
        ),
        pytest.param(
            {"originalUriBaseIds": {"%" * number + "SRCROOT": FOLDERS[0] | {"uri": f"/{number}/"}
                                    for number in range(1_000)}},
            20 * RESULTS,
            id="a-thousand-source-roots",
        ),
    ],
)  # fmt: skip
def test_twice_as_many_roots_are_not_twice_the_work_of_each_result(
    run: dict[str, Any], bound: int
) -> None:
    body = log(*MANY, **run)
    assert count_calls(lambda: parse_sarif(body))["below"] <= bound


def test_a_base_and_a_file_that_many_results_share_are_read_once() -> None:
    bases = {f"B{number}": {"uri": "x/" * 90, "uriBaseId": f"B{number + 1}"} for number in range(9)}
    by_base = [result_at(f"d{number}.py", uriBaseId="B0") for number in range(RESULTS)]
    by_index = [{**RESULT, "locations": [{"physicalLocation": {
        "artifactLocation": {"index": 0}, "region": {"startLine": 1}}}]}] * RESULTS  # fmt: skip
    body = log(
        *by_base, *by_index, originalUriBaseIds=bases, artifacts=[{"location": {"uri": "a.py"}}]
    )
    assert count_calls(lambda: parse_sarif(body))["read_place"] < RESULTS + 50


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param({"id": "r" * 3_000_000}, id="id"),
        pytest.param({"helpUri": "https://" + "x" * 3_000_000}, id="help"),
        pytest.param({"properties": {"tags": ["cwe-" * 750_000]}}, id="tag"),
        pytest.param({"properties": {"security-severity": "0" * 3_000_000}}, id="severity"),
        pytest.param({"shortDescription": {"text": "x" * 3_000_000}}, id="description"),
    ],
)
def test_a_rule_of_megabytes_is_not_read_again_by_each_of_its_results(rule: dict[str, Any]) -> None:
    """Measured by the processor's time of this thread, against one result of the same rule."""

    def seconds(number: int) -> float:
        results = [{**RESULT, "ruleId": None, "message": {}}] * number
        body = log(*results, tool=with_rule(**rule))
        started = time.thread_time()
        parse_sarif(body)
        return time.thread_time() - started

    assert seconds(300) < 4 * seconds(1) + 0.5
