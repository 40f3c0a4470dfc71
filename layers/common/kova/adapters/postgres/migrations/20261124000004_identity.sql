-- migrate:up

-- What an error is recognised by in a later commit (domain/finding.py, Traits), by which analyser
-- and in which blob it was seen last, and which scan opened, closed or opened it again.
ALTER TABLE errors
    ADD COLUMN trait_line text,
    ADD COLUMN trait_scope text,
    ADD COLUMN trait_window text,
    ADD COLUMN trait_match text,
    ADD COLUMN blob_sha text,
    ADD COLUMN analyzer_identity text,
    ADD COLUMN content_digest bytea,
    ADD COLUMN silenced_by text,
    ADD COLUMN reopened_at timestamptz,
    ADD COLUMN reopened_count integer NOT NULL DEFAULT 0,
    ADD COLUMN opened_scan uuid,
    ADD COLUMN fixed_scan uuid,
    ADD COLUMN reopened_scan uuid;
-- Room on each page, so that most updates touch no index.
ALTER TABLE errors SET (fillfactor = 80);
CREATE INDEX errors_fixed_of_path ON errors (repository_id, path) WHERE status = 'fixed';
CREATE INDEX errors_opened_scan ON errors (opened_scan) WHERE opened_scan IS NOT NULL;
CREATE INDEX errors_fixed_scan ON errors (fixed_scan) WHERE fixed_scan IS NOT NULL;
CREATE INDEX errors_reopened_scan ON errors (reopened_scan) WHERE reopened_scan IS NOT NULL;

-- The last scan that changed a repository's errors.
CREATE TABLE repository_states (
    repository_id uuid PRIMARY KEY REFERENCES repositories ON DELETE CASCADE,
    commit_sha text,
    identities jsonb NOT NULL DEFAULT '{}',
    applied_at timestamptz
);

-- Findings and proofs by content. The key is a hash of kind, path, blob and analysers.
CREATE TABLE analysis_cache (
    repository_id uuid NOT NULL REFERENCES repositories ON DELETE CASCADE,
    key bytea NOT NULL,
    payload bytea,
    size integer NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (repository_id, key)
);
CREATE INDEX analysis_cache_used ON analysis_cache (used_at);

ALTER TABLE scans ADD COLUMN coverage jsonb NOT NULL DEFAULT '{}';

-- migrate:down

ALTER TABLE scans DROP COLUMN coverage;
DROP TABLE analysis_cache, repository_states;
ALTER TABLE errors RESET (fillfactor);
DROP INDEX errors_fixed_of_path, errors_opened_scan, errors_fixed_scan, errors_reopened_scan;
ALTER TABLE errors
    DROP COLUMN trait_line, DROP COLUMN trait_scope, DROP COLUMN trait_window,
    DROP COLUMN trait_match, DROP COLUMN blob_sha, DROP COLUMN analyzer_identity,
    DROP COLUMN content_digest, DROP COLUMN silenced_by, DROP COLUMN reopened_at,
    DROP COLUMN reopened_count, DROP COLUMN opened_scan, DROP COLUMN fixed_scan,
    DROP COLUMN reopened_scan;
