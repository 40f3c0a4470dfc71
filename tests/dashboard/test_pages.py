"""What the pages show and do."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from kova.access.subject import Role
from kova.adapters.analyzers.registry import ANALYZERS
from kova.errors.error import ErrorStatus
from kova.fixes.fix import FixStatus, ProvedFix, Step, Strategy, Verification
from kova.scans.scan import ScanStats, ScanStatus
from kova.shared.audit import Action
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING, Reach
from kova.shared.repository import AutoFix
from kova.shared.severity import Severity
from kova.shared.skipped import Skipped
from tests.dashboard.conftest import House, links_of, make_house
from tests.support.stores import LEASE, apply_files, new_claim, new_repository
from tests.support.workshop import Workshop

PATCH = """--- a/a.py
+++ b/a.py
@@ -1,2 +1,2 @@
-BAD(x)
+good(x)
 BAD[R2](y)
"""


async def save_fix(house: House, status: FixStatus = FixStatus.VERIFIED) -> str:
    """Give the first error a fix and return the fix's id."""
    (error, *_) = await house.errors()
    rejection = "finding_gone: it is still there" if status is FixStatus.REJECTED else None
    passed = status is not FixStatus.REJECTED
    fix = ProvedFix(
        finding=error.finding,
        strategy=Strategy.DETERMINISTIC,
        status=status,
        safe=True,
        patch=PATCH,
        verification=(
            Verification(step=Step.APPLIES, passed=True, detail="to blob `3f9c`"),
            Verification(step=Step.FINDING_GONE, passed=passed, detail=""),
        ),
        rejection=rejection,
    )
    scan = await new_claim(house.stores, await new_repository(house.stores, "octo/fixes"))
    await house.stores.fixes.save(scan.id, [fix], {error.finding.fingerprint: error.id})
    (saved,) = (await house.stores.fixes.page(PageRequest(), None, None, EVERYTHING)).items
    return saved.id


async def test_the_first_page_begins_with_a_scan_where_there_is_none(house: House) -> None:
    page = await (await house.visitor(Role.MEMBER)).get("/")
    assert "No scan yet" in page
    assert 'action="/ui/scans"' in page


async def test_the_first_page_shows_figures_and_what_needs_somebody(house: House) -> None:
    await house.scan()
    fix_id = await save_fix(house)
    page = await (await house.visitor(Role.VIEWER)).get("/")
    assert re.search(r"Open errors</span><strong>2<", page)
    assert re.search(r"Fixes proved</span><strong>1<", page)
    assert "of $20.00" in page
    assert f"/ui/fixes/{fix_id}" in page
    assert "As a table" in page
    assert page.count('<rect class="opened"') == 2  # A bar and its legend.


async def test_money_near_its_end_is_said(house: House) -> None:
    await house.scan()
    scope_page = await (await house.visitor(Role.VIEWER)).get("/")
    assert "are spent" not in scope_page
    house.desk.budget._spent["all", f"{datetime.now(UTC):%Y-%m}"] = Decimal(0)
    house.pages.summaries._spent = lambda _scope, _month: Decimal("16.50")
    page = await (await house.visitor(Role.VIEWER)).get("/")
    assert "$16.50 of this month's $20.00 are spent" in page


async def test_errors_are_narrowed_by_the_address(house: House) -> None:
    await house.scan()
    await house.scan("octo/other", path="b.py")
    viewer = await house.visitor(Role.VIEWER)
    for query, count in (
        ("", 4),
        ("?repository=octo/other", 2),
        ("?repository=OCTO/Other&rule=R2", 1),
        ("?path=a.py", 2),
        ("?status=ignored", 0),
        ("?status=any&severity=high", 4),
        ("?severity=low", 0),
        ("?analyzer=tool", 4),
        ("?analyzer=ruff", 0),
    ):
        assert (await viewer.get(f"/ui/errors{query}")).count("data-row") == count, query


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/ui/errors?status=other", 400),
        ("/ui/errors?severity=worst", 400),
        ("/ui/errors?cursor=zz", 400),
        ("/ui/errors?path=" + "a" * 5_000, 422),
        ("/ui/errors/1", 404),
        ("/ui/errors/00000000-0000-4000-8000-000000000000", 404),
        ("/ui/fixes?status=other", 400),
        ("/ui/fixes/00000000-0000-4000-8000-000000000000", 404),
        ("/ui/scans/00000000-0000-4000-8000-000000000000", 404),
        ("/ui/repositories/octo/none", 404),
        ("/ui/usage?month=2026-13", 400),
        ("/ui/rules?analyzer=other", 404),
        ("/ui/ask/00000000-0000-4000-8000-000000000000", 404),
        ("/ui/nowhere/at/all", 404),
        ("/ui/assets/0000000000000000/kova.css", 404),
    ],
)
async def test_a_bad_address_is_a_page_that_says_so(house: House, path: str, status: int) -> None:
    page = await (await house.visitor(Role.ADMIN)).get(path, status)
    if "assets" not in path:
        assert "<h1>" in page
        assert 'href="/ui/errors"' in page  # The way on.


