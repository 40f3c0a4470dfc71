"""The life of errors over sequences of scans, on a real Postgres."""

from __future__ import annotations

from dataclasses import replace

from kova.analysis.analysis import AnalyzerCoverage
from kova.analysis.finding import Category
from kova.errors.lifecycle import History
from kova.shared.skipped import Skipped
from tests.errors.conftest import Errors
from tests.support.findings import analysis_of, finding, findings_of

A = "def f(x):\n    return BAD(x)\n"


def test_an_error_is_opened_fixed_and_opened_again_as_itself(errors: Errors) -> None:
    assert errors.counts("c1", {"a.py": A}) == (1, 0, 0)
    assert errors.counts("c2", {"a.py": "# above\n" + A}) == (0, 0, 0)
    assert errors.counts("c3", {"a.py": "x = 1\n"}) == (0, 1, 0)
    assert errors.counts("c4", {"a.py": "x = 1\n\n" + A}) == (0, 0, 1)
    (row,) = errors.rows().values()
    assert (row["status"], row["introduced_in"], row["start_line"]) == ("open", "c1", 4)
    assert row["reopened_count"] == 1
    assert row["reopened_at"] is not None
    assert row["fingerprint"] == findings_of("a.py", A)[0].fingerprint


def test_the_same_analysis_twice_changes_nothing_and_counts_the_same(errors: Errors) -> None:
    errors.scan("c1", {"a.py": A, "b.py": A})
    claim = errors.claim("c2")
    tree = {"a.py": "x = 1\n", "b.py": A + "\n\ndef g(x):\n    BAD(x)\n"}
    first = errors.scan("c2", tree, claim=claim)
    before = errors.rows()
    again = errors.scan("c2", tree, claim=claim)
    assert (first.new, first.fixed) == (again.new, again.fixed) == (1, 1)
    assert first.error_ids == again.error_ids
    moving = {"last_seen_at"}
    for key, row in errors.rows().items():
        assert {k: v for k, v in row.items() if k not in moving} == {
            k: v for k, v in before[key].items() if k not in moving
        }


def test_a_file_that_was_not_read_closes_nothing(errors: Errors) -> None:
    errors.scan("c1", {"a.py": A, "b.py": A})
    assert errors.counts("c2", {"a.py": "x\n", "b.py": "x\n"}, unread=["b.py"]) == (0, 1, 0)
    assert errors.statuses() == {("a.py", 2): "fixed", ("b.py", 2): "open"}


def test_an_analyser_that_did_not_run_closes_nothing(errors: Errors) -> None:
    errors.scan("c1", {"a.py": A})
    other_coverage = AnalyzerCoverage(name="other", identity="other 1", paths=frozenset({"a.py"}))
    assert errors.counts(
        "c2", replace(analysis_of({"a.py": "x\n"}), coverage=(other_coverage,))
    ) == (
        0,
        0,
        0,
    )


def test_a_deleted_file_closes_its_errors_but_not_by_half_a_listing(errors: Errors) -> None:
    errors.scan("c1", {"a.py": A, "b.py": A})
    assert errors.counts("c2", {"b.py": A}, complete=False) == (0, 0, 0)
    linked = replace(analysis_of({"b.py": A}), skipped=(Skipped(path="a.py", reason="symlink"),))
    assert errors.counts("c3", linked) == (0, 0, 0)
    assert errors.counts("c4", {"b.py": A}) == (0, 1, 0)
    assert errors.statuses() == {("a.py", 2): "fixed", ("b.py", 2): "open"}


def test_a_file_that_no_longer_parses_hides_its_errors_and_does_not_close_them(
    errors: Errors,
) -> None:
    errors.scan("c1", {"a.py": A})
    broken = analysis_of({"a.py": "def f(:\n"})
    syntax = findings_of("a.py", "BAD[S1](\n", rules=("S1",))
    reported = replace(
        broken, findings=tuple(replace(finding, category=Category.SYNTAX) for finding in syntax)
    )
    assert errors.counts("c2", reported) == (1, 0, 0)
    assert errors.counts("c3", {"a.py": A}) == (0, 1, 0)
    assert len(errors.rows()) == 2


def test_a_renamed_file_keeps_its_errors_and_their_fingerprints(errors: Errors) -> None:
    errors.scan("c1", {"a.py": A})
    history = History(moved={"a.py": "src/b.py"})
    changed = "import os\n" + A.replace("def f", "def g")
    assert errors.counts("c2", {"src/b.py": changed}, history) == (0, 0, 0)
    assert errors.counts("c3", {"src/c.py": changed}) == (0, 0, 0)
    (row,) = errors.rows().values()
    assert (row["path"], row["status"]) == ("src/c.py", "open")
    assert row["fingerprint"] == findings_of("a.py", A)[0].fingerprint
    # A new file at the old place brings a finding of the very same fingerprint.
    assert errors.counts("c4", {"src/c.py": changed, "a.py": A}) == (1, 0, 0)
    assert len({row["fingerprint"] for row in errors.rows().values()}) == 2


def test_errors_of_a_tool_that_does_not_run_here_follow_a_rename(errors: Errors) -> None:
    errors.scan("c1", {"a.py": A})
    other_coverage = AnalyzerCoverage(name="other", identity="1", paths=frozenset({"b.py"}))
    analysis = replace(analysis_of({"b.py": A}), findings=(), coverage=(other_coverage,))
    errors.scan("c2", analysis, History(moved={"a.py": "b.py"}))
    assert errors.statuses() == {("b.py", 2): "open"}


