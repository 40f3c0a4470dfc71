"""Analysers run side by side: one that fails is named and harms no other."""

from __future__ import annotations

from pathlib import Path

from kova.analysis.limits import MOST_FINDINGS, MOST_FINDINGS_TOGETHER
from kova.analysis.run_analyzers import AnalyzeTree
from kova.analysis.source_text import SourceText
from kova.shared.skipped import Skipped
from tests.support.analyzer import MarkAnalyzer


def write(folder: Path, **files: str | bytes) -> list[str]:
    """Write files `name.py` and return their paths."""
    for name, content in files.items():
        body = content if isinstance(content, bytes) else content.encode()
        (folder / f"{name}.py").write_bytes(body)
    return [f"{name}.py" for name in files]


def test_findings_carry_an_identity_and_come_in_order(tmp_path: Path) -> None:
    paths = write(tmp_path, b="BAD(x)", a="def f():\n    BAD(y)")
    analysis = AnalyzeTree([MarkAnalyzer()]).analyze(tmp_path, paths)
    assert [(finding.path, finding.scope) for finding in analysis.findings] == [
        ("a.py", "f"),
        ("b.py", ""),
    ]
    assert len({finding.fingerprint for finding in analysis.findings}) == 2
    assert all(finding.traits is not None for finding in analysis.findings)
    assert (analysis.files, analysis.analyzed) == (2, frozenset(paths))


def test_a_suppressed_finding_is_apart(tmp_path: Path) -> None:
    paths = write(tmp_path, a="BAD(x)\nBAD(y)  # kova: ignore[R1] known")
    analysis = AnalyzeTree([MarkAnalyzer()]).analyze(tmp_path, paths)
    assert [finding.span.start_line for finding in analysis.findings] == [1]
    assert [finding.suppressed for finding in analysis.suppressed] == ["kova: ignore"]


def test_what_is_no_text_or_is_absent_is_skipped(tmp_path: Path) -> None:
    paths = write(tmp_path, a="BAD(x)", b=b"\xff\xfe", c=b"a\0b")
    tool = MarkAnalyzer()
    analysis = AnalyzeTree([tool]).analyze(tmp_path, [*paths, "absent.py"])
    assert analysis.skipped == (
        Skipped(path="absent.py", reason="unreadable"),
        Skipped(path="b.py", reason="not_utf8"),
        Skipped(path="c.py", reason="not_utf8"),
    )
    assert (analysis.analyzed, tool.runs) == ({"a.py"}, [["a.py"]])


def test_what_the_caller_left_out_is_part_of_the_result(tmp_path: Path) -> None:
    skip = Skipped(path="b.py", reason="too_large")
    analysis = AnalyzeTree([MarkAnalyzer()]).analyze(tmp_path, write(tmp_path, a=""), [skip])
    assert (analysis.skipped, analysis.files) == ((skip,), 2)


def test_an_analyser_that_did_not_finish_covers_nothing_and_harms_no_other(
    tmp_path: Path,
) -> None:
    paths = write(tmp_path, a="BAD(x)")
    broken = MarkAnalyzer(name="broken", completed=False, rules=())
    analysis = AnalyzeTree([broken, MarkAnalyzer()]).analyze(tmp_path, paths)
    coverage = {part.name: part.paths for part in analysis.coverage}
    assert coverage == {"broken": frozenset(), "tool": {"a.py"}}
    assert (analysis.incomplete, len(analysis.findings)) == ({"broken"}, 1)


def test_a_file_that_an_analyser_skips_is_not_covered_by_it_alone(tmp_path: Path) -> None:
    paths = write(tmp_path, a="BAD(x)", b="BAD(y)")
    picky = MarkAnalyzer(name="picky", skips={"a.py": "picky_timed_out"})
    analysis = AnalyzeTree([picky, MarkAnalyzer()]).analyze(tmp_path, paths)
    coverage = {part.name: part.paths for part in analysis.coverage}
    assert coverage == {"picky": {"b.py"}, "tool": {"a.py", "b.py"}}
    assert analysis.analyzed == {"b.py"}


