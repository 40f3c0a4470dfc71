"""What squawk is asked about migrations sees what breaks or locks, and lets pass what only adds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.checks.migrations import ALONE, CONTRACTS, EXEMPT, FOLDER, SQUAWK, check_migrations

pytestmark = pytest.mark.skipif(
    not SQUAWK.exists(), reason="`make check` has not set up squawk here"
)
TIMES = "SET LOCAL lock_timeout = '5s';\nSET LOCAL statement_timeout = '1min';\n"


def problems_of(folder: Path, sql: str, options: str = "", down: str = "") -> list[str]:
    file = folder / "20990101000001_planted.sql"
    file.write_text(f"-- migrate:up{options}\n{sql}\n-- migrate:down\n{down}")
    return check_migrations(folder, {})


def test_the_migrations_are_as_they_should_be() -> None:
    assert check_migrations() == []
    first_release = {file.name for file in FOLDER.glob("2026112400000*.sql")}
    assert {name for name, rules in EXEMPT.items() if rules is not ALONE} == first_release


@pytest.mark.parametrize("name", [name for name, rules in EXEMPT.items() if rules is ALONE])
def test_a_migration_without_time_limits_is_one_index_made_concurrently(name: str) -> None:
    up = (FOLDER / name).read_text().partition("-- migrate:down")[0]
    options, _, sql = up.removeprefix("-- migrate:up").partition("\n")
    statements = re.sub(r"--[^\n]*", "", sql).strip()
    assert options.strip() == "transaction:false"
    assert statements.startswith("CREATE INDEX CONCURRENTLY IF NOT EXISTS ")
    assert statements.count(";") == 1


@pytest.mark.parametrize(
    ("sql", "rule"),
    [
        ("ALTER TABLE errors DROP COLUMN snippet;", "ban-drop-column"),
        ("ALTER TABLE errors RENAME COLUMN snippet TO text;", "renaming-column"),
        ("ALTER TABLE errors RENAME TO findings;", "renaming-table"),
        ("DROP TABLE code_terms;", "ban-drop-table"),
        ("ALTER TABLE errors ADD COLUMN a text NOT NULL;", "adding-required-field"),
        ("ALTER TABLE errors ALTER COLUMN message TYPE bytea USING NULL;", "changing-column-type"),
        ("CREATE INDEX a ON errors (path);", "require-concurrent-index-creation"),
        ("ALTER TABLE errors ADD CHECK (path > '') ;", "constraint-missing-not-valid"),
        ("SELECT 1 FROM;;;; (", "syntax-error"),
    ],
)
def test_what_breaks_or_locks_is_seen(tmp_path: Path, sql: str, rule: str) -> None:
    problems = problems_of(tmp_path, TIMES + sql)
    assert [problem.split(": ")[:2] for problem in problems][:1] == [
        ["20990101000001_planted.sql:4", rule]
    ]


@pytest.mark.parametrize("name", CONTRACTS)
def test_what_only_a_contract_may_do_is_seen(tmp_path: Path, name: str) -> None:
    example = CONTRACTS[name].example
    problems = problems_of(tmp_path, TIMES + example)
    assert [problem for problem in problems if f"planted.sql:4: {name}: " in problem]
    exempt = {"20990101000001_planted.sql": {name: "release 2 stopped using it"}}
    assert not [line for line in check_migrations(tmp_path, exempt) if name in line]


@pytest.mark.parametrize(
    "sql",
    [
        "delete\n from errors;",
        "DELETE /* all */ FROM errors;",
        "SELECT '--'; DELETE FROM errors;",
        "SELECT 'it''s'; -- all\nDELETE FROM errors;",
        "DO LANGUAGE plpgsql 'BEGIN NULL; END';",
        "DO $a$ BEGIN EXECUTE 'DROP TABLE errors'; END $a$;",
        "TRUNCATE ONLY errors;",
    ],
)
def test_it_is_seen_however_it_is_written(tmp_path: Path, sql: str) -> None:
    names = {problem.split(": ")[1] for problem in problems_of(tmp_path, TIMES + sql)}
    assert names & set(CONTRACTS)


@pytest.mark.parametrize(
    "sql",
    [
        "-- Nobody may DELETE FROM this, or TRUNCATE it.\nCREATE TABLE b (c text PRIMARY KEY);",
        "CREATE TABLE b (c uuid PRIMARY KEY REFERENCES errors ON DELETE CASCADE);",
        "INSERT INTO code_terms DEFAULT VALUES ON CONFLICT DO NOTHING;",
        "CREATE TRIGGER a AFTER TRUNCATE ON errors EXECUTE FUNCTION count_open_errors();",
        "CREATE TABLE b (c text PRIMARY KEY DEFAULT 'DELETE FROM');",
    ],
)
def test_what_only_looks_like_it_passes(tmp_path: Path, sql: str) -> None:
    names = {problem.split(": ")[1] for problem in problems_of(tmp_path, TIMES + sql)}
    assert names & set(CONTRACTS) == set()


@pytest.mark.parametrize(
    "comment",
    [
        "-- squawk-ignore ban-drop-table",
        "-- squawk-ignore-file",
        "/* squawk-ignore ban-drop-table */",
    ],
)
def test_a_comment_is_no_exemption(tmp_path: Path, comment: str) -> None:
    problems = problems_of(tmp_path, f"{TIMES}{comment}\nDROP TABLE code_terms;")
    assert [problem for problem in problems if "planted.sql:4: squawk-ignore: " in problem]


def test_a_lock_that_waits_for_ever_is_seen(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, "ALTER TABLE errors ADD COLUMN a text;")
    assert [problem.split(": ")[1] for problem in problems] == [
        "require-lock-timeout",
        "require-statement-timeout",
    ]


def test_what_only_adds_passes_whatever_takes_it_back(tmp_path: Path) -> None:
    add = f"{TIMES}ALTER TABLE errors ADD COLUMN a text;\nCREATE TABLE b (c text PRIMARY KEY);"
    assert problems_of(tmp_path, add, down="ALTER TABLE errors DROP COLUMN a;") == []
    index = (
        "SET lock_timeout = '5s';\nSET statement_timeout = '1h';\n"
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS a ON errors (path);"
    )
    assert problems_of(tmp_path, index, " transaction:false") == []
    assert problems_of(tmp_path, index) != []


def test_an_exemption_that_is_not_needed_is_seen(tmp_path: Path) -> None:
    problems_of(tmp_path, f"{TIMES}ALTER TABLE errors ADD COLUMN a text;")
    exempt = {"20990101000001_planted.sql": {"ban-drop-column": "no reason"}}
    assert check_migrations(tmp_path, exempt) == [
        "20990101000001_planted.sql: exempt from ban-drop-column, which it obeys"
    ]
