-- migrate:up

SET LOCAL lock_timeout = '5s';
SET LOCAL statement_timeout = '1min';

-- The repositories that a key reaches, in lower case; null for all of them.
ALTER TABLE api_keys ADD COLUMN repositories text[];

-- Who asked, also without a key, and the repositories that they reached then; null for all.
ALTER TABLE ai_commands ADD COLUMN actor text, ADD COLUMN reach text[];

-- migrate:down

ALTER TABLE ai_commands DROP COLUMN actor, DROP COLUMN reach;
ALTER TABLE api_keys DROP COLUMN repositories;
