"""Any sequence of edits, renames, upgrades, crashes and partial scans keeps the promises."""

from __future__ import annotations

import uuid
from collections import Counter

import psycopg
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from kova.errors.lifecycle import History
from tests.errors.conftest import Errors
from tests.support.findings import analysis_of
from tests.support.services import database_template

PATHS = st.sampled_from(["a.py", "b.py", "c.py"])
LINES = st.sampled_from(["BAD(x)", "BAD(y)", "BAD[R2](x)", "x = 1", "def f(x):", "    BAD(x)"])


class Life(RuleBasedStateMachine):
    """A repository that is edited and scanned."""

    @initialize()
    def start(self) -> None:
        server, _, source = database_template().rpartition("/")
        self.server, self.database = server, f"test_{uuid.uuid4().hex}"
        with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {self.database} TEMPLATE {source}")
        self.errors = Errors(f"{server}/{self.database}")
        self.tree: dict[str, str] = {}
        self.commit = 0
        self.rules = ["R1", "R2"]
        self.counts = Counter[str]()
        self.unread: set[str] = set()

    def teardown(self) -> None:
        if not hasattr(self, "errors"):
            return
        self.errors.close()
        with psycopg.connect(f"{self.server}/postgres", autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {self.database} WITH (FORCE)")

    def scan(
        self, *, unread: set[str] = frozenset(), twice: bool = False, **kwargs: object
    ) -> None:  # type: ignore[assignment]
        self.commit += 1
        self.unread = set(unread)
        analysis = analysis_of(self.tree, rules=self.rules, unread=list(unread))
        claim = self.errors.claim(f"c{self.commit}")
        before = {key: row["status"] for key, row in self.errors.rows().items()}
        change = self.errors.scan(f"c{self.commit}", analysis, claim=claim, **kwargs)
        if twice:
            again = self.errors.scan(f"c{self.commit}", analysis, claim=claim, **kwargs)
            assert again == change
        after = {key: row["status"] for key, row in self.errors.rows().items()}
        assert change.new == len(after.keys() - before.keys())
        assert change.fixed == sum(
            before.get(key) == "open" and status == "fixed" for key, status in after.items()
        )
        assert change.reopened == sum(
            before.get(key) == "fixed" and status == "open" for key, status in after.items()
        )
        assert set(change.error_ids) == {finding.fingerprint for finding in analysis.findings}
        assert len(set(change.error_ids.values())) == len(analysis.findings)

    @rule(path=PATHS, lines=st.lists(LINES, max_size=6), twice=st.booleans())
    def edit(self, path: str, lines: list[str], twice: bool) -> None:
        self.tree[path] = "\n".join(lines)
        self.scan(twice=twice)

    @rule(old=PATHS, new=PATHS, with_history=st.booleans())
    def rename(self, old: str, new: str, with_history: bool) -> None:
        if old in self.tree and new not in self.tree:
            self.tree[new] = self.tree.pop(old)
            self.scan(history=History(moved={old: new}) if with_history else None)

    @rule(path=PATHS)
    def delete(self, path: str) -> None:
        self.tree.pop(path, None)
        self.scan()

    @rule(path=PATHS)
    def skip(self, path: str) -> None:
        if path in self.tree:
            before = {
                key: row["status"] for key, row in self.errors.rows().items() if row["path"] == path
            }
            self.scan(unread={path})
            after = self.errors.rows()
            assert {key: after[key]["status"] for key in before} == before

    @invariant()
    def open_errors_are_what_the_tree_has(self) -> None:
        if not hasattr(self, "errors"):
            return
        read = {path: text for path, text in self.tree.items() if path not in self.unread}
        findings = analysis_of(read, rules=self.rules).findings
        expected = Counter(
            (finding.path, finding.rule_id, finding.span.start_line) for finding in findings
        )
        rows = [row for row in self.errors.rows().values() if row["status"] == "open"]
        stored = Counter(
            (row["path"], row["rule_id"], row["start_line"])
            for row in rows
            if row["path"] not in self.unread
        )
        assert stored == expected


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=12, stateful_step_count=10, deadline=None)
