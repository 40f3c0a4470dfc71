"""Many errors, written by SQL alone."""

from __future__ import annotations

import psycopg


def insert_errors(url: str, repository: str, number: int) -> None:
    """Write open errors of all severities, some rules and paths, over the last year."""
    with psycopg.connect(url) as connection:
        connection.execute(
            """INSERT INTO repositories (full_name, default_branch) VALUES (%s, 'main')
            ON CONFLICT DO NOTHING""",
            (repository,),
        )
        connection.execute(
            """INSERT INTO errors (repository_id, fingerprint, analyzer, rule_id, severity, tier,
                confidence, category, message, path, start_line, start_column, end_line,
                end_column, snippet, first_seen_at)
            SELECT repositories.id,
                encode(sha256(convert_to(gen_random_uuid()::text, 'UTF8')), 'hex'),
                (ARRAY['ruff', 'oxlint', 'zizmor'])[1 + n %% 3], 'R' || n %% 40,
                (ARRAY['critical', 'high', 'medium', 'low'])[1 + n %% 4], 'error', 'high',
                'correctness', 'Something is wrong.', 'src/module_' || n %% 500 || '.py',
                1 + n %% 900, 1, 1 + n %% 900, 9, 'x = 1',
                now() - random() * interval '365 days'
            FROM repositories, generate_series(1, %s) AS n
            WHERE full_name = %s""",
            (number, repository),
        )
