-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '1min';

-- Each move of a branch or of a pull request's head, as GitHub told it. The same commit may come
-- again; the same delivery, or that of a second webhook, is one row.
CREATE TABLE pushes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    repository_id uuid NOT NULL REFERENCES repositories ON DELETE CASCADE,
    dedupe_key text NOT NULL,
    ref text NOT NULL,
    before_sha text,
    after_sha text NOT NULL,
    forced boolean NOT NULL DEFAULT false,
    pushed_at timestamptz,
    delivery text,
    scan_id uuid REFERENCES scans ON DELETE SET NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (repository_id, dedupe_key)
);
CREATE INDEX pushes_of_ref ON pushes (repository_id, ref, received_at DESC);
CREATE INDEX pushes_of_scan ON pushes (scan_id);

-- Counts the scans that changed a repository's errors. A trigger counts those of the previous
-- release too, which knows no generation.
ALTER TABLE repository_states ADD COLUMN generation bigint NOT NULL DEFAULT 0;

CREATE FUNCTION count_generation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.generation := OLD.generation + 1;
    RETURN NEW;
END $$;

CREATE TRIGGER repository_states_applied BEFORE UPDATE ON repository_states
FOR EACH ROW WHEN (NEW.applied_at IS DISTINCT FROM OLD.applied_at)
EXECUTE FUNCTION count_generation();

-- migrate:down

DROP TRIGGER repository_states_applied ON repository_states;
DROP FUNCTION count_generation();
ALTER TABLE repository_states DROP COLUMN generation;
DROP TABLE pushes;
