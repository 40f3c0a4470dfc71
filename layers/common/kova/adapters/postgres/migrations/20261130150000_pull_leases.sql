-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '1min';

-- Which worker alone may change the pull requests with a repository's fixes, while one does.
CREATE TABLE pull_leases (
    repository_id uuid PRIMARY KEY REFERENCES repositories ON DELETE CASCADE,
    lease uuid NOT NULL,
    lease_until timestamptz NOT NULL
);

-- migrate:down

DROP TABLE pull_leases;
