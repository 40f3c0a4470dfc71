"""A team's repositories after some weeks, written through the stores and by SQL for the past."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import psycopg

from kova.access.sign_in import LOCAL_OWNER
from kova.adapters.postgres.commands import PostgresCommandStore
from kova.adapters.postgres.pool import Database
from kova.analysis.analysis import Analysis, AnalyzerCoverage
from kova.analysis.finding import Finding, Span
from kova.analysis.fingerprint import identify
from kova.commands.command import Answer, Citation, Command, CommandRequest
from kova.errors.error import IgnoreDecision
from kova.errors.ports import ErrorFilter
from kova.fixes.fix import FixStatus, ProvedFix, Step, Strategy, Verification
from kova.models.outcome import Outcome
from kova.models.provider import Provider, Task
from kova.models.usage import TokenUsage
from kova.scans.scan import ScanStats, ScanStatus
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from kova.shared.severity import Severity
from kova.shared.skipped import Skipped
from tests.support.findings import finding
from tests.support.stores import AllStores, new_claim, new_repository, postgres_stores

REPOSITORIES: Final = ("acme/shop", "acme/billing", "acme/search-api")
_PATHS: Final = (
    "shop/orders/checkout.py", "shop/orders/refunds.py", "shop/catalogue/import_prices.py",
    "shop/http/session.py", "shop/jobs/nightly_export.py", "web/src/basket/BasketSummary.ts",
    ".github/workflows/release.yml", "scripts/backup.sh", "shop/payments/providers/card.py",
)  # fmt: skip
_KINDS: Final = (
    ("ruff", "S602", Severity.HIGH, "subprocess call with shell=True identified, security issue", "CWE-78", '    subprocess.run(f"tar czf {name}", shell=True)'),
    ("ruff", "F632", Severity.HIGH, "Use == to compare constant literals", None, '    if status is "paid":'),
    ("ruff", "B006", Severity.MEDIUM, "Do not use mutable data structures for argument defaults", None, "def add(item, basket=[]):"),
    ("betterleaks", "aws-access-key", Severity.CRITICAL, "A key of AWS stands in the code", "CWE-798", 'KEY = "***"'),
    ("zizmor", "template-injection", Severity.CRITICAL, "An issue's title is expanded into a shell script", "CWE-94", '      run: echo "${{ github.event.issue.title }}"'),
    ("oxlint", "no-const-assign", Severity.HIGH, "Unexpected re-assignment of const variable total", None, "  total = total + line.price;"),
    ("ruff", "E722", Severity.LOW, "Do not use bare except", None, "    except:"),
    ("shellcheck", "SC2115", Severity.MEDIUM, 'Use "${var:?}" to ensure this never expands to /*', None, 'rm -rf "$target/"*'),
)  # fmt: skip
_PATCH: Final = """--- a/{path}
+++ b/{path}
@@ -{first},6 +{first},6 @@
 def is_settled(order):
     status = order.payment.status
     log.debug("status %s", status)
-    if status is "paid":
+    if status == "paid":
         return True
     return order.total == 0
