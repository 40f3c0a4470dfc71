"""Postgres: pool, migrations and the stores."""
