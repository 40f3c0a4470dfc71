"""deploy/backup/backup.sh makes backups that restore, keeps the newest, and says when they are old."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

from kova_server.embedded.postgres import _programs_folder

SCRIPT = Path("deploy/backup/backup.sh")
DATA = """
INSERT INTO repositories (full_name, default_branch) SELECT 'octo/r' || n, 'main' FROM generate_series(1, 50) AS n;
CREATE TABLE counted (id bigint GENERATED ALWAYS AS IDENTITY, name text);
INSERT INTO counted (name) SELECT 'x' FROM generate_series(1, 7);
"""


class Backups:
    """The script, with a database and a folder."""

    def __init__(self, url: str, folder: Path) -> None:
        parts = urlsplit(url)
        self.url = url
        self.folder = folder
        folder.with_name("password").write_text(parts.password or "")
        self._variables = {
            "PATH": f"{_programs_folder()}:{os.environ['PATH']}",
            "PGHOST": str(parts.hostname),
            "PGPORT": str(parts.port),
            "PGUSER": str(parts.username),
            "PGDATABASE": parts.path[1:],
            "PGPASSWORD_FILE": str(folder.with_name("password")),
            "BACKUP_FOLDER": str(folder),
            "BACKUPS_KEPT": "2",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(SCRIPT), *arguments],
            env=self._variables,
            capture_output=True,
            text=True,
            check=False,
        )

    def names(self) -> list[str]:
        return self.run("list").stdout.split()

    def content(self) -> list[object]:
        """Return what the database holds: rows, sequences and the schema's version."""
        with psycopg.connect(self.url) as connection:
            queries = (
                "SELECT * FROM repositories ORDER BY full_name",
                "SELECT * FROM counted ORDER BY id",
                "SELECT * FROM schema_migrations ORDER BY version",
                "SELECT sequencename, last_value FROM pg_sequences ORDER BY sequencename",
                "SELECT indexname, indexdef FROM pg_indexes ORDER BY indexname",
            )
            return [connection.execute(query).fetchall() for query in queries]


@pytest.fixture
def backups(database_url: str, tmp_path: Path) -> Backups:
    with psycopg.connect(database_url) as connection:
        connection.execute(DATA)
    return Backups(database_url, tmp_path / "backups")


def test_a_backup_restores_rows_sequences_and_indexes(backups: Backups) -> None:
    before = backups.content()
    made = backups.run("once")
    assert made.returncode == 0, made.stderr
    # Twice: what a restore leaves can be backed up and restored again.
    for _ in range(2):
        (name,) = backups.names()[-1:]
        with psycopg.connect(backups.url) as connection:
            connection.execute("DELETE FROM repositories; DELETE FROM counted; CREATE TABLE new ()")
        restored = backups.run("restore", name)
        assert restored.returncode == 0, restored.stderr
        assert backups.content() == before
        assert backups.run("once").returncode == 0


def test_a_restore_that_fails_changes_nothing(backups: Backups) -> None:
    backups.run("once")
    before = backups.content()
    whole = backups.folder / backups.names()[0]
    (backups.folder / "kova-cut.dump").write_bytes(whole.read_bytes()[:-2_000])
    assert backups.run("restore", "kova-cut.dump").returncode != 0
    assert backups.run("restore", "missing.dump").returncode != 0
    assert backups.content() == before


def test_the_newest_are_kept_and_what_was_cut_off_is_removed(backups: Backups) -> None:
    backups.folder.mkdir()
    for name in (
        "kova-20200101T000000Z.dump",
        "kova-20200102T000000Z.dump",
        ".partial-kova-x.dump",
    ):
        (backups.folder / name).touch()
    assert backups.run("once").returncode == 0
    names = backups.names()
    assert len(names) == 2
    assert names[0] == "kova-20200102T000000Z.dump"
    assert {path.name for path in backups.folder.iterdir()} == set(names)


def test_its_health_is_the_age_of_the_newest(backups: Backups) -> None:
    assert backups.run("check").returncode != 0
    backups.run("once")
    assert backups.run("check").returncode == 0
    newest = backups.folder / backups.names()[-1]
    long_ago = newest.stat().st_mtime - 49 * 3600
    os.utime(newest, (long_ago, long_ago))
    assert backups.run("check").returncode != 0


def test_a_database_that_is_away_leaves_no_backup(tmp_path: Path) -> None:
    backups = Backups("postgresql://nobody@127.0.0.1:9/kova", tmp_path / "backups")
    assert backups.run("once").returncode != 0
    assert backups.names() == []
    assert backups.run("nonsense").returncode == 2
