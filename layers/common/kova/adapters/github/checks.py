"""Check runs: one per external id, with annotations in calls of fifty.

https://docs.github.com/rest/checks/runs
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final

from kova.adapters.github import shapes
from kova.adapters.github.client import GitHubClient
from kova.adapters.github.shapes import Json
from kova.fixes.publisher import CheckAnnotation, CheckRun
from kova.shared.repository import RepositoryRef
from kova.shared.text import clean, reveal, shorten

CHECK_NAME: Final = "Kova"
ANNOTATIONS: Final = 1_000
ANNOTATIONS_A_CALL: Final = 50
TITLE_LIMIT: Final = 255
SUMMARY_LIMIT: Final = 65_535
MESSAGE_BYTES: Final = 64_000

_LEVELS: Final = ("failure", "warning", "notice")


class CheckRuns:
    """Publishes check runs."""

    def __init__(self, client: GitHubClient, *, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    async def publish(self, repository: RepositoryRef, run: CheckRun) -> str | None:
        """Create or complete the check run with this external id; return its page's address."""
        existing = await self.find(repository, run)
        annotations = in_order(run.annotations)
        if existing is None:
            existing = await self._create(repository, run, annotations[:ANNOTATIONS_A_CALL])
        elif not _shows_already(existing, run):
            existing = await self._update(repository, run, existing, ())
        # GitHub adds the annotations of every call to those that are there. The count tells where
        # an attempt that was cut off stopped, because the order is always the same.
        published = _count(existing)
        for start in range(published, len(annotations), ANNOTATIONS_A_CALL):
            batch = annotations[start : start + ANNOTATIONS_A_CALL]
            existing = await self._update(repository, run, existing, batch)
        return shapes.page_url(existing)

    async def find(self, repository: RepositoryRef, run: CheckRun) -> Json | None:
        """Return the oldest check run with this external id."""
        runs = self._client.pages(
            repository,
            f"/commits/{run.commit_sha}/check-runs",
            key="check_runs",
            check_name=CHECK_NAME,
            filter="all",
        )
        matching = [check async for check in runs if check.get("external_id") == run.external_id]
        return min(matching, key=lambda check: shapes.number(check, "id"), default=None)

    async def _create(
        self, repository: RepositoryRef, run: CheckRun, batch: Sequence[CheckAnnotation]
    ) -> Json:
        body = {
            "name": CHECK_NAME,
            "head_sha": run.commit_sha,
            "external_id": run.external_id,
            "completed_at": self._now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            **_body(run, batch),
        }
        return await self._client.write("POST", repository, "/check-runs", body)

    async def _update(
        self,
        repository: RepositoryRef,
        run: CheckRun,
        existing: Json,
        batch: Sequence[CheckAnnotation],
    ) -> Json:
        path = f"/check-runs/{shapes.number(existing, 'id')}"
        return await self._client.write("PATCH", repository, path, _body(run, batch))


def in_order(annotations: Sequence[CheckAnnotation]) -> list[CheckAnnotation]:
    """Return the annotations to show, the worst first, always in the same order."""

    def rank(annotation: CheckAnnotation) -> tuple[object, ...]:
        place = (
            annotation.path,
            annotation.start_line,
            annotation.end_line,
            annotation.start_column or 0,
        )
        return _LEVELS.index(_level(annotation)), *place, annotation.title, annotation.message

    return sorted(annotations, key=rank)[:ANNOTATIONS]


def summary_of(run: CheckRun) -> str:
    """Return the summary within GitHub's limit, with a word about what is not shown."""
    omitted = len(run.annotations) - ANNOTATIONS
    note = f"\n\nOnly the first {ANNOTATIONS:,} of {len(run.annotations):,} places are marked."
    note = note if omitted > 0 else ""
    return shorten(clean(run.summary), SUMMARY_LIMIT - len(note)) + note


def _body(run: CheckRun, batch: Sequence[CheckAnnotation]) -> Json:
    output: Json = {"title": _title(run), "summary": summary_of(run)}
    if batch:
        output["annotations"] = [_annotation(annotation) for annotation in batch]
    buttons = [asdict(button) for button in run.buttons]
    return {
        "status": "completed",
        "conclusion": run.conclusion,
        "output": output,
        "actions": buttons,
    }


def _title(run: CheckRun) -> str:
    return shorten(clean(run.title), TITLE_LIMIT) or CHECK_NAME


def _shows_already(existing: Json, run: CheckRun) -> bool:
    shown = shapes.field(existing, "output", "title"), shapes.field(existing, "output", "summary")
    return (
        existing.get("status") == "completed"
        and existing.get("conclusion") == run.conclusion
        and shown == (_title(run), summary_of(run))
    )


def _count(existing: Json) -> int:
    return shapes.number(existing, "output", "annotations_count")


def _level(annotation: CheckAnnotation) -> str:
    return annotation.level if annotation.level in _LEVELS else "warning"


def _annotation(annotation: CheckAnnotation) -> Json:
    start = max(annotation.start_line, 1)
    shown: Json = {
        "path": clean(annotation.path),
        "start_line": start,
        "end_line": max(annotation.end_line, start),
        "annotation_level": _level(annotation),
        "message": _shorten_bytes(reveal(annotation.message)) or CHECK_NAME,
    }
    if annotation.title:
        shown["title"] = shorten(reveal(annotation.title), TITLE_LIMIT)
    # GitHub answers 422 to columns of an annotation over several lines.
    if annotation.start_column and annotation.end_column and annotation.end_line <= start:
        shown["start_column"] = annotation.start_column
        shown["end_column"] = max(annotation.end_column, annotation.start_column)
    return shown


def _shorten_bytes(text: str) -> str:
    encoded = text.encode()
    if len(encoded) <= MESSAGE_BYTES:
        return text
    return encoded[: MESSAGE_BYTES - 3].decode(errors="ignore") + "…"
