"""Migrations only add, and lock no table for long: squawk reads what each does upwards.

A deployment migrates while the previous release still works (docs/adr/0002).
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FOLDER: Final = Path("layers/common/kova/adapters/postgres/migrations")
SQUAWK: Final = Path(".venv/deploy/bin/squawk").absolute()
OLDEST_POSTGRES: Final = "16"
# Of taste, not of breaking or locking: our integers count lines, tokens and attempts.
_NOT_ASKED: Final = ("prefer-bigint-over-int",)


@dataclass(frozen=True)
class Contract:
    """A statement that takes away what the previous release may use; squawk lets it pass.

    Attributes:
        pattern: it, in SQL without comments and without what stands between single quotes.
        example: a migration that holds it.
    """

    pattern: str
    example: str


CONTRACTS: Final[Mapping[str, Contract]] = {
    "delete-rows": Contract(r"\bDELETE\s+FROM\b", "DELETE FROM errors;"),
    "truncate": Contract(r"\bTRUNCATE\b(?!\s+(ON|OR)\b)", "TRUNCATE errors;"),
    "revoke": Contract(r"\bREVOKE\b", "REVOKE SELECT ON errors FROM PUBLIC;"),
    "disable-trigger": Contract(
        r"\bDISABLE\s+(TRIGGER|RULE)\b", "ALTER TABLE errors DISABLE TRIGGER ALL;"
    ),
    # What they run is a text that nobody can read here.
    "do-block": Contract(r"\bDO\s+(LANGUAGE\s+\w+\s+)?E?['$]", "DO $$ BEGIN NULL; END $$;"),
    "dynamic-sql": Contract(
        r"\bEXECUTE\s+(?!(FUNCTION|PROCEDURE|ON)\b)",
        "CREATE FUNCTION a() RETURNS void LANGUAGE plpgsql AS $$ BEGIN EXECUTE ''; END $$;",
    ),
}
"""By name, which stands in EXEMPT with the release that stopped using it."""
_QUOTED_OR_COMMENT: Final = re.compile(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_IGNORE: Final = re.compile(r"squawk-ignore[\w-]*", re.IGNORECASE)

_EMPTY: Final = "written before the first release: it has only ever run on tables without rows"
_TIMES: Final = {"require-lock-timeout": _EMPTY, "require-statement-timeout": _EMPTY}
# dbmate sends a file as it is, and Postgres takes several statements as one transaction.
ALONE: Final = dict.fromkeys(
    _TIMES, "an index is made concurrently by a statement that stands alone"
)
_INDEX: Final = {"require-concurrent-index-creation": _EMPTY}
EXEMPT: Final[Mapping[str, Mapping[str, str]]] = {
    "20261124000001_core.sql": _TIMES,
    "20261124000002_edge.sql": _TIMES | _INDEX,
    "20261124000003_commands.sql": _TIMES | _INDEX | {"constraint-missing-not-valid": _EMPTY},
    "20261124000004_identity.sql": _TIMES | _INDEX,
    "20261124000005_code_index.sql": _TIMES,
    "20261129000002_pages.sql": ALONE,
    "20261130101600_unfinished_scans.sql": ALONE,
}
"""What a file may break, and why: by file and squawk's rule. Newer files get `ALONE` at most."""

_UP: Final = re.compile(
    r"^-- migrate:up(?P<options>[^\n]*)\n(?P<sql>.*?)^-- migrate:down", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class _Finding:
    rule: str
    line: int  # From 0.
    message: str


def check_migrations(
    folder: Path = FOLDER, exempt: Mapping[str, Mapping[str, str]] = EXEMPT
) -> list[str]:
    """Return where migrations break a rule that they are not exempt from, and idle exemptions."""
    problems: list[str] = []
    idle = {(name, rule) for name, rules in exempt.items() for rule in rules}
    for file in sorted(folder.glob("*.sql")):
        parts = _UP.search(file.read_text())
        if parts is None:
            problems.append(f"{file.name}: it has no `-- migrate:up` before a `-- migrate:down`")
            continue
        # dbmate runs a file in one transaction unless it says otherwise.
        in_transaction = "transaction:false" not in parts["options"]
        first_line = file.read_text()[: parts.start("sql")].count("\n") + 1
        findings = [
            *_ask_squawk(parts["sql"], in_transaction=in_transaction),
            *_find_contracts(parts["sql"]),
        ]
        for finding in findings:
            if finding.rule in exempt.get(file.name, {}):
                idle.discard((file.name, finding.rule))
            else:
                line = first_line + finding.line
                problems.append(f"{file.name}:{line}: {finding.rule}: {finding.message}")
    problems += [f"{name}: exempt from {rule}, which it obeys" for name, rule in sorted(idle)]
    return problems


def _ask_squawk(sql: str, *, in_transaction: bool) -> Iterator[_Finding]:
    command = [str(SQUAWK), "--reporter=json", "--stdin-filepath=migration.sql"]
    command += [f"--pg-version={OLDEST_POSTGRES}", f"--exclude={','.join(_NOT_ASKED)}"]
    command.append(f"--{'' if in_transaction else 'no-'}assume-in-transaction")
    process = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    if process.returncode not in {0, 1}:
        raise AssertionError(f"squawk: {process.stderr}")
    for row in json.loads(process.stdout or "[]"):
        yield _Finding(rule=row["rule_name"], line=int(row["line"]), message=row["message"])


def _find_contracts(sql: str) -> Iterator[_Finding]:
    """Yield what squawk does not ask about, and where it is told not to ask."""
    for match in _IGNORE.finditer(sql):
        message = "an exemption stands in EXEMPT with its reason, not in a comment"
        yield _Finding(rule="squawk-ignore", line=_line(sql, match), message=message)
    code = _QUOTED_OR_COMMENT.sub(_blank, sql)
    for rule, contract in CONTRACTS.items():
        for match in re.finditer(contract.pattern, code, re.IGNORECASE):
            message = "the previous release may need what this takes away"
            yield _Finding(rule=rule, line=_line(code, match), message=message)


def _blank(match: re.Match[str]) -> str:
    """Return empty quotes or a space for a comment, with as many lines."""
    lines = "\n" * match[0].count("\n")
    return f"'{lines}'" if match[0].startswith("'") else lines or " "


def _line(text: str, match: re.Match[str]) -> int:
    return text.count("\n", 0, match.start())
