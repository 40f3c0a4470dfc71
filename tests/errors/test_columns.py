"""What a finding writes to its row comes back from it, and the table has these columns."""

from __future__ import annotations

from dataclasses import fields, replace

import psycopg

from kova.adapters.postgres.error_columns import COLUMNS, column_values, read_finding, read_traits
from kova.analysis.finding import Category, Confidence, Finding, Span, Tier, Traits
from kova.shared.severity import Severity

FINDING = Finding(
    analyzer="ruff",
    rule_id="F632",
    severity=Severity.CRITICAL,
    tier=Tier.WARNING,
    confidence=Confidence.LOW,
    category=Category.SECURITY,
    message="Bad.",
    path="pkg/a.py",
    span=Span(start_line=3, start_column=5, end_line=4, end_column=7),
    snippet="x is 1",
    scope="f",
    help_url="https://example.test/F632",
    cwe="CWE-1",
    fingerprint="f" * 64,
    traits=Traits(line="line", scope="scope", window="window", match="match"),
)
# These are of one scan: what masks a secret, what silences a finding, and how it may be mended.
OF_ONE_SCAN = {"match", "former_matches", "suppressed", "edit"}


def test_a_finding_and_its_traits_come_back_from_its_row() -> None:
    row = {**column_values(FINDING), "fingerprint": FINDING.fingerprint}
    assert read_finding(row) == replace(FINDING, traits=None)
    assert read_traits(row) == FINDING.traits


def test_each_attribute_of_a_finding_has_a_column() -> None:
    written = {column.path.partition(".")[0] for column in COLUMNS if column.path}
    names = {field.name for field in fields(Finding)}
    assert written == names - OF_ONE_SCAN - {"fingerprint"}


def test_a_row_from_before_traits_has_none() -> None:
    assert read_traits({column.name: None for column in COLUMNS}) is None


def test_the_table_has_each_column_with_its_type(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        rows = connection.execute(
            "SELECT column_name, udt_name FROM information_schema.columns"
            " WHERE table_name = 'errors'"
        ).fetchall()
    kinds = {name: {"int4": "int"}.get(kind, kind) for name, kind in rows}
    assert {column.name: kinds.get(column.name) for column in COLUMNS} == {
        column.name: column.kind for column in COLUMNS
    }
