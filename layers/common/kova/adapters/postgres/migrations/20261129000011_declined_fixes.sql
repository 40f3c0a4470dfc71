-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '1min';

-- People closed the pull request without merging it: the change is not offered again.
ALTER TABLE auto_fixes ADD COLUMN declined boolean NOT NULL DEFAULT false;

-- migrate:down

ALTER TABLE auto_fixes DROP COLUMN declined;
