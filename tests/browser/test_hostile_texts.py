"""Nothing that stands in a repository, a patch, a reason or an answer runs or breaks a page."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import psycopg
import pytest

from kova.adapters.postgres.commands import PostgresCommandStore
from kova.adapters.postgres.pool import Database
from kova.commands.command import Answer, Citation, Command, CommandRequest
from kova.models.outcome import Outcome
from kova.models.provider import Provider, Task
from kova.shared.text import clean
from tests.browser.chromium import DESK, PHONE
from tests.browser.conftest import Site
from tests.browser.hostile import HOSTILE

if TYPE_CHECKING:
    from playwright.sync_api import Page

NAME = "hostile/<img src=x onerror=alert(0)>"


@pytest.fixture(scope="module")
def paths(whole_site: Site) -> Iterator[list[str]]:
    """Write the texts wherever a stranger's text may stand; return the pages that show them."""
    url = whole_site.kova.environment["KOVA_DATABASE_URL"]
    with psycopg.connect(url) as connection:
        row = connection.execute(
            "INSERT INTO repositories (full_name, default_branch) VALUES (%s, %s) RETURNING id",
            (NAME, HOSTILE[0]),
        ).fetchone()
        assert row is not None
        errors, fixes, scans = [], [], []
        for index, text in enumerate(map(clean, HOSTILE)):
            errors.append(_insert_error(connection, row[0], index, text))
            fixes.append(_insert_fix(connection, errors[-1], text))
            scans.append(_insert_scan(connection, row[0], index, text))
            connection.execute(
                "INSERT INTO audit_log (actor, action, target, detail) VALUES"
                " (%s, 'error.ignored', %s, jsonb_build_object('reason', %s::text))",
                (text, text, text),
            )
            connection.execute(
                "INSERT INTO api_keys (name, prefix, secret_hash, scopes)"
                " VALUES (%s, %s, '', '{read}')",
                (text[:100], f"hostile{index:05d}"),
            )
    with ThreadPoolExecutor(1) as thread:
        command = thread.submit(asyncio.run, _save_commands(url)).result()
    lists = [
        "/", "/ui/scans", "/ui/repositories", "/ui/fixes", "/ui/keys", "/ui/audit", "/ui/usage",
        "/ui/ask", f"/ui/ask/{command}", "/ui/errors?status=any&rule=hostile",
        f"/ui/repositories/{NAME.replace('<', '%3C')}",
        "/ui/errors?repository=%3Cscript%3Ealert(1)%3C/script%3E&path=%22%3E%3Cimg%20src=x%3E",
        "/ui/rules?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "/ui/reports/month",
        "/ui/reports/errors?rule=%3Cscript%3Ealert(1)%3C/script%3E&path=%22%3E%3Cimg%20src=x%3E",
        "/ui/errors?rule=%E2%80%AEx&path=a%E2%80%8Bb&status=any",
    ]  # fmt: skip
    yield [
        *lists,
        *(f"/ui/errors/{key}" for key in errors),
        # An error's page shows its fix, and lists show all: every fourth is enough here.
        *(f"/ui/fixes/{key}" for key in fixes[::4]),
        *(f"/ui/scans/{key}" for key in [*scans[::8], *scans[1::8]]),
    ]
    with psycopg.connect(url) as connection:
        connection.execute("DELETE FROM repositories WHERE full_name = %s", (NAME,))
        connection.execute("DELETE FROM api_keys WHERE prefix LIKE 'hostile%'")
        connection.execute("TRUNCATE audit_log")


def _insert_error(
    connection: psycopg.Connection, repository: uuid.UUID, index: int, text: str
) -> str:
    row = connection.execute(
        """INSERT INTO errors (repository_id, fingerprint, analyzer, rule_id, severity, tier,
            confidence, category, message, path, start_line, start_column, end_line, end_column,
            snippet, help_url, cwe, status, ignore_reason, ignored_by, introduced_in)
        VALUES (%(repository)s, %(fingerprint)s, %(text)s, 'hostile', 'critical', 'error', 'high',
            'security', %(text)s, %(text)s, 1, 1, 1, 2, %(text)s, %(text)s, %(text)s,
            %(status)s, %(text)s, %(text)s, %(text)s) RETURNING id""",
        {
            "repository": repository,
            "fingerprint": f"{index:064x}",
            "text": text,
            "status": "ignored" if index % 2 else "open",
        },
    ).fetchone()
    assert row is not None
    return str(row[0])


def _insert_fix(connection: psycopg.Connection, error_id: str, text: str) -> str:
    patch = "--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n-{0}\n+{0}\n {0}\n".format(text.replace("\n", " "))
    row = connection.execute(
        """INSERT INTO auto_fixes (error_id, strategy, provider, model, status, patch, verification,
            rejection, pull_request_url)
        VALUES (%(error)s, 'llm', %(text)s, %(text)s, 'rejected', %(patch)s, jsonb_build_array(
            jsonb_build_object('step', 'applies', 'passed', false, 'detail', %(text)s::text)),
            %(text)s, %(text)s) RETURNING id""",
        {"error": error_id, "text": text, "patch": patch},
    ).fetchone()
    assert row is not None
    return str(row[0])


