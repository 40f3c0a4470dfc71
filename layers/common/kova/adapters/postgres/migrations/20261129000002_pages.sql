-- migrate:up transaction:false

-- What was fixed lately, and how long it took: read without the table. A SET beside it would make
-- a transaction of both, and in one Postgres makes no index concurrently.
CREATE INDEX CONCURRENTLY IF NOT EXISTS errors_fixed_lately
    ON errors (fixed_at DESC, repository_id, first_seen_at) WHERE status = 'fixed';

-- migrate:down

DROP INDEX errors_fixed_lately;
