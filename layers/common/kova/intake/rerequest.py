"""GitHub's buttons "Re-run" and "Re-run all checks": what they ask to scan again.

See https://docs.github.com/webhooks/webhook-events-and-payloads#check_run
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kova.scans.scan import CHECK_OF_BRANCH, CHECK_OF_PULL, ScanTarget, Trigger
from kova.shared.json_text import as_id
from kova.shared.repository import is_ref, is_sha

REREQUESTS: Final = frozenset({"check_run", "check_suite"})
_PULL: Final = re.compile(re.escape(CHECK_OF_PULL) + r"([1-9]\d{0,17})")


def read_rerequest(
    event: str, payload: Mapping[str, Any], common: Mapping[str, Any]
) -> ScanTarget | None:
    """Return what is to be scanned again; None for other actions and other Apps' check runs.

    A target without a branch or a pull request is every scan of its commit. GitHub names no pull
    requests of forks: the base of one is looked for by the worker.
    """
    check = payload.get(event)
    if payload.get("action") != "rerequested" or not isinstance(check, dict):
        return None
    sha = check.get("head_sha")
    if not isinstance(sha, str) or not is_sha(sha):
        return None
    values = {**common, "commit_sha": sha, "rerun": True}
    if event == "check_suite":
        return ScanTarget(trigger=Trigger.PUSH, **values)
    external_id = str(check.get("external_id"))
    pull = _PULL.fullmatch(external_id)
    if pull is not None:
        number = int(pull[1])
        return ScanTarget(
            trigger=Trigger.PULL_REQUEST,
            ref=f"refs/pull/{number}/head",
            pull_request=number,
            base_sha=dict(_bases(check)).get(number),
            **values,
        )
    if external_id != CHECK_OF_BRANCH:
        return None
    return ScanTarget(trigger=Trigger.PUSH, ref=_branch(check.get("check_suite")), **values)


def _bases(check: Mapping[str, Any]) -> Iterator[tuple[int, str]]:
    """Yield number and base of the pull requests that a check names."""
    pulls = check.get("pull_requests")
    for pull in pulls if isinstance(pulls, list) else []:
        if not isinstance(pull, dict) or not isinstance(pull.get("base"), dict):
            continue
        number, sha = as_id(pull.get("number")), pull["base"].get("sha")
        if number is not None and isinstance(sha, str) and is_sha(sha):
            yield number, sha


def _branch(suite: object) -> str | None:
    branch = suite.get("head_branch") if isinstance(suite, dict) else None
    return f"refs/heads/{branch}" if isinstance(branch, str) and is_ref(branch) else None