async def test_lists_go_on_by_their_cursor(house: House) -> None:
    await house.scan(code="\n".join(f"BAD(x{number})" for number in range(60)))
    viewer = await house.visitor(Role.VIEWER)
    first = await viewer.get("/ui/errors?rule=R1")
    (older,) = (link.replace("&amp;", "&") for link in links_of(first) if "cursor=" in link)
    second = await viewer.get(older)
    assert (first.count("data-row"), second.count("data-row")) == (50, 10)
    assert "/ui/errors?status=open&amp;rule=R1" in second


async def test_an_error_shows_its_code_its_fix_and_the_proof(house: House) -> None:
    await house.scan()
    await save_fix(house)
    (error, *_) = await house.errors()
    page = await (await house.visitor(Role.MEMBER)).get(f"/ui/errors/{error.id}")
    assert '<tr class="marked">' in page
    assert '<tr class="removed">' in page
    assert '<tr class="added">' in page
    assert "The patch applies to the scanned file" in page
    assert "<code>3f9c</code>" in page
    assert "Publish the fix" in page
    assert "https://github.example/octo/sample/blob/" in page


async def test_an_error_is_ignored_with_a_reason_and_opened_again(house: House) -> None:
    await house.scan()
    (error, *_) = await house.errors()
    member = await house.visitor(Role.MEMBER)
    empty = await member.post(f"/ui/errors/{error.id}/ignore", {"reason": "  "})
    assert (empty.status_code, "needs a reason" in empty.text) == (400, True)
    past = await member.post(
        f"/ui/errors/{error.id}/ignore", {"reason": "x", "until": "2020-01-01"}
    )
    assert past.status_code == 409
    odd = await member.post(f"/ui/errors/{error.id}/ignore", {"reason": "x", "until": "soon"})
    assert odd.status_code == 400
    done = await member.post(
        f"/ui/errors/{error.id}/ignore", {"reason": "a test", "until": "2100-01-31"}
    )
    assert (done.status_code, done.headers["location"]) == (
        303,
        f"/ui/errors/{error.id}?done=ignored",
    )
    page = await member.get(done.headers["location"])
    assert "Ignored. The reason" in page
    assert "google:member@example.com" in page
    assert (await member.post(f"/ui/errors/{error.id}/open")).status_code == 303
    (event, *_) = (await house.stores.audit.page(PageRequest())).items
    assert (event.action, event.actor) == (Action.ERROR_OPENED, "google:member@example.com")


async def test_chosen_errors_are_ignored_together(house: House) -> None:
    await house.scan()
    ids = [error.id for error in await house.errors()]
    member = await house.visitor(Role.MEMBER)
    assert (await member.post("/ui/errors/ignore", {"reason": "x"})).status_code == 400
    back = {"back": "//elsewhere.example"}
    done = await member.post("/ui/errors/ignore", {"reason": "both", "id": ids, **back})
    assert (done.status_code, done.headers["location"]) == (303, "/?done=ignored")
    assert {error.status for error in await house.errors()} == {ErrorStatus.IGNORED}
    many = [f"{number:08d}-0000-4000-8000-000000000000" for number in range(101)]
    too_many = await member.post("/ui/errors/ignore", {"reason": "x", "id": many})
    assert (too_many.status_code, "At most 100" in too_many.text) == (400, True)
    long = await member.post("/ui/errors/ignore", {"reason": "x" * 1_001, "id": ids})
    assert (long.status_code, "1,000 characters" in long.text) == (400, True)


async def test_of_chosen_errors_all_are_ignored_or_none_and_the_page_says_which_stand_in_the_way(
    house: House,
) -> None:
    repository = await new_repository(house.stores, "octo/sample")
    for sha, code in (("1" * 40, "BAD(x)\nBAD(y)\nBAD(z)"), ("2" * 40, "BAD(x)\nBAD(y)\n")):
        await apply_files(house.stores, repository, sha, {"a.py": code})
    errors = await house.errors()
    (fixed,) = [error for error in errors if error.status is ErrorStatus.FIXED]
    member = await house.visitor(Role.MEMBER)
    fields = {"reason": "x", "id": [error.id for error in errors]}
    refused = await member.post("/ui/errors/ignore", fields)
    assert refused.status_code == 409
    place = f"{fixed.finding.path}:{fixed.finding.span.start_line}"
    for words in ("Nothing was ignored: 1 of the 3 chosen errors", place, "is fixed"):
        assert words in refused.text
    fields["id"] = [*fields["id"], "00000000-0000-4000-8000-000000000000"]
    unknown = await member.post("/ui/errors/ignore", fields)
    assert unknown.status_code == 404
    assert "Nothing was ignored: 2 of the 4 chosen errors" in unknown.text
    assert "00000000-0000-4000-8000-000000000000" in unknown.text
    assert {error.status for error in await house.errors()} == {ErrorStatus.OPEN, ErrorStatus.FIXED}
    assert (await house.stores.audit.page(PageRequest())).items == ()


