-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '1min';

-- Why a repository is not scanned (deleted, removed, suspended ...) and since when; archived ones
-- take neither branches nor check runs. The defaults are those of rows that the previous release
-- writes.
ALTER TABLE repositories
    ADD COLUMN archived boolean NOT NULL DEFAULT false,
    ADD COLUMN problem text,
    ADD COLUMN problem_since timestamptz;

-- migrate:down

ALTER TABLE repositories
    DROP COLUMN archived,
    DROP COLUMN problem,
    DROP COLUMN problem_since;