def test_a_file_with_more_findings_than_anybody_reads_is_skipped_and_said(tmp_path: Path) -> None:
    many = "BAD(x)\n" * (MOST_FINDINGS + 1)
    paths = write(tmp_path, a=many, b="BAD(y)", c="BAD(x)\n" * MOST_FINDINGS)
    analysis = AnalyzeTree([MarkAnalyzer()]).analyze(tmp_path, paths)
    assert analysis.skipped == (Skipped(path="a.py", reason="tool_too_many_findings"),)
    coverage = {part.name: part.paths for part in analysis.coverage}
    assert coverage == {"tool": {"b.py", "c.py"}}
    assert len(analysis.findings) == MOST_FINDINGS + 1


def test_of_too_many_findings_together_those_of_the_worst_files_go(tmp_path: Path) -> None:
    few, many = "BAD(x)\n", "BAD(x)\n" * (MOST_FINDINGS - 1)
    names = [f"f{number}" for number in range(MOST_FINDINGS_TOGETHER // MOST_FINDINGS + 1)]
    paths = write(tmp_path, few=few, **dict.fromkeys(names, many))
    analysis = AnalyzeTree([MarkAnalyzer()]).analyze(tmp_path, paths)
    assert analysis.skipped == (Skipped(path="f0.py", reason="tool_too_many_findings"),)
    assert MOST_FINDINGS_TOGETHER >= len(analysis.findings) > MOST_FINDINGS_TOGETHER - MOST_FINDINGS


def test_analysers_of_a_whole_program_have_files_of_their_own(tmp_path: Path) -> None:
    paths = write(tmp_path, a="", b="")
    by_file, program = MarkAnalyzer(), MarkAnalyzer(name="program", whole_program=True)
    tree = AnalyzeTree([by_file, program])
    tree.analyze(tmp_path, ["a.py"], programs=paths)
    assert (by_file.runs, program.runs) == ([["a.py"]], [["a.py", "b.py"]])
    tree.analyze(tmp_path, ["a.py"], programs=[])
    assert len(program.runs) == 1
    assert (tree.readers("a.py"), tree.readers("a.py", programs=True)) == ({"tool"}, {"program"})


def test_each_analyser_that_ends_is_told_to_the_caller(tmp_path: Path) -> None:
    names: list[str] = []
    AnalyzeTree([MarkAnalyzer(), MarkAnalyzer(name="second", suffix=".sh")]).analyze(
        tmp_path, write(tmp_path, a=""), progress=names.append
    )
    assert sorted(names) == ["second", "tool"]


def text_of(text: str) -> SourceText:
    return SourceText(text=text, bom=False)


def test_texts_are_judged_each_by_itself_and_in_order() -> None:
    texts = [("a.py", text_of("BAD(x)")), ("a.sh", text_of("BAD(x)")), ("a.py", text_of(""))]
    first, second, third = AnalyzeTree([MarkAnalyzer()]).analyze_texts(texts)
    assert [len(run.findings) for run in (first, second, third)] == [1, 0, 0]
    assert (first.completed, second.completed, third.completed) == (True, False, True)


def test_a_comment_does_not_remove_an_error_from_a_text() -> None:
    (run,) = AnalyzeTree([MarkAnalyzer()]).analyze_texts(
        [("a.py", text_of("BAD(x)  # kova: ignore"))]
    )
    assert [finding.suppressed for finding in run.findings] == ["kova: ignore"]


def test_a_text_that_an_analyser_skips_is_not_judged_to_the_end() -> None:
    tool = MarkAnalyzer(skips={"a.py": "tool_crashed"})
    (run,) = AnalyzeTree([tool]).analyze_texts([("a.py", text_of("BAD(x)"))])
    assert not run.completed


def test_another_version_is_another_digest_and_only_of_those_that_have_it() -> None:
    names = frozenset({"tool"})
    first = AnalyzeTree([MarkAnalyzer(), MarkAnalyzer(name="second")])
    second = AnalyzeTree([MarkAnalyzer(), MarkAnalyzer(name="second", version="2")])
    assert first.digest(names) == second.digest(names)
    assert first.digest(names | {"second"}) != second.digest(names | {"second"})
