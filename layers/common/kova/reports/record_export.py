"""Record an export in the audit log: who took what with them, where to, and how much of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from kova.shared.audit import Action, AuditEvent

if TYPE_CHECKING:
    from kova.access.subject import Subject
    from kova.reports.export_request import ExportRequest
    from kova.reports.gather_tables import Export
    from kova.shared.ports import AuditStore

CSV: Final = "csv"


class RecordExport:
    """Writes exports into the audit log."""

    def __init__(self, *, audit: AuditStore) -> None:
        self._audit = audit

    async def record(
        self,
        request: ExportRequest,
        export: Export,
        subject: Subject,
        target: str,
        *,
        is_complete: bool = True,
    ) -> None:
        """Record an export; `target` is CSV, or the id of a spreadsheet."""
        detail: dict[str, str | int | bool | None] = {**request.to_texts(), "rows": export.rows}
        if export.is_cut:
            detail["cut"] = True
        if not is_complete:
            detail["complete"] = False
        action = Action.ERRORS_EXPORTED if request.month is None else Action.REPORT_EXPORTED
        event = AuditEvent(actor=subject.actor, action=action, target=target, detail=detail)
        await self._audit.record(event)
