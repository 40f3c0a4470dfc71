"""Tells people in Slack and Google Chat what is due; a schedule calls it every minute."""

from typing import Any

from kova.bootstrap.chat.notices import NoticeWork, build_notice_work
from kova.bootstrap.environment import FromEnvironment

_work = FromEnvironment(build_notice_work, NoticeWork.close)


def handler(_event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Send what is due. What fails is tried again by a later call, and given up with a reason."""
    _work().run()
    return {}
