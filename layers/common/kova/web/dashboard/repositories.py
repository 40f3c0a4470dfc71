"""Repositories: the list, one repository, its settings."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response

from kova.models.usage import MOST_BUDGET_USD
from kova.scans.scan import Scan, ScanStatus
from kova.shared.exceptions import InvalidInputError, NotFoundError
from kova.shared.page import PageRequest
from kova.shared.repository import AutoFix, RepositoryChange
from kova.shared.severity import Severity
from kova.web.dashboard.charts import line_chart
from kova.web.dashboard.dependencies import Administrator, Pages, Reader, RowsRequest
from kova.web.dashboard.forms import BrowserForm, OwnForm
from kova.web.dashboard.render import go, show
from kova.web.dependencies import Errors, Scans, encode_cursor

router = APIRouter(include_in_schema=False)
_SCANS: Final = 60
_SCANS_SHOWN: Final = 8
_RULES_SHOWN: Final = 10
_Owner = Annotated[str, Path(max_length=64)]
_Name = Annotated[str, Path(max_length=100)]


@router.get("/ui/repositories")
async def list_repositories(
    request: Request, reader: Reader, pages: Pages, scans: Scans, rows: RowsRequest
) -> Response:
    """List repositories with their open errors."""
    page = await scans.stores.repositories.page(rows, reader.subject.reach)
    cursor = encode_cursor(page.next)
    values = {
        "title": "Repositories",
        "repositories": page.items,
        "next": f"/ui/repositories?cursor={cursor}" if cursor else None,
        "first": "/ui/repositories" if rows.after else None,
    }
    return show(request, "repositories.html", reader, now=pages.now(), values=values)


@router.get("/ui/repositories/{owner}/{name}")
async def show_repository(  # noqa: PLR0917 (the capabilities)
    request: Request,
    owner: _Owner,
    name: _Name,
    reader: Reader,
    pages: Pages,
    scans: Scans,
    errors: Errors,
) -> Response:
    """Show one repository."""
    reach = reader.subject.reach
    repository = await scans.stores.repositories.get(f"{owner}/{name}", reach)
    if repository is None:
        raise NotFoundError("There is no such repository.")
    page = await scans.stores.scans.page(PageRequest(limit=_SCANS), repository.full_name, reach)
    rules = await errors.errors.rules(repository.full_name)
    history = _of_default_branch(page.items, repository.default_branch)
    values = {
        "title": repository.full_name,
        "repository": repository,
        "total": sum(repository.open_errors.values()),
        "scans": page.items[:_SCANS_SHOWN],
        "history": history,
        "chart": line_chart(
            [scan.stats.errors for scan in history],
            [f"{scan.created_at.day} {scan.created_at:%b}" for scan in history],
        ),
        "last": history[-1] if history else None,
        "rules": [rule for rule in rules if rule.open][:_RULES_SHOWN],
        "auto_fixes": [choice.value for choice in AutoFix],
        "github": pages.github_web,
    }
    return show(request, "repository.html", reader, now=pages.now(), values=values)


@router.post("/ui/repositories/{owner}/{name}")
async def change_repository(
    owner: _Owner, name: _Name, admin: Administrator, form: OwnForm, scans: Scans
) -> Response:
    """Change a repository's settings."""
    full_name, subject = f"{owner}/{name}", admin.subject
    changed = await scans.stores.repositories.change(
        full_name, _change(form), subject.actor, subject.reach
    )
    if changed is None:
        raise NotFoundError("There is no such repository.")
    return go(f"/ui/repositories/{quote(full_name)}", "saved")


def _change(form: BrowserForm) -> RepositoryChange:
    try:
        return RepositoryChange(
            named=frozenset({"auto_fix", "fail_on", "monthly_budget_usd"}),
            auto_fix=AutoFix(form.text("auto_fix")),
            fail_on=Severity(form.text("fail_on")),
            monthly_budget_usd=dollars_of(form, "monthly_budget_usd"),
        )
    except ValueError:
        raise InvalidInputError("There is no such choice.") from None


def dollars_of(form: BrowserForm, name: str) -> Decimal | None:
    """Return an amount of a form, None where the field is empty.

    Raises:
        InvalidInputError: it is no amount.
    """
    text = form.text(name)
    if not text:
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise InvalidInputError("A budget is a number of US dollars.", field=name) from None
    if not (amount.is_finite() and 0 <= amount <= MOST_BUDGET_USD):
        raise InvalidInputError(f"A budget is a number from 0 to {MOST_BUDGET_USD:,}.", field=name)
    return amount.quantize(Decimal("0.0001"))


def _of_default_branch(scans: tuple[Scan, ...], branch: str) -> list[Scan]:
    """Return the scans of the default branch that succeeded, the oldest first."""
    refs = {None, branch, f"refs/heads/{branch}"}
    return [
        scan for scan in reversed(scans) if scan.status is ScanStatus.SUCCEEDED and scan.ref in refs
    ]
