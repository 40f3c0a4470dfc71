"""Commands in Postgres."""

from __future__ import annotations

import dataclasses
from datetime import timedelta
from typing import Any, Final, LiteralString

from psycopg.rows import DictRow
from psycopg.types.json import Jsonb

from kova.access.api_key import Scope
from kova.access.subject import Subject
from kova.adapters.postgres.pool import Database
from kova.adapters.postgres.rows import as_uuid, clean_values, fetch_page, reach_values
from kova.commands.answer_values import answer_from_values, answer_to_values
from kova.commands.command import Answer, Command, CommandRequest
from kova.models.outcome import Outcome
from kova.models.provider import Provider, Task
from kova.models.usage import TokenUsage
from kova.shared.exceptions import BusyError
from kova.shared.page import Page, PageRequest
from kova.shared.reach import reach_of

_SELECT: Final[LiteralString] = "SELECT ai_commands.* FROM ai_commands"

_SAVE: Final[LiteralString] = """
INSERT INTO ai_commands AS known (
    id, api_key_id, repository_id, session_id, command, task, provider, model, outcome, output,
    input_tokens, output_tokens, cost_usd, cached, fallback, duration_ms, created_at, request,
    citations, findings, dropped, detail, actor, reach)
VALUES (%(id)s, %(api_key_id)s,
    (SELECT id FROM repositories WHERE lower(full_name) = lower(%(repository)s)),
    %(session_id)s, %(command)s, %(task)s, %(provider)s, %(model)s, %(outcome)s, %(output)s,
    %(input_tokens)s, %(output_tokens)s, %(cost_usd)s, %(cached)s, %(fallback)s, %(duration_ms)s,
    %(created_at)s, %(request)s, %(citations)s, %(findings)s, %(dropped)s, %(detail)s,
    %(actor)s, %(reach)s)
ON CONFLICT (id) DO UPDATE SET
    -- The repository may follow from the error that a queued command is about.
    repository_id = EXCLUDED.repository_id, request = EXCLUDED.request,
    session_id = EXCLUDED.session_id, provider = EXCLUDED.provider, model = EXCLUDED.model,
    outcome = EXCLUDED.outcome, output = EXCLUDED.output, input_tokens = EXCLUDED.input_tokens,
    output_tokens = EXCLUDED.output_tokens, cost_usd = EXCLUDED.cost_usd,
    cached = EXCLUDED.cached, fallback = EXCLUDED.fallback, duration_ms = EXCLUDED.duration_ms,
    citations = EXCLUDED.citations, findings = EXCLUDED.findings, dropped = EXCLUDED.dropped,
    detail = EXCLUDED.detail, lease_until = NULL
WHERE known.outcome IN ('queued', 'running') AND EXCLUDED.outcome <> 'queued'"""

_OWN_BY_KEY: Final[LiteralString] = "ai_commands.api_key_id = %(key)s"
_OWN_BY_ACTOR: Final[LiteralString] = (
    "(ai_commands.api_key_id IS NULL AND ai_commands.actor = %(actor)s)"
)
_NAMED_IN_REACH: Final[LiteralString] = """(ai_commands.request ->> 'repository' IS NULL
    OR lower(ai_commands.request ->> 'repository') = ANY(%(reach)s))"""
_IN_REACH: Final[LiteralString] = """ai_commands.repository_id IN (
    SELECT id FROM repositories WHERE lower(full_name) = ANY(%(reach)s))"""

_CLAIM: Final[LiteralString] = """
UPDATE ai_commands SET outcome = 'running', lease_until = now() + %(lease)s
WHERE id = %(id)s
    AND (outcome = 'queued' OR (outcome = 'running' AND lease_until < now()))
RETURNING *"""

# now() is the beginning of the transaction, which may have waited for the claim of another worker.
_LEFT: Final[LiteralString] = """
SELECT extract(epoch FROM lease_until - clock_timestamp())::float AS seconds FROM ai_commands
WHERE id = %(id)s AND outcome = 'running'"""


