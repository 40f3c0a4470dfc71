-- migrate:up

ALTER TABLE api_keys ADD COLUMN last_used_at timestamptz;

-- Who changed what: actions of people and administrators, never their secrets.
CREATE TABLE audit_log (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    actor text NOT NULL,
    action text NOT NULL,
    target text NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX audit_log_page ON audit_log (created_at DESC, id DESC);

-- One row for each Idempotency-Key of a caller: in hand until locked_until, answered when it has a
-- status.
CREATE TABLE idempotency_keys (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    api_key_id uuid NOT NULL REFERENCES api_keys ON DELETE CASCADE,
    operation text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    locked_until timestamptz,
    status integer,
    headers jsonb,
    body bytea,
    created_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (api_key_id, operation, key),
    CHECK ((status IS NULL) = (body IS NULL))
);
CREATE INDEX idempotency_keys_age ON idempotency_keys (created_at);

ALTER TABLE errors
    ADD COLUMN ignore_reason text,
    ADD COLUMN ignored_until timestamptz,
    ADD COLUMN ignored_by text;
CREATE INDEX errors_ignored_until ON errors (ignored_until) WHERE status = 'ignored' AND ignored_until IS NOT NULL;

CREATE INDEX errors_of_repository_page ON errors (repository_id, first_seen_at DESC, id DESC);
CREATE INDEX errors_by_severity ON errors (severity, first_seen_at DESC, id DESC);
CREATE INDEX errors_by_rule ON errors (rule_id, first_seen_at DESC, id DESC);
CREATE INDEX errors_by_analyzer ON errors (analyzer, first_seen_at DESC, id DESC);
-- A path may be longer than an index entry.
CREATE INDEX errors_by_path ON errors (hashtextextended(path, 0), first_seen_at DESC, id DESC);
CREATE INDEX ai_commands_by_month ON ai_commands (created_at, api_key_id, repository_id);

-- Open errors by repository and severity, kept by triggers: a list of repositories would count
-- every error at each call.
CREATE TABLE open_errors (
    repository_id uuid NOT NULL REFERENCES repositories ON DELETE CASCADE,
    severity text NOT NULL,
    number bigint NOT NULL,
    PRIMARY KEY (repository_id, severity)
);

CREATE FUNCTION count_open_errors() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO open_errors AS known
        SELECT repository_id, severity, count(*) FROM after_rows WHERE status = 'open'
        GROUP BY repository_id, severity ORDER BY repository_id, severity
        ON CONFLICT (repository_id, severity) DO UPDATE SET number = known.number + EXCLUDED.number;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO open_errors AS known
        SELECT repository_id, severity, sum(change) FROM (
            SELECT repository_id, severity, 1 AS change FROM after_rows WHERE status = 'open'
            UNION ALL
            SELECT repository_id, severity, -1 FROM before_rows WHERE status = 'open'
        ) AS changes
        GROUP BY repository_id, severity HAVING sum(change) <> 0 ORDER BY repository_id, severity
        ON CONFLICT (repository_id, severity) DO UPDATE SET number = known.number + EXCLUDED.number;
    ELSE
        -- An update only: the repository itself may be going.
        UPDATE open_errors AS known SET number = known.number - gone.number FROM (
            SELECT repository_id, severity, count(*) AS number FROM before_rows
            WHERE status = 'open' GROUP BY repository_id, severity
        ) AS gone
        WHERE known.repository_id = gone.repository_id AND known.severity = gone.severity;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER errors_inserted AFTER INSERT ON errors REFERENCING NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_open_errors();
CREATE TRIGGER errors_updated AFTER UPDATE ON errors
    REFERENCING OLD TABLE AS before_rows NEW TABLE AS after_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_open_errors();
CREATE TRIGGER errors_deleted AFTER DELETE ON errors REFERENCING OLD TABLE AS before_rows
    FOR EACH STATEMENT EXECUTE FUNCTION count_open_errors();
INSERT INTO open_errors
SELECT repository_id, severity, count(*) FROM errors WHERE status = 'open' GROUP BY repository_id, severity;

-- migrate:down

DROP TRIGGER errors_inserted ON errors;
DROP TRIGGER errors_updated ON errors;
DROP TRIGGER errors_deleted ON errors;
DROP FUNCTION count_open_errors;
DROP TABLE open_errors;
DROP INDEX ai_commands_by_month, errors_by_path, errors_by_analyzer, errors_by_rule, errors_by_severity,
    errors_of_repository_page, errors_ignored_until;
ALTER TABLE errors DROP COLUMN ignore_reason, DROP COLUMN ignored_until, DROP COLUMN ignored_by;
DROP TABLE idempotency_keys, audit_log;
ALTER TABLE api_keys DROP COLUMN last_used_at;
