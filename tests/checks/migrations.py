"""Migrations only add, and lock no table for long: squawk reads what each does upwards.

A deployment migrates while the previous release still works (docs/adr/0002).
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

FOLDER: Final = Path("layers/common/kova/adapters/postgres/migrations")
SQUAWK: Final = Path(".venv/deploy/bin/squawk").absolute()
OLDEST_POSTGRES: Final = "16"
# Of taste, not of breaking or locking: our integers count lines, tokens and attempts.
_NOT_ASKED: Final = ("prefer-bigint-over-int",)

_EMPTY: Final = "written before the first release: it has only ever run on tables without rows"
_TIMES: Final = {"require-lock-timeout": _EMPTY, "require-statement-timeout": _EMPTY}
_INDEX: Final = {"require-concurrent-index-creation": _EMPTY}
EXEMPT: Final[Mapping[str, Mapping[str, str]]] = {
    "20261124000001_core.sql": _TIMES,
    "20261124000002_edge.sql": _TIMES | _INDEX,
    "20261124000003_commands.sql": _TIMES | _INDEX | {"constraint-missing-not-valid": _EMPTY},
    "20261124000004_identity.sql": _TIMES | _INDEX,
    "20261124000005_code_index.sql": _TIMES,
}
"""What a file may break, and why: by file and squawk's rule. Newer files get none."""

_UP: Final = re.compile(
    r"^-- migrate:up(?P<options>[^\n]*)\n(?P<sql>.*?)^-- migrate:down", re.MULTILINE | re.DOTALL
)


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
        for finding in _ask_squawk(parts["sql"], in_transaction=in_transaction):
            rule = finding["rule_name"]
            if rule in exempt.get(file.name, {}):
                idle.discard((file.name, rule))
            else:
                line = first_line + int(finding["line"])
                problems.append(f"{file.name}:{line}: {rule}: {finding['message']}")
    problems += [f"{name}: exempt from {rule}, which it obeys" for name, rule in sorted(idle)]
    return problems


def _ask_squawk(sql: str, *, in_transaction: bool) -> list[dict[str, str]]:
    command = [str(SQUAWK), "--reporter=json", "--stdin-filepath=migration.sql"]
    command += [f"--pg-version={OLDEST_POSTGRES}", f"--exclude={','.join(_NOT_ASKED)}"]
    command.append(f"--{'' if in_transaction else 'no-'}assume-in-transaction")
    process = subprocess.run(command, input=sql, capture_output=True, text=True, check=False)
    if process.returncode not in {0, 1}:
        raise AssertionError(f"squawk: {process.stderr}")
    findings: list[dict[str, str]] = json.loads(process.stdout or "[]")
    return findings