"""
_DETAILS: Final = {
    Step.APPLIES: "to blob 3f9c2ab, 1 line",
    Step.PARSES: "Python 3.9",
    Step.FINDING_GONE: "ruff no longer reports F632 here",
    Step.NO_NEW_FINDINGS: "5 analysers, nothing new",
    Step.NO_NEW_NAMES: "",
    Step.PUBLIC_INTERFACE_KEPT: "14 names compared",
}


def seed(url: str) -> None:
    """Write everything."""
    asyncio.run(_seed(url))
    _move_into_the_past(url)


async def _seed(url: str) -> None:
    async with postgres_stores(url) as stores:
        numbers = random.Random(7)
        for name in REPOSITORIES:
            await _seed_repository(stores, name, numbers)
        page = await stores.errors.page(
            PageRequest(limit=100), ErrorFilter(rule="B006"), EVERYTHING
        )
        decision = IgnoreDecision(
            reason="The list is never changed: the callers only read it.",
            by="github:octocat",
            until=None,
        )
        for error in page.items[:2]:
            await stores.errors.ignore(error.id, decision, EVERYTHING)
        views = {
            "Critical, anywhere": {"severity": "critical", "status": "open"},
            "The shop's payments, whatever became of them": {"repository": "acme/shop"},
        }
        for name, filters in views.items():
            await stores.saved_views.save(LOCAL_OWNER.actor, name, filters)
    database = Database(url)
    await PostgresCommandStore(database).save(_command())
    await database.close()


async def _seed_repository(stores: AllStores, name: str, numbers: random.Random) -> None:
    repository = await new_repository(stores, name)
    findings = [_finding(numbers, index) for index in range(numbers.randint(14, 30))]
    for round_ in range(6):
        commit = f"{numbers.getrandbits(160):040x}"
        claim = await new_claim(stores, repository, commit_sha=commit)
        analysis = _analysis(findings)
        change = await stores.errors.apply(claim, commit, analysis)
        stats = ScanStats(
            files=212,
            files_analyzed=198 - round_,
            files_cached=170,
            files_skipped=3,
            errors=len(findings) + 5 - round_,
            new_errors=change.new,
            fixed_errors=change.fixed,
            duration_ms=4_210 + round_ * 130,
        )
        skipped = [
            Skipped(path="web/dist/app.min.js", reason="too_large"),
            Skipped(path="docs/logo.png", reason="binary"),
            Skipped(path="vendor/libfoo", reason="submodule"),
        ]
        await stores.scans.finish(
            claim, ScanStatus.SUCCEEDED, stats=stats, skipped=skipped, coverage=_COVERAGE
        )
        if round_ == 0:
            await stores.fixes.save(claim.id, _fixes(list(analysis.findings)), change.error_ids)
        findings = findings[2:]


_COVERAGE: Final = {
    "analyzers": [
        {"name": "ruff", "identity": "ruff 1", "files": 121, "finished": True},
        {"name": "oxlint", "identity": "oxlint 1", "files": 64, "finished": True},
        {"name": "pyrefly", "identity": "pyrefly 1", "files": 121, "finished": False},
    ],
    "languages": [
        {"name": "Python", "files": 121, "analyzed": 121},
        {"name": "TypeScript", "files": 64, "analyzed": 63},
    ],
}


def _analysis(findings: list[Finding]) -> Analysis:
    """Return what the analysers say of a tree that has these findings and no others."""
    identified: list[Finding] = []
    for path in sorted({each.path for each in findings}):
        own = [each for each in findings if each.path == path]
        lines = [f"line_{number} = {number}" for number in range(500)]
        for each in own:
            lines[each.span.start_line - 1] = each.snippet
        identified += identify(own, lines)
    files = frozenset(_PATHS)
    return Analysis(
        findings=tuple(identified),
        suppressed=(),
        skipped=(),
        files=len(files),
        analyzed=files,
        coverage=tuple(
            AnalyzerCoverage(name=name, identity=f"{name} 1", paths=files)
            for name in sorted({kind[0] for kind in _KINDS})
        ),
        blobs=dict.fromkeys(files, "3f" * 20),
        listed=files,
    )


def _finding(numbers: random.Random, index: int) -> Finding:
    analyzer, rule, severity, message, cwe, snippet = _KINDS[index % len(_KINDS)]
    line = numbers.randint(3, 400)
    return finding(
        analyzer=analyzer,
        rule_id=rule,
        severity=severity,
        message=message,
        cwe=cwe,
        snippet=snippet,
        path=_PATHS[numbers.randrange(len(_PATHS))],
        help_url=f"https://docs.example/{rule}",
        span=Span(start_line=line, start_column=5, end_line=line, end_column=30),
        fingerprint=f"{numbers.getrandbits(256):064x}",
    )


def _fixes(findings: list[Finding]) -> list[ProvedFix]:
    statuses = (FixStatus.VERIFIED, FixStatus.VERIFIED, FixStatus.REJECTED)
    fixes = []
    for index, each in enumerate(findings[-9:]):
        status = statuses[index % 3]
        passed = status is FixStatus.VERIFIED
        steps = list(_DETAILS.items()) if passed else list(_DETAILS.items())[:4]
        checks = [
            Verification(
                step=step,
                passed=passed or step is not Step.NO_NEW_FINDINGS,
                detail=detail
                if passed or step is not Step.NO_NEW_FINDINGS
                else "F821 undefined name `stauts` in line 44",
            )
            for step, detail in steps
        ]
        fixes.append(
            ProvedFix(
                finding=each,
                strategy=Strategy.DETERMINISTIC if index % 2 else Strategy.LLM,
                provider=None if index % 2 else "openai",
                model=None if index % 2 else "gpt-6.1-terra",
                status=status,
                safe=bool(index % 2),
                patch=_PATCH.format(path=each.path, first=max(each.span.start_line - 3, 1)),
                verification=tuple(checks),
                rejection=None if passed else "no_new_findings: F821 undefined name",
                cost_usd=Decimal(0) if index % 2 else Decimal("0.0042"),
            )
        )
    return fixes


def _command() -> Command:
    return Command(
        id="5f0e9c1a-0000-4000-8000-000000000001",
        api_key_id=None,
        request=CommandRequest(
            command="Where is a refund's amount checked against what was paid?",
            repository="acme/shop",
        ),
        task=Task.ANALYZE,
        outcome=Outcome.OK,
        created_at=datetime.now(UTC),
        provider=Provider.OPENAI,
        model="gpt-6.1-terra",
        answer=Answer(
            output="Only in `refund_order`, before the provider is called:\n\n```python\nif amount > order.paid:\n    raise RefundTooLarge(amount)\n```\n\nA partial refund that was made before is not subtracted there.",
            citations=(Citation(path="shop/orders/refunds.py", start_line=31, end_line=37),),
        ),
        usage=TokenUsage(input_tokens=4_120, output_tokens=180),
        cost_usd=Decimal("0.0050"),
        duration_ms=3_400,
    )


def _move_into_the_past(url: str) -> None:
    """Spread over a month what the stores wrote now."""
    with psycopg.connect(url) as connection:
        connection.execute(
            """UPDATE errors SET first_seen_at = now() - random() * interval '28 days'
            - interval '1 day'"""
        )
        connection.execute(
            """UPDATE errors SET fixed_at = least(now() - interval '1 hour',
                first_seen_at + random() * interval '6 days') WHERE status = 'fixed'"""
        )
        connection.execute(
            """UPDATE scans SET created_at = now() - (6 - number) * interval '4 days'
                - random() * interval '9 hours' FROM (
                SELECT id, row_number() OVER (PARTITION BY repository_id ORDER BY created_at)
                AS number FROM scans) AS counted WHERE counted.id = scans.id"""
        )
        connection.execute(
            """UPDATE auto_fixes SET status = 'merged', pull_request_url =
                'https://github.example/acme/shop/pull/12' WHERE id IN (
                SELECT id FROM auto_fixes WHERE status = 'verified' ORDER BY id LIMIT 4)"""
        )
        connection.execute(
            "UPDATE auto_fixes SET created_at = now() - random() * interval '9 days'"
        )
        connection.execute(
            """INSERT INTO ai_spending (scope, month, spent_usd) VALUES
            ('all', date_trunc('month', now() AT TIME ZONE 'UTC')::date, 14.37)
            ON CONFLICT (scope, month) DO UPDATE SET spent_usd = 14.37"""
        )
