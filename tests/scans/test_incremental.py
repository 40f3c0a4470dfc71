"""A scan costs what changed: what was analysed before is neither fetched nor analysed again."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kova.analysis.finding import Finding, Span
from kova.analysis.ports import AnalyzerRun, Text
from tests.scans.conftest import Desk
from tests.support.findings import finding

BAD = b"import re\n\n\ndef f(x):\n    return x is 'a' and re.match('\\d', x)\n"
FIXED = b"import re\n\n\ndef f(x):\n    return x == 'a' and re.match(r'\\d', x)\n"
SECRET = "hunter2-hunter2-hunter2"


class Words:
    """An analyser for tests: it flags a word, and says what it was asked to read."""

    whole_program = False
    any_text = False

    def __init__(self, word: str, identity: str = "1", *, secret: bool = False) -> None:
        self.name = f"words-{word}"
        self.identity = f"{self.name} {identity}"
        self.secret = secret
        self.analyzed_paths: list[str] = []
        self.completed = True
        self._word = word

    def handles(self, path: str) -> bool:
        return path.endswith(".py")

    def analyze(self, folder: Path, paths: Sequence[str]) -> AnalyzerRun:
        self.analyzed_paths += paths
        findings = [
            finding
            for path in paths
            for finding in self._find_word(path, (folder / path).read_text())
        ]
        return AnalyzerRun(findings=tuple(findings), completed=self.completed)

    def analyze_texts(self, texts: Sequence[Text]) -> list[AnalyzerRun]:
        return [
            AnalyzerRun(findings=tuple(self._find_word(text.path, text.content.decode())))
            for text in texts
        ]

    def _find_word(self, path: str, text: str) -> list[Finding]:
        findings = []
        for number, line in enumerate(text.split("\n"), start=1):
            at = line.find(self._word)
            if at >= 0:
                span = Span(
                    start_line=number,
                    start_column=at + 1,
                    end_line=number,
                    end_column=at + 1 + len(self._word),
                )
                flagged = finding(analyzer=self.name, path=path, span=span, rule_id="W1")
                if self.secret:
                    flagged = replace(flagged, match="keyed", snippet="h…2", message="A secret.")
                findings.append(flagged)
        return findings


class Program(Words):
    """One that needs all files to judge one."""

    whole_program = True
    any_text = False


def test_only_the_changed_file_is_fetched_and_analysed(desk: Desk) -> None:
    desk.push({f"m{number}.py": BAD for number in range(30)})
    first = desk.scan(fix=False)
    assert desk.list_fetched() == ["tarball"]
    assert (first.stats.files_analyzed, first.stats.files_cached) == (30, 0)
    desk.push({"m7.py": BAD + b"\n\ndef g(x):\n    return x is 'b'\n"})
    second = desk.scan(fix=False)
    assert desk.list_fetched() == ["git/blobs"]
    assert (second.stats.files_analyzed, second.stats.files_cached) == (30, 29)
    assert (second.stats.errors, second.stats.new_errors) == (61, 1)
    assert second.coverage["files"]["cached"] == 29


def test_what_is_left_out_for_what_it_is_is_known_and_told_again(desk: Desk) -> None:
    """Compiled JavaScript, another encoding, a file that a tool cannot read: no push pays again."""
    odd = {f"dist/b{number}.js": b"var a=" + b"1+" * 5_000 + b"1\n" for number in range(25)}
    desk.push({"a.py": BAD, "latin.py": b"x = '\xe9'\n", **odd})
    first = desk.scan(fix=False)
    assert len(first.skipped) == 26
    desk.list_fetched()
    desk.push({"a.py": BAD + b"x = 1\n"})
    second = desk.scan(fix=False)
    assert desk.list_fetched() == ["git/blobs"]
    assert (second.skipped, second.coverage["analyzers"]) == (
        first.skipped,
        first.coverage["analyzers"],
    )


def test_full_analyses_everything_again(desk: Desk) -> None:
    desk.push({"a.py": BAD, "b.py": BAD})
    desk.scan(fix=False)
    desk.list_fetched()
    again = desk.scan(fix=False, full=True)
    assert sorted(desk.list_fetched()) == ["git/blobs", "git/blobs"]
    assert (again.stats.files_cached, again.stats.new_errors, again.stats.errors) == (0, 0, 4)


def test_a_mended_file_closes_its_errors_also_when_the_rest_is_cached(desk: Desk) -> None:
    desk.push({"a.py": BAD, "b.py": BAD})
    desk.scan(fix=False)
    desk.push({"a.py": FIXED})
    assert desk.scan(fix=False).stats.fixed_errors == 2
    desk.push({}, deletes=["b.py"])
    assert desk.scan(fix=False).stats.fixed_errors == 2
    assert set(desk.errors().values()) == {"fixed"}


def test_proofs_are_kept_and_still_published_together(desk: Desk) -> None:
    desk.push({"a.py": BAD, "b.py": BAD, "c.py": b"x = 1\n"})
    desk.scan()
    desk.list_fetched()
    desk.push({"c.py": BAD})
    assert desk.scan().stats.files_cached == 2
    assert desk.list_fetched() == ["git/blobs"]
    (pull,) = desk.github.state.pulls("octo/sample")
    for name in ("a.py", "b.py", "c.py"):
        assert desk.github.state.file("octo/sample", pull["head_ref"], name) == FIXED
    rows = desk.rows("SELECT status, count(*) AS number FROM auto_fixes GROUP BY status")
    assert rows == [{"status": "published", "number": 6}]


def test_a_scan_without_fixes_leaves_them_to_the_next_with_fixes(desk: Desk) -> None:
    desk.push({"a.py": BAD, "b.py": b"x = 1\n"})
    desk.scan(fix=False)
    desk.list_fetched()
    assert desk.scan().stats.files_cached == 2
    assert desk.list_fetched() == ["git/blobs"]
    assert len(desk.github.state.pulls("octo/sample")) == 1


def test_an_upgraded_analyser_reads_everything_again_and_nothing_closes(desk: Desk) -> None:
    old = Words("eval", "1")
    desk.analyzers = [old]
    desk.push({"a.py": b"eval\nexec\n", "b.py": b"x\n"})
    assert desk.scan(fix=False).stats.new_errors == 1
    new = Words("e", "2")
    new.name = old.name
    desk.analyzers = [new]
    again = desk.scan(fix=False)
    assert new.analyzed_paths == ["a.py", "b.py"]
    assert (again.stats.new_errors, again.stats.fixed_errors) == (0, 0)
    assert (again.stats.reopened_errors, again.stats.errors) == (0, 2)
    introduced = desk.rows("SELECT introduced_in FROM errors ORDER BY start_line")
    assert [bool(error["introduced_in"]) for error in introduced] == [True, False]
    # The upgrade and a push at once: only what the push brought is new.
    newest = Words("x", "3")
    newest.name = old.name
    desk.analyzers = [newest]
    desk.push({"b.py": b"x\nother x\n", "a.py": b"eval\nexec\nx\n"})
    assert desk.scan(fix=False).stats.new_errors == 2


def test_an_analyser_that_did_not_finish_is_not_believed_and_not_kept(desk: Desk) -> None:
    words = Words("bad")
    desk.analyzers = [words]
    desk.push({"a.py": b"bad\n"})
    desk.scan(fix=False)
    desk.push({"a.py": b"good\n"})
    words.completed = False
    scan = desk.scan(fix=False)
    assert scan.stats.fixed_errors == 0
    assert "Did not finish: words-bad." in desk.summary()
    words.completed = True
    assert desk.scan(fix=False).stats.fixed_errors == 1


def test_a_whole_program_analyser_reads_all_files_when_one_changed(desk: Desk) -> None:
    program, words = Program("whole"), Words("part")
    desk.analyzers = [program, words]
    desk.push({"a.py": b"whole part\n", "b.py": b"x\n"})
    assert desk.scan(fix=False).stats.errors == 2
    assert desk.scan(fix=False).stats.errors == 2
    assert (program.analyzed_paths, words.analyzed_paths) == (["a.py", "b.py"], ["a.py", "b.py"])
    desk.push({"b.py": b"whole\n"})
    assert desk.scan(fix=False).stats.new_errors == 1
    assert program.analyzed_paths[2:] == ["a.py", "b.py"]
    assert words.analyzed_paths[2:] == ["b.py"]


def test_secrets_are_not_in_the_cache(desk: Desk) -> None:
    tool = Words(SECRET, secret=True)
    tool.name = tool.identity = "secrets"
    desk.analyzers = [*desk.analyzers, tool]
    code = f"def f(x, y=[]):\n    return x is '{SECRET}'\n".encode()
    desk.push({"a.py": code})
    scan = desk.scan()
    assert scan.stats.errors >= 2
    payloads = [row["payload"] for row in desk.rows("SELECT payload FROM analysis_cache")]
    texts = [
        zlib.decompress(bytes(payload)).decode() for payload in payloads if payload is not None
    ]
    assert texts
    assert [text for text in texts if SECRET in text] == []
    snippets = desk.rows("SELECT snippet FROM errors")
    assert not any(SECRET in row["snippet"] for row in snippets)


def test_a_pull_request_uses_the_cache_on_both_sides(desk: Desk) -> None:
    desk.push({"a.py": BAD, "b.py": b"x = 1\n"})
    desk.scan(fix=False)
    desk.list_fetched()
    desk.push({"a.py": b"# note\n" + BAD, "b.py": BAD}, branch="feature")
    scan = desk.pull("feature")
    assert (scan.stats.errors, scan.stats.new_errors) == (2, 2)
    assert len(desk.list_fetched()) == 2
    assert {path for path, _, _ in desk.errors()} == {"a.py"}


def test_a_damaged_cache_is_a_miss(desk: Desk) -> None:
    desk.push({"a.py": BAD})
    desk.scan()
    desk.rows("UPDATE analysis_cache SET payload = '\\x00ff'")
    scan = desk.scan()
    assert (scan.stats.errors, scan.stats.files_cached) == (2, 0)


def test_the_cache_is_bounded_by_age_and_size(desk: Desk) -> None:
    desk.push({"a.py": BAD})
    desk.scan(fix=False)
    (repository,) = desk.rows("SELECT id FROM repositories")
    key = str(repository["id"])
    desk.rows("UPDATE analysis_cache SET used_at = now() - interval '40 days'")
    payloads = {bytes([number]) * 16: b"x" * 900 for number in range(10)}
    cache = desk.cache(age=timedelta(days=30), size=5_000)
    desk.run(cache.store(key, payloads))
    desk.run(cache.clean(key))
    (totals,) = desk.rows("SELECT count(*) AS number, sum(size) AS size FROM analysis_cache")
    assert (totals["number"], totals["size"]) == (5, 5_000)
    assert set(desk.run(cache.load(key, list(payloads)))) <= set(payloads)


def test_a_scan_cleans_the_cache_and_reading_renews(desk: Desk) -> None:
    desk.push({"a.py": BAD})
    desk.scan(fix=False)
    desk.rows("UPDATE analysis_cache SET used_at = now() - interval '20 days'")
    desk.scan(fix=False)
    (row,) = desk.rows("SELECT used_at > now() - interval '1 day' AS fresh FROM analysis_cache")
    assert row["fresh"]
    desk.rows("UPDATE analysis_cache SET used_at = now() - interval '40 days'")
    desk.push({"a.py": FIXED})
    desk.scan(fix=False)
    (count,) = desk.rows("SELECT count(*) AS number FROM analysis_cache")
    assert count["number"] == 1


@pytest.mark.parametrize("unchanged", [True, False])
def test_a_renamed_file_keeps_its_errors(desk: Desk, unchanged: bool) -> None:
    desk.push({"a.py": BAD})
    desk.scan(fix=False)
    changed = BAD if unchanged else b"import os\n" + BAD
    desk.push({"src/b.py": changed}, deletes=["a.py"])
    scan = desk.scan(fix=False)
    assert (scan.stats.new_errors, scan.stats.fixed_errors) == (0, 0)
    assert {path for path, _, _ in desk.errors()} == {"src/b.py"}