def test_an_upgraded_analyser_neither_closes_nor_reopens_the_world(errors: Errors) -> None:
    tree = {"a.py": A, "b.py": "BAD[R2](y)\n"}
    assert errors.counts("c1", tree) == (1, 0, 0)
    upgraded = History(upgraded=frozenset({"tool"}), unchanged=frozenset(tree))
    # A new rule sees old code: an open error that no commit introduced.
    assert errors.counts("c1", tree, upgraded, rules=("R1", "R2"), version="2") == (0, 0, 0)
    assert errors.statuses() == {("a.py", 2): "open", ("b.py", 1): "open"}
    assert {row["rule_id"]: row["introduced_in"] for row in errors.rows().values()} == {
        "R1": "c1",
        "R2": None,
    }
    # The next version no longer has the rule; nobody mended anything.
    assert errors.counts("c1", tree, upgraded, rules=("R2",), version="3") == (0, 0, 0)
    assert errors.counts("c1", tree, upgraded, rules=("R1", "R2"), version="4") == (0, 0, 0)
    assert errors.statuses() == {("a.py", 2): "open", ("b.py", 1): "open"}
    # Now the code changes, and the same version is silent.
    assert errors.counts("c2", {**tree, "a.py": "x\n"}, rules=("R1", "R2"), version="4") == (
        0,
        1,
        0,
    )


def test_a_rule_that_a_new_version_calls_otherwise_is_the_same_error(errors: Errors) -> None:
    tree = {"a.py": A}
    errors.scan("c1", tree)
    analysis = analysis_of(tree, version="2")
    (finding,) = analysis.findings
    errors.scan("c1", replace(analysis, findings=(replace(finding, rule_id="NEW1"),)))
    (row,) = errors.rows().values()
    assert (row["rule_id"], row["status"]) == ("NEW1", "open")


def test_what_a_new_version_finds_in_changed_code_that_was_so_before_is_not_new(
    errors: Errors,
) -> None:
    errors.scan("c1", {"a.py": "BAD[R2](y)\n"})
    both = findings_of("a.py", "BAD[R2](y)\nBAD[R2](z)\n", rules=("R2",))
    history = History(upgraded=frozenset({"tool"}), older=frozenset({both[0].fingerprint}))
    files = {"a.py": "BAD[R2](y)\nBAD[R2](z)\n"}
    assert errors.counts("c2", files, history, rules=("R2",), version="2") == (1, 0, 0)
    assert {row["start_line"]: row["introduced_in"] for row in errors.rows().values()} == {
        1: None,
        2: "c2",
    }


def test_an_ignored_error_stays_ignored_wherever_its_code_goes(errors: Errors) -> None:
    errors.scan("c1", {"a.py": A})
    errors.execute("UPDATE errors SET status = 'ignored'")
    assert errors.counts("c2", {"b.py": "# x\n" + A}) == (0, 0, 0)
    assert errors.counts("c3", {"b.py": "x\n"}) == (0, 0, 0)
    assert errors.counts("c4", {"b.py": A}) == (0, 0, 0)
    assert errors.statuses() == {("b.py", 2): "ignored"}


def test_a_suppression_silences_an_error_and_its_removal_opens_it_again(errors: Errors) -> None:
    assert errors.counts("c1", {"a.py": A}) == (1, 0, 0)
    quiet = A.replace("BAD(x)", "BAD(x)  # quiet")
    assert errors.counts("c2", {"a.py": quiet, "b.py": quiet}) == (0, 0, 0)
    (row,) = errors.rows().values()
    assert (row["status"], row["silenced_by"]) == ("ignored", "# quiet")
    assert errors.counts("c3", {"a.py": A}) == (0, 0, 0)
    assert errors.statuses() == {("a.py", 2): "open"}


def test_a_path_that_the_settings_leave_out_is_silenced(errors: Errors) -> None:
    errors.scan("c1", {"a.py": A})
    left_out = replace(analysis_of({"a.py": A}, unread=["a.py"]), excluded=frozenset({"a.py"}))
    assert errors.counts("c2", left_out) == (0, 0, 0)
    assert errors.statuses() == {("a.py", 2): "ignored"}
    assert errors.counts("c3", {"a.py": A}) == (0, 0, 0)
    assert errors.statuses() == {("a.py", 2): "open"}


def test_rows_from_before_traits_were_kept_are_recognised(errors: Errors) -> None:
    errors.scan("c1", {"a.py": A})
    errors.execute(
        """UPDATE errors SET trait_line = NULL, trait_scope = NULL, trait_window = NULL,
        trait_match = NULL, content_digest = NULL, blob_sha = NULL, analyzer_identity = NULL"""
    )
    assert errors.counts("c2", {"a.py": "# above\n" + A}) == (0, 0, 0)


def test_text_that_postgres_does_not_take_is_made_storable(errors: Errors) -> None:
    hostile = "a\x00\ud800.py"
    (finding,) = findings_of(hostile, "BAD(x)\n")
    analysis = replace(
        analysis_of({}),
        findings=(replace(finding, message="\x00\udfff", snippet="\x00"),),
        listed=None,
    )
    assert errors.counts("c1", analysis) == (1, 0, 0)
    assert errors.counts("c2", analysis) == (0, 0, 0)
    assert errors.count_listed() == 1


def test_the_last_state_is_remembered(errors: Errors) -> None:
    assert errors.run(errors.store.state(errors.repository_id)) is None
    errors.scan("c1", {"a.py": A})
    state = errors.run(errors.store.state(errors.repository_id))
    assert (state.commit_sha, state.identities) == ("c1", {"tool": "tool 1"})
    assert errors.run(errors.store.live_paths(errors.repository_id)) == {"a.py"}
    assert finding().traits is None
