"""Tells people in Slack and Google Chat what is due; a schedule calls it every minute."""

from typing import Any

from kova.bootstrap.chat.notices import notice_tasks
from kova.bootstrap.workers.periodic import scheduled_work

_work = scheduled_work(notice_tasks)


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Send what is due. What fails is tried again by a later call, and given up with a reason."""
    _work().run()
    return {}
