-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '1min';

-- How far GitHub's list of deliveries was looked through, a row for each webhook.
CREATE TABLE sweeps (
    source text PRIMARY KEY,
    lease uuid NOT NULL,
    lease_until timestamptz NOT NULL,
    swept_to timestamptz
);

-- migrate:down

DROP TABLE sweeps;