class PostgresCommandStore:
    """Implements commands.ports.CommandStore."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def save(self, command: Command) -> None:
        """Insert, or replace what is not final by what is later."""
        async with self._database.statement() as connection:
            await connection.execute(_SAVE, clean_values(_values(command)))

    async def claim(self, command_id: str, lease: timedelta) -> Command | None:
        """Lease a command to this worker; None when it is finished.

        Raises:
            BusyError: another worker has it.
        """
        values = {"id": as_uuid(command_id), "lease": lease}
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_CLAIM, values)).fetchone()
            if row is not None:
                return _command(row)
            claimed = await (await connection.execute(_LEFT, values)).fetchone()
        if claimed is not None:
            raise BusyError(retry_after=claimed["seconds"])
        return None

    async def get(self, command_id: str) -> Command | None:
        """Find one."""
        query: LiteralString = _SELECT + " WHERE id = %(id)s"
        async with self._database.transaction() as connection:
            row = await (await connection.execute(query, {"id": as_uuid(command_id)})).fetchone()
        return _command(row) if row else None

    async def find(self, command_id: str, subject: Subject) -> Command | None:
        """Find one that the subject may see."""
        query: LiteralString = " AND ".join(
            [_SELECT + " WHERE ai_commands.id = %(id)s", *_visible_to(subject)]
        )
        values = {"id": as_uuid(command_id), **_subject_values(subject)}
        async with self._database.transaction() as connection:
            row = await (await connection.execute(query, clean_values(values))).fetchone()
        return _command(row) if row else None

    async def page(self, request: PageRequest, subject: Subject) -> Page[Command]:
        """List, newest first."""
        async with self._database.transaction() as connection:
            return await fetch_page(
                connection,
                select=_SELECT,
                table="ai_commands",
                ordered_by="created_at",
                where=_visible_to(subject),
                values=_subject_values(subject),
                request=request,
                make=_command,
            )


def _visible_to(subject: Subject) -> list[LiteralString]:
    """Return the conditions of what somebody may see, as commands.ports.CommandStore.find says."""
    own = _OWN_BY_ACTOR if subject.key_id is None else _OWN_BY_KEY
    is_admin = Scope.ADMIN in subject.scopes
    if subject.reach.is_everything:
        return [] if is_admin else [own]
    if not is_admin:
        return [own, _NAMED_IN_REACH]
    return [f"(({own} AND {_NAMED_IN_REACH}) OR {_IN_REACH})"]


def _subject_values(subject: Subject) -> dict[str, Any]:
    return {
        "key": as_uuid(subject.key_id) if subject.key_id else None,
        "actor": subject.actor,
        **reach_values(subject.reach),
    }


def _values(command: Command) -> dict[str, Any]:
    request = command.request
    answer = answer_to_values(command.answer or Answer(output=""))
    fields = {key: value for key, value in dataclasses.asdict(request).items() if value is not None}
    return {
        "id": as_uuid(command.id),
        "api_key_id": as_uuid(command.api_key_id) if command.api_key_id else None,
        "repository": request.repository,
        "session_id": command.session_id,
        "command": request.command,
        "task": command.task.value,
        "provider": command.provider.value if command.provider else None,
        "model": command.model,
        "outcome": command.outcome.value,
        "output": answer["output"] if command.answer else None,
        "input_tokens": command.usage.input_tokens,
        "output_tokens": command.usage.output_tokens,
        "cost_usd": command.cost_usd,
        "cached": command.cached,
        "fallback": command.fallback,
        "duration_ms": command.duration_ms,
        "created_at": command.created_at,
        "request": Jsonb(clean_values(fields)),
        "citations": Jsonb(answer["citations"]),
        "findings": Jsonb(answer["findings"]),
        "dropped": answer["dropped"],
        "detail": command.detail,
        "actor": command.actor,
        **reach_values(command.reach),
    }


def _command(row: DictRow) -> Command:
    fields = dict(row["request"])
    task, provider = fields.pop("task", None), fields.pop("provider", None)
    outcome = Outcome(row["outcome"])
    return Command(
        id=str(row["id"]),
        api_key_id=str(row["api_key_id"]) if row["api_key_id"] else None,
        request=CommandRequest(
            **{"command": row["command"], **fields},
            task=Task(task) if task else None,
            provider=Provider(provider) if provider else None,
        ),
        task=Task(row["task"]),
        outcome=outcome,
        created_at=row["created_at"],
        provider=Provider(row["provider"]) if row["provider"] else None,
        model=row["model"],
        answer=answer_from_values(row) if outcome is Outcome.OK else None,
        usage=TokenUsage(input_tokens=row["input_tokens"], output_tokens=row["output_tokens"]),
        cost_usd=row["cost_usd"],
        cached=row["cached"],
        fallback=row["fallback"],
        session_id=row["session_id"],
        duration_ms=row["duration_ms"],
        detail=row["detail"],
        actor=row["actor"],
        reach=reach_of(row["reach"]),
    )
