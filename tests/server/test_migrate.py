"""`kova migrate`: dbmate reaches the server that Kova reaches, as strictly, and obeys nobody else."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psycopg
import pytest

from kova.adapters.postgres.migrate import _tls_parameters, dbmate_url, migrate
from kova.shared.exceptions import DatabaseUnavailableError


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        "?channel_binding=prefer",
        "?keepalives=1&keepalives_idle=5",
        "?gssencmode=disable",
        "?sslmode=prefer&application_name=a%20b",
        "?target_session_attrs=read-write",
    ],
)
def test_every_address_that_libpq_reads_can_be_migrated(database_url: str, parameters: str) -> None:
    migrate(database_url + parameters)


def test_the_host_that_answers_is_migrated_of_several(database_url: str) -> None:
    parts = urlsplit(database_url)
    account, _, server = parts.netloc.rpartition("@")
    migrate(parts._replace(netloc=f"{account}@127.0.0.1:1,{server}").geturl())


def test_the_environment_and_the_folder_say_nothing_to_dbmate(
    database_url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("DBMATE_MIGRATIONS_TABLE=from_file\n")
    for name, value in {
        "DBMATE_MIGRATIONS_TABLE": "elsewhere",
        "DBMATE_STRICT": "true",
        "PGDATESTYLE": "German",
        "PGTZ": "Asia/Kolkata",
        "PGAPPNAME": "x",
    }.items():
        monkeypatch.setenv(name, value)
    migrate(database_url)
    with psycopg.connect(database_url) as connection:
        for table in ("elsewhere", "from_file"):
            assert connection.execute("SELECT to_regclass(%s)", (table,)).fetchone() == (None,)


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(DatabaseUnavailableError) as caught:
        migrate("postgresql://kova:s3cret@127.0.0.1:1,[::1]:2/kova")
    assert caught.value.data == {"server": "KOVA_DATABASE_URL: 127.0.0.1:1, ::1:2"}


ROOT = {"sslrootcert": "/etc/root.crt"}
HOME_ROOT = {"sslrootcert": str(Path("~/.postgresql/root.crt").expanduser())}


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, {"sslmode": "require"}),
        ({"sslmode": "prefer"}, {"sslmode": "require"}),
        ({"sslmode": "require", **ROOT}, {"sslmode": "require", **ROOT}),
        ({"sslmode": "verify-ca", **ROOT}, {"sslmode": "verify-ca", **ROOT}),
        ({"sslmode": "verify-full", **ROOT}, {"sslmode": "verify-full", **ROOT}),
        ({"sslmode": "verify-full"}, {"sslmode": "verify-full", **HOME_ROOT}),
        ({"sslrootcert": "system"}, {"sslmode": "verify-full"}),
    ],
)
def test_dbmate_asks_for_tls_as_strictly_as_a_connection_that_has_it(
    parameters: dict[str, str], expected: dict[str, str]
) -> None:
    """The embedded Postgres is built without TLS: a real connection cannot show it here."""
    assert _tls_parameters(parameters, in_use=True) == expected


def test_dbmate_asks_for_no_tls_where_the_connection_has_none(database_url: str) -> None:
    with psycopg.connect(f"{database_url}?sslmode=prefer") as connection:
        assert parse_qs(urlsplit(dbmate_url(connection)).query) == {"sslmode": ["disable"]}