async def test_a_proved_fix_is_published_and_a_rejected_one_is_not(house: House) -> None:
    await house.scan()
    fix_id = await save_fix(house, FixStatus.REJECTED)
    member = await house.visitor(Role.MEMBER)
    page = await member.get(f"/ui/fixes/{fix_id}")
    assert "Rejected: the error is still there" in page
    assert "Publish" not in page
    assert (await member.post(f"/ui/fixes/{fix_id}/publish")).status_code == 409
    await save_fix(house)
    done = await member.post(f"/ui/fixes/{fix_id}/publish")
    assert (done.status_code, len(house.fixes.messages)) == (303, 1)


async def test_a_scan_is_asked_for_and_followed_to_its_end(house: House) -> None:
    house.workshop.push(a="x = 1\n")
    member = await house.visitor(Role.MEMBER)
    bad = await member.post("/ui/scans", {"repository": "no name"})
    assert (bad.status_code, "owner/name" in bad.text) == (400, True)
    done = await member.post("/ui/scans", {"repository": "octo/sample", "full": "yes"})
    path = done.headers["location"].partition("?")[0]
    assert (done.status_code, len(house.scans.messages)) == (303, 1)
    page = await member.get(path)
    assert f'data-live="{path}/live"' in page
    assert "data-done" not in await member.get(f"{path}/live")
    claim = await house.stores.scans.claim(path.rpartition("/")[2], LEASE)
    assert claim is not None
    await house.stores.scans.finish(
        claim,
        ScanStatus.SUCCEEDED,
        stats=ScanStats(files=3, files_skipped=1),
        skipped=[Skipped(path="big.bin", reason="too_large")],
    )
    fragment = await member.get(f"{path}/live")
    assert "data-done" in fragment
    assert "<html" not in fragment
    assert "larger than the limit" in fragment
    rows = await member.get("/ui/scans?part=rows")
    assert (rows.count("data-row"), "<html" in rows) == (1, False)


async def test_a_failed_scan_says_why_and_can_be_repeated(house: House) -> None:
    repository = await new_repository(house.stores)
    claim = await new_claim(house.stores, repository)
    await house.stores.scans.postpone(claim, timedelta(minutes=5), "github_refused: <No>.")
    page = await (await house.visitor(Role.MEMBER)).get(f"/ui/scans/{claim.id}")
    assert "1 attempt failed, and the next one is at " in page
    assert "github_refused: &lt;No&gt;." in page
    await house.stores.scans.fail(claim.id, "The commit is gone.")
    page = await (await house.visitor(Role.MEMBER)).get(f"/ui/scans/{claim.id}")
    assert "The commit is gone." in page
    assert "Scan again" in page
    assert "Scans that failed" in await (await house.visitor(Role.VIEWER)).get("/")


async def test_a_repository_shows_its_health_and_takes_settings(house: House) -> None:
    await house.scan()
    admin = await house.visitor(Role.ADMIN)
    page = await admin.get("/ui/repositories/octo/sample")
    assert "tool R1" in page
    assert "The line begins with the second scan" in page
    fields = {"auto_fix": "off", "fail_on": "low", "monthly_budget_usd": "12.5"}
    assert (await admin.post("/ui/repositories/octo/sample", fields)).status_code == 303
    repository = await house.stores.repositories.get("octo/sample", EVERYTHING)
    assert repository is not None
    assert (repository.auto_fix, repository.fail_on) == (AutoFix.OFF, Severity.LOW)
    assert repository.monthly_budget_usd == Decimal("12.5")
    for change in ({"auto_fix": "x"}, {"monthly_budget_usd": "-1"}, {"monthly_budget_usd": "nan"}):
        answer = await admin.post("/ui/repositories/octo/sample", {**fields, **change})
        assert answer.status_code == 400, change


async def test_a_key_is_shown_once_and_revoked(house: House) -> None:
    admin = await house.visitor(Role.ADMIN)
    for fields in ({"name": "", "scope": "read"}, {"name": "x"}, {"name": "x", "scope": "all"}):
        assert (await admin.post("/ui/keys", fields)).status_code == 400
    made = await admin.post("/ui/keys", {"name": "build", "scope": ["read", "scan"]})
    (plaintext,) = re.findall(r"data-plaintext>(kova_\w+)<", made.text)
    page = await admin.get("/ui/keys")
    assert plaintext not in page
    prefix = plaintext.split("_")[1]
    assert (await admin.post(f"/ui/keys/{prefix}/revoke")).status_code == 303
    assert "revoked" in await admin.get("/ui/keys")
    audit = await admin.get("/ui/audit")
    assert "made a key" in audit
    assert "revoked a key" in audit
    assert plaintext not in audit


