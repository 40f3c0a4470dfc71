"""The columns of the table `errors` that a scan writes, declared once: SQL and mapping follow."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import Enum
from operator import attrgetter
from typing import Any, Final, LiteralString, NamedTuple

from psycopg.rows import DictRow

from kova.analysis.finding import Category, Confidence, Finding, Span, Tier, Traits
from kova.shared.severity import Severity


class ErrorColumn(NamedTuple):
    """One column of the table `errors`.

    Attributes:
        name: its name.
        kind: its type in Postgres.
        path: the finding's attribute that it holds, empty where the finding does not give it.
        parse: makes the attribute of what the row holds, None where they are the same.
        identifies: it is read to recognise the error in a later scan.
    """

    name: LiteralString
    kind: LiteralString
    path: str = ""
    parse: Callable[[Any], Any] | None = None
    identifies: bool = False


COLUMNS: Final = (
    ErrorColumn("analyzer", "text", "analyzer", identifies=True),
    ErrorColumn("rule_id", "text", "rule_id", identifies=True),
    ErrorColumn("severity", "text", "severity", Severity),
    ErrorColumn("tier", "text", "tier", Tier),
    ErrorColumn("confidence", "text", "confidence", Confidence),
    ErrorColumn("category", "text", "category", Category),
    ErrorColumn("message", "text", "message"),
    ErrorColumn("path", "text", "path", identifies=True),
    ErrorColumn("scope", "text", "scope"),
    ErrorColumn("start_line", "int", "span.start_line", identifies=True),
    ErrorColumn("start_column", "int", "span.start_column", identifies=True),
    ErrorColumn("end_line", "int", "span.end_line"),
    ErrorColumn("end_column", "int", "span.end_column"),
    ErrorColumn("snippet", "text", "snippet"),
    ErrorColumn("help_url", "text", "help_url"),
    ErrorColumn("cwe", "text", "cwe"),
    ErrorColumn("trait_line", "text", "traits.line", identifies=True),
    ErrorColumn("trait_scope", "text", "traits.scope", identifies=True),
    ErrorColumn("trait_window", "text", "traits.window", identifies=True),
    ErrorColumn("trait_match", "text", "traits.match", identifies=True),
    ErrorColumn("blob_sha", "text", identifies=True),
    ErrorColumn("analyzer_identity", "text", identifies=True),
    ErrorColumn("silenced_by", "text", identifies=True),
    ErrorColumn("content_digest", "bytea", identifies=True),
)
_OF_FINDING: Final = tuple(column for column in COLUMNS if column.path)
_GETTERS: Final = {column.name: attrgetter(column.path) for column in _OF_FINDING}


def list_names(columns: Iterable[ErrorColumn], table: LiteralString = "") -> LiteralString:
    """Return the names of columns for a statement, each after the name of a table if any."""
    qualifier: LiteralString = f"{table}." if table else ""
    return ", ".join(f"{qualifier}{column.name}" for column in columns)


def list_arrays(columns: Iterable[ErrorColumn]) -> LiteralString:
    """Return a parameter for each column, an array of its values, for `unnest`."""
    return ", ".join(f"%({column.name})s::{column.kind}[]" for column in columns)


WRITTEN: Final = list_names(COLUMNS)
SHOWN: Final = list_names(
    (column for column in _OF_FINDING if not column.path.startswith("traits.")), "errors"
)
IDENTIFYING: Final = list_names(column for column in COLUMNS if column.identifies)


def column_values(finding: Finding) -> dict[str, Any]:
    """Return what a finding with traits writes, by column."""
    assert finding.traits is not None
    values = {name: getter(finding) for name, getter in _GETTERS.items()}
    return {
        name: value.value if isinstance(value, Enum) else value for name, value in values.items()
    }


def read_finding(row: DictRow) -> Finding:
    """Return the finding of a row that has the columns SHOWN and the fingerprint; no traits."""
    return Finding(
        **_read_part(row, ""), span=Span(**_read_part(row, "span")), fingerprint=row["fingerprint"]
    )


def read_traits(row: DictRow) -> Traits | None:
    """Return the traits of a row, None where it was written before there were any."""
    return Traits(**_read_part(row, "traits")) if row["trait_line"] is not None else None


def _read_part(row: DictRow, part: str) -> dict[str, Any]:
    """Return the attributes of a part of the finding: its span, its traits or its own ones."""
    return {
        attribute: column.parse(row[column.name]) if column.parse else row[column.name]
        for attribute, column in _PARTS[part]
    }


def _columns_of(part: str) -> list[tuple[str, ErrorColumn]]:
    paths = [(column.path.rpartition("."), column) for column in _OF_FINDING]
    return [(attribute, column) for (owner, _, attribute), column in paths if owner == part]


_PARTS: Final = {part: _columns_of(part) for part in ("", "span", "traits")}
