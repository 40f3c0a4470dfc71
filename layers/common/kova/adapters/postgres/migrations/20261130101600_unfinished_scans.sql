-- migrate:up transaction:false

CREATE INDEX CONCURRENTLY IF NOT EXISTS scans_unfinished ON scans (look_at) WHERE status IN ('queued', 'running');

-- migrate:down transaction:false

DROP INDEX CONCURRENTLY IF EXISTS scans_unfinished;