async def test_nothing_outside_of_a_person_s_reach_is_shown_or_changed(house: House) -> None:
    await house.scan()
    await house.scan("octo/vault", path="secret.py")
    await save_fix(house)
    reach = Reach(names=frozenset({"octo/sample"}))
    member = await house.visitor(Role.MEMBER, reach)
    hidden = [error for error in await house.errors() if error.repository == "octo/vault"]
    fixes = await house.stores.fixes.page(PageRequest(), "octo/vault", None, EVERYTHING)
    scans = await house.stores.scans.page(PageRequest(), "octo/vault", EVERYTHING)
    for path in ("/", "/ui/errors", "/ui/scans", "/ui/repositories", "/ui/fixes", "/ui/usage"):
        page = await member.get(path)
        assert "octo/vault" not in page, path
        assert "secret.py" not in page, path
    assert re.search(r"Open errors</span><strong>2<", await member.get("/"))
    places = ["/ui/repositories/octo/vault"]
    places += [f"/ui/errors/{error.id}" for error in hidden]
    places += [f"/ui/fixes/{fix.id}" for fix in fixes.items]
    places += [f"/ui/scans/{scan.id}" for scan in scans.items]
    places += [f"/ui/scans/{scan.id}/live" for scan in scans.items]
    assert len(places) >= 6
    for path in places:
        await member.get(path, 404)
    fields = {"auto_fix": "off", "fail_on": "low", "reason": "x", "repository": "octo/vault"}
    for path in (
        f"/ui/errors/{hidden[0].id}/ignore",
        f"/ui/errors/{hidden[0].id}/open",
        "/ui/scans",
    ):
        assert (await member.post(path, fields)).status_code == 404, path
    together = await member.post("/ui/errors/ignore", {**fields, "id": hidden[0].id})
    assert together.status_code == 404
    assert (await house.stores.audit.page(PageRequest())).items == ()


async def test_a_question_is_answered_with_its_sources_and_its_cost(house: House) -> None:
    member = await house.visitor(Role.MEMBER)
    assert (await member.post("/ui/ask", {"question": " "})).status_code == 400
    odd = await member.post("/ui/ask", {"question": "Why?", "repository": "x"})
    assert (odd.status_code, "owner/name" in odd.text) == (400, True)
    none = await member.post("/ui/ask", {"question": "Why?"})
    assert none.status_code >= 400  # The stand-in of the model has no reply.
    assert "Why?" in none.text  # What was asked is still in the form.


async def test_without_a_model_s_key_the_page_says_how_to_set_it(workshop: Workshop) -> None:
    house = make_house(workshop, can_ask=False)
    page = await (await house.visitor(Role.MEMBER)).get("/ui/ask")
    assert "OPENAI_API_KEY" in page
    assert "<textarea" not in page


@pytest.mark.parametrize("analyzer", [analyzer.name for analyzer in ANALYZERS])
async def test_the_rules_of_every_analyser_fit_a_page(house: House, analyzer: str) -> None:
    page = await (await house.visitor(Role.VIEWER)).get(f"/ui/rules?analyzer={analyzer}")
    assert len(page.encode()) < 100_000
    assert "<tbody>" in page


async def test_full_lists_fit_a_page(house: House) -> None:
    long = "a_rather_long_folder_name/" * 5 + "module.py"
    await house.scan(code="\n".join(f"BAD(x{number})" for number in range(60)), path=long)
    viewer = await house.visitor(Role.MEMBER)
    for path in ("/", "/ui/errors", "/ui/scans", "/ui/repositories", "/ui/fixes"):
        assert len((await viewer.get(path)).encode()) < 100_000, path


async def test_every_link_of_every_page_leads_somewhere(house: House) -> None:
    await house.scan()
    await save_fix(house)
    admin = await house.visitor(Role.ADMIN)
    waiting, seen = ["/"], {"/"}
    while waiting:
        page = await admin.get(waiting.pop().replace("&amp;", "&"))
        posted = set(re.findall(r'method="post" action="([^"]*)"', page))
        new = {
            link for link in links_of(page) - posted - seen
            if not link.startswith(("/docs", "/auth", "/ui/reports/errors"))
        }  # fmt: skip
        seen |= new
        waiting += new
    assert len(seen) > 40
    # Every list of errors leads to its export: one stands for them all.
    for link in links_of(await admin.get("/ui/reports/errors?status=any&rule=R1")):
        if not link.startswith(("/docs", "/auth")):
            await admin.get(link.replace("&amp;", "&"))
