-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '1min';

-- What a scan fails with, since when and how often, and when it is tried again; `target` is what
-- its message is made of. `look_at` is when somebody has to look what became of it, unless
-- something happened before. The defaults are those of rows that the previous release writes.
ALTER TABLE scans
    ADD COLUMN target jsonb,
    ADD COLUMN worker_deaths integer NOT NULL DEFAULT 0,
    ADD COLUMN failure_kind text,
    ADD COLUMN failures integer NOT NULL DEFAULT 0,
    ADD COLUMN failing_since timestamptz,
    ADD COLUMN retry_at timestamptz,
    ADD COLUMN look_at timestamptz NOT NULL DEFAULT now() + interval '10 minutes',
    ADD COLUMN requeues integer NOT NULL DEFAULT 0;

-- migrate:down

ALTER TABLE scans
    DROP COLUMN target,
    DROP COLUMN worker_deaths,
    DROP COLUMN failure_kind,
    DROP COLUMN failures,
    DROP COLUMN failing_since,
    DROP COLUMN retry_at,
    DROP COLUMN look_at,
    DROP COLUMN requeues;
