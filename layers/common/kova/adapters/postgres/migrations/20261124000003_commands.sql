-- migrate:up

ALTER TABLE ai_commands
    ADD COLUMN request jsonb NOT NULL DEFAULT '{}',
    ADD COLUMN citations jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN findings jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN dropped integer NOT NULL DEFAULT 0,
    ADD COLUMN detail text,
    ADD COLUMN lease_until timestamptz,
    ADD CONSTRAINT ai_commands_outcome CHECK (outcome IN (
        'queued', 'running', 'ok', 'refusal', 'truncated', 'empty', 'not_json', 'wrong_shape',
        'nul', 'cut', 'timeout', 'unavailable', 'misconfigured', 'budget_exhausted',
        'not_configured', 'cancelled', 'no_context', 'failed'
    ));
CREATE INDEX ai_commands_of_key_page ON ai_commands (api_key_id, created_at DESC, id DESC);

-- What was spent, by month and scope: `all`, `key:<id>` and `repository:<id>`.
CREATE TABLE ai_spending (
    scope text NOT NULL,
    month date NOT NULL,
    spent_usd numeric(14, 6) NOT NULL DEFAULT 0 CHECK (spent_usd >= 0),
    PRIMARY KEY (scope, month)
);

-- Upper bounds of calls that are being made. One that outlives its process expires by itself.
CREATE TABLE ai_reservations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    month date NOT NULL,
    scopes text[] NOT NULL,
    amount_usd numeric(14, 6) NOT NULL CHECK (amount_usd >= 0),
    expires_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ai_reservations_of_month ON ai_reservations (month, expires_at);

-- migrate:down

DROP TABLE ai_reservations, ai_spending;
DROP INDEX ai_commands_of_key_page;
ALTER TABLE ai_commands
    DROP CONSTRAINT ai_commands_outcome,
    DROP COLUMN request, DROP COLUMN citations, DROP COLUMN findings, DROP COLUMN dropped,
    DROP COLUMN detail, DROP COLUMN lease_until;
