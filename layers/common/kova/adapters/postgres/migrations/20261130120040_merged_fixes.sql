-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '1min';

-- How often a fix was merged before it was proposed again, since its error had come back. The
-- default is that of rows that the previous release writes.
ALTER TABLE auto_fixes ADD COLUMN merges integer NOT NULL DEFAULT 0;

-- migrate:down

ALTER TABLE auto_fixes DROP COLUMN merges;