def _insert_scan(
    connection: psycopg.Connection, repository: uuid.UUID, index: int, text: str
) -> str:
    row = connection.execute(
        """INSERT INTO scans (repository_id, dedupe_key, ref, commit_sha, trigger, status, skipped,
            failure, check_run_url, coverage)
        VALUES (%(repository)s, %(index)s, %(text)s, %(text)s, 'push', %(status)s,
            jsonb_build_array(jsonb_build_object('path', %(text)s::text, 'reason', %(text)s::text)),
            %(failure)s, %(text)s, jsonb_build_object('analyzers', jsonb_build_array(
                jsonb_build_object('name', %(text)s::text, 'files', 1, 'finished', false)),
                'languages', '[]'::jsonb)) RETURNING id""",
        {
            "repository": repository,
            "index": str(index),
            "text": text,
            "status": "failed" if index % 2 else "succeeded",
            "failure": text if index % 2 else None,
        },
    ).fetchone()
    assert row is not None
    return str(row[0])


async def _save_commands(url: str) -> str:
    """Save what was asked and answered in these texts; return the id of an answer with all."""
    database = Database(url)
    store = PostgresCommandStore(database)
    texts = [clean(text) for text in HOSTILE]
    output = "\n\n".join([*texts, *(f"```\n{text}\n```" for text in texts)])
    citations = tuple(Citation(path=text, start_line=1, end_line=2) for text in texts)
    identifier = ""
    for text in texts:
        identifier = str(uuid.uuid4())
        await store.save(
            Command(
                id=identifier,
                api_key_id=None,
                request=CommandRequest(command=text, repository=NAME),
                task=Task.ANALYZE,
                outcome=Outcome.OK,
                created_at=datetime.now(UTC),
                provider=Provider.OPENAI,
                model=text,
                answer=Answer(output=output, citations=citations, dropped=1),
            )
        )
    await database.close()
    return identifier


def test_nothing_runs_and_the_layout_holds(site: Site, paths: list[str]) -> None:
    page = site.open("/")
    foreign: list[str] = []
    page.on("request", lambda request: foreign.append(request.url))
    for path in paths:
        answer = page.goto(path, wait_until="domcontentloaded")
        assert answer is not None
        assert answer.status == 200, (path, answer.status, site.kova.logs()[-2_000:])
        for width, height in (PHONE, DESK):
            page.set_viewport_size({"width": width, "height": height})
            assert _strays(page) == [], (path, width)
    assert {url for url in foreign if not url.startswith(site.kova.address)} == set()


def _strays(page: Page) -> list[str]:
    """Return what is in a page that none of our templates writes, and whether it is too wide."""
    strays: list[str] = page.evaluate(
        """() => {
        const found = [];
        for (const node of document.querySelectorAll("*")) {
            if (["IFRAME", "OBJECT", "EMBED", "BASE", "STYLE", "AUDIO", "VIDEO", "MATH"]
                .includes(node.tagName)) found.push(node.tagName);
            if (node.tagName === "SCRIPT" && !node.src) found.push("inline script");
            for (const attribute of node.attributes) {
                if (attribute.name.startsWith("on") || attribute.name === "style")
                    found.push(`${node.tagName} ${attribute.name}`);
                if (["href", "src", "action"].includes(attribute.name)
                    && !/^(https?:|\\/|#)/.test(attribute.value))
                    found.push(`${node.tagName} ${attribute.name}=${attribute.value}`);
            }
        }
        const shown = [document.title, document.body.textContent];
        for (const node of document.querySelectorAll("*"))
            for (const name of ["title", "aria-label", "alt", "placeholder"])
                if (node.hasAttribute(name)) shown.push(node.getAttribute(name));
        const hidden = shown.join("").match(
            /[\\u0000-\\u0008\\u000b\\u000e-\\u001f\\u007f-\\u009f\\u00ad\\u034f\\u061c\\u200b-\\u200f\\u2028-\\u202e\\u2060-\\u206f\\u3164\\ufe00-\\ufe0f\\ufeff\\uffa0]|\\u{e0061}|\\u{e0100}/gu
        );
        if (hidden) found.push(...new Set(hidden.map(
            character => "hidden U+" + character.codePointAt(0).toString(16))));
        const root = document.documentElement;
        if (root.scrollWidth > root.clientWidth) found.push(`${root.scrollWidth} px wide`);
        return found;
    }"""
    )
    return strays


def test_the_corpus_is_large_enough() -> None:
    assert len(set(HOSTILE)) >= 80
