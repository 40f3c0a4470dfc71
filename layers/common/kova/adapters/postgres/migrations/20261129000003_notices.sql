-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '1min';

-- What happened and may be told, written in the transaction of what it is about. A thing has one
-- dedupe_key for ever, so that nobody is told of it twice; `sequence` is the order of telling.
CREATE TABLE notices (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    repository_id uuid REFERENCES repositories ON DELETE CASCADE,
    kind text NOT NULL CHECK (kind IN
        ('error_opened', 'fix_ready', 'checks_failed', 'scan_failed', 'budget_low', 'digest')),
    severity text CHECK (severity IN ('critical', 'high', 'medium', 'low')),
    subject text NOT NULL,
    dedupe_key text NOT NULL UNIQUE,
    thread_key text NOT NULL,
    group_key text NOT NULL,
    facts jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    routed_at timestamptz
);
CREATE INDEX notices_unrouted ON notices (sequence) WHERE routed_at IS NULL;
CREATE INDEX notices_of_repository ON notices (repository_id);
CREATE INDEX notices_of_group ON notices (group_key, kind);

-- One worker at a time sends to a channel, and not before `free_at`.
CREATE TABLE notice_channels (
    name text PRIMARY KEY,
    lease uuid,
    lease_until timestamptz,
    free_at timestamptz NOT NULL DEFAULT now()
);

-- A message about one notice or several. `begun_at` without an end says that an attempt was cut
-- short: the channel is searched for the message before it is sent again.
CREATE TABLE notice_messages (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    sequence bigint GENERATED ALWAYS AS IDENTITY,
    channel text NOT NULL REFERENCES notice_channels,
    thread_key text NOT NULL,
    notice_ids uuid[] NOT NULL,
    status text NOT NULL DEFAULT 'due' CHECK (status IN ('due', 'sent', 'failed', 'dropped')),
    due_at timestamptz NOT NULL DEFAULT now(),
    attempts integer NOT NULL DEFAULT 0,
    begun_at timestamptz,
    reference text,
    reason text,
    created_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
CREATE INDEX notice_messages_due ON notice_messages (channel, sequence) WHERE status = 'due';
CREATE INDEX notice_messages_of_thread ON notice_messages (channel, thread_key, sequence);
CREATE INDEX notice_messages_of_reference ON notice_messages (channel, reference)
    WHERE reference IS NOT NULL;
CREATE INDEX notice_messages_page ON notice_messages (created_at DESC, id DESC);

-- What a chat asked for, once: by the event, and by the button of a message.
CREATE TABLE chat_claims (
    key text PRIMARY KEY,
    holder text NOT NULL,
    name text NOT NULL,
    lease_until timestamptz NOT NULL,
    done_at timestamptz,
    outcome text,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX chat_claims_age ON chat_claims (created_at);

-- Who is told of a repository's notices; null leaves it to the settings of the process.
ALTER TABLE repositories
    ADD COLUMN slack_channel text,
    ADD COLUMN notify_severity text,
    ADD COLUMN quiet_hours text;

-- The cap of everybody's commands, which no row holds, for the notice that it is near.
ALTER TABLE ai_reservations ADD COLUMN cap_usd numeric(14, 6);

-- migrate:down

ALTER TABLE ai_reservations DROP COLUMN cap_usd;
ALTER TABLE repositories
    DROP COLUMN slack_channel, DROP COLUMN notify_severity, DROP COLUMN quiet_hours;
DROP TABLE chat_claims, notice_messages, notice_channels, notices;
