-- migrate:up

CREATE TABLE repositories (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    full_name text NOT NULL,
    github_id bigint UNIQUE,
    installation_id bigint,
    default_branch text NOT NULL,
    private boolean NOT NULL DEFAULT false,
    auto_fix text NOT NULL DEFAULT 'pull_request' CHECK (auto_fix IN ('off', 'suggest', 'pull_request')),
    fail_on text NOT NULL DEFAULT 'high' CHECK (fail_on IN ('critical', 'high', 'medium', 'low')),
    monthly_budget_usd numeric(12, 4) CHECK (monthly_budget_usd >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
-- GitHub's names are unique whatever the case of their letters.
CREATE UNIQUE INDEX repositories_full_name ON repositories (lower(full_name));
CREATE INDEX repositories_page ON repositories (created_at DESC, id DESC);

CREATE TABLE scans (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    repository_id uuid NOT NULL REFERENCES repositories ON DELETE CASCADE,
    dedupe_key text NOT NULL,
    ref text,
    commit_sha text,
    trigger text NOT NULL CHECK (trigger IN ('push', 'pull_request', 'api')),
    status text NOT NULL DEFAULT 'queued'
        CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'skipped')),
    attempts integer NOT NULL DEFAULT 0,
    lease uuid,
    lease_until timestamptz,
    stats jsonb NOT NULL DEFAULT '{}',
    skipped jsonb NOT NULL DEFAULT '[]',
    failure text,
    check_run_url text,
    created_at timestamptz NOT NULL DEFAULT now(),
    started_at timestamptz,
    finished_at timestamptz,
    UNIQUE (repository_id, dedupe_key)
);
CREATE INDEX scans_page ON scans (created_at DESC, id DESC);
CREATE INDEX scans_of_repository ON scans (repository_id, created_at DESC, id DESC);
CREATE INDEX scans_running ON scans (repository_id, commit_sha) WHERE status = 'running';

CREATE TABLE errors (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    repository_id uuid NOT NULL REFERENCES repositories ON DELETE CASCADE,
    fingerprint text NOT NULL CHECK (fingerprint ~ '^[0-9a-f]{64}$'),
    analyzer text NOT NULL,
    rule_id text NOT NULL,
    severity text NOT NULL CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    tier text NOT NULL CHECK (tier IN ('error', 'warning', 'hygiene')),
    confidence text NOT NULL CHECK (confidence IN ('high', 'medium', 'low')),
    category text NOT NULL,
    message text NOT NULL,
    path text NOT NULL,
    scope text NOT NULL DEFAULT '',
    start_line integer NOT NULL CHECK (start_line >= 1),
    start_column integer NOT NULL CHECK (start_column >= 1),
    end_line integer NOT NULL,
    end_column integer NOT NULL,
    snippet text NOT NULL,
    help_url text,
    cwe text,
    status text NOT NULL DEFAULT 'open' CHECK (status IN ('open', 'fixed', 'ignored')),
    introduced_in text,
    first_seen_at timestamptz NOT NULL DEFAULT now(),
    last_seen_at timestamptz NOT NULL DEFAULT now(),
    fixed_at timestamptz,
    UNIQUE (repository_id, fingerprint),
    CHECK ((status = 'fixed') = (fixed_at IS NOT NULL))
);
CREATE INDEX errors_page ON errors (first_seen_at DESC, id DESC);
CREATE INDEX errors_of_repository ON errors (repository_id, status, first_seen_at DESC, id DESC);
CREATE INDEX errors_by_status ON errors (status, first_seen_at DESC, id DESC);

CREATE TABLE auto_fixes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    error_id uuid NOT NULL UNIQUE REFERENCES errors ON DELETE CASCADE,
    scan_id uuid REFERENCES scans ON DELETE SET NULL,
    strategy text NOT NULL CHECK (strategy IN ('deterministic', 'llm')),
    provider text,
    model text,
    status text NOT NULL
        CHECK (status IN ('proposed', 'verified', 'rejected', 'published', 'merged', 'closed')),
    safe boolean NOT NULL DEFAULT false,
    patch text NOT NULL,
    verification jsonb NOT NULL DEFAULT '[]',
    rejection text,
    pull_request_url text,
    cost_usd numeric(12, 6) NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CHECK ((status = 'rejected') = (rejection IS NOT NULL))
);
CREATE INDEX auto_fixes_page ON auto_fixes (created_at DESC, id DESC);
CREATE INDEX auto_fixes_by_status ON auto_fixes (status, created_at DESC, id DESC);
CREATE INDEX auto_fixes_of_scan ON auto_fixes (scan_id);

CREATE TABLE deliveries (
    id text PRIMARY KEY,
    event text NOT NULL,
    scan_id uuid REFERENCES scans ON DELETE SET NULL,
    handled_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX deliveries_of_scan ON deliveries (scan_id);

CREATE TABLE api_keys (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    prefix text NOT NULL UNIQUE,
    secret_hash bytea NOT NULL,
    scopes text[] NOT NULL CHECK (scopes <@ ARRAY['read', 'scan', 'ai', 'admin'] AND cardinality(scopes) > 0),
    monthly_budget_usd numeric(12, 4) CHECK (monthly_budget_usd >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

CREATE TABLE ai_commands (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    api_key_id uuid REFERENCES api_keys ON DELETE SET NULL,
    repository_id uuid REFERENCES repositories ON DELETE SET NULL,
    session_id text,
    command text NOT NULL,
    task text NOT NULL CHECK (task IN ('generate', 'analyze', 'review', 'suggest')),
    provider text,
    model text,
    outcome text NOT NULL,
    output text,
    input_tokens bigint NOT NULL DEFAULT 0 CHECK (input_tokens >= 0),
    output_tokens bigint NOT NULL DEFAULT 0 CHECK (output_tokens >= 0),
    cost_usd numeric(12, 6) NOT NULL DEFAULT 0 CHECK (cost_usd >= 0),
    cached boolean NOT NULL DEFAULT false,
    fallback boolean NOT NULL DEFAULT false,
    duration_ms integer,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ai_commands_page ON ai_commands (created_at DESC, id DESC);
CREATE INDEX ai_commands_of_key ON ai_commands (api_key_id, created_at DESC);
CREATE INDEX ai_commands_of_repository ON ai_commands (repository_id, created_at DESC);

-- migrate:down

DROP TABLE ai_commands, api_keys, deliveries, auto_fixes, errors, scans, repositories;
