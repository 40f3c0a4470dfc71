"""One result of another tool's SARIF as a finding, or the reason why it cannot be one."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any, Final

from kova.analysis.finding import Category, Confidence, Finding, Span, Tier
from kova.analysis.fingerprint import make_traits, strip_format
from kova.scans.sarif_places import PATH_LIMIT, SarifPlaces
from kova.shared.json_text import as_index, as_list, as_object, as_text
from kova.shared.severity import Severity
from kova.shared.text import clean, shorten

NOT_A_FAILURE: Final = "not_a_failure"
"""The reason of a refusal that loses nothing: the tool itself says that it is no error."""
MESSAGE_LIMIT: Final = 1_000
SNIPPET_LIMIT: Final = 500
RULE_LIMIT: Final = 80
# A rule's texts are cut before they are read: thousands of results may be of one rule.
TAG_LIMIT: Final = 200
SCORE_LIMIT: Final = 20
_LARGEST: Final = 2**31 - 1
_CWE: Final = re.compile(r"(?:^|/)cwe[-_ ]?0*([1-9][0-9]{0,4})(?![0-9])", re.IGNORECASE)
_SECRET_CWES: Final = frozenset({"CWE-259", "CWE-321", "CWE-522", "CWE-798"})
_HASH: Final = re.compile(r"[0-9a-zA-Z+/=:_-]{1,200}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")
_PLACEHOLDER: Final = re.compile(r"\{([0-9]{1,2})\}")
_LEVELS: Final = {"error": Severity.HIGH, "warning": Severity.MEDIUM, "note": Severity.LOW}
_SCORES: Final = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))
_PRECISIONS: Final = {"low": Confidence.LOW, "medium": Confidence.MEDIUM}


class Rules:
    """The rules of a run, which all of its results refer to."""

    def __init__(self, run: dict[str, Any]) -> None:
        """Index the rules by their id."""
        tool = as_object(run.get("tool"))
        self._rules = [
            as_object(rule) for rule in as_list(as_object(tool.get("driver")).get("rules"))
        ]
        extensions = [as_object(extension) for extension in as_list(tool.get("extensions"))]
        extra = [as_object(rule) for part in extensions for rule in as_list(part.get("rules"))]
        self._by_id = {as_text(rule.get("id")): rule for rule in (*extra, *self._rules)}

    def rule(self, result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        """Return a result's rule id and rule."""
        reference = as_object(result.get("rule"))
        name = as_text(result.get("ruleId")) or as_text(reference.get("id"))
        index = as_index(result.get("ruleIndex", reference.get("index")), len(self._rules))
        indexed = self._rules[index] if index is not None else {}
        name = name or as_text(indexed.get("id"))
        rule = self._by_id.get(name) or self._by_id.get(name.rpartition("/")[0])
        return name, rule or indexed


def read_result(
    result: dict[str, Any], rules: Rules, places: SarifPlaces, tool: str
) -> Finding | str:
    """Return a finding without fingerprint, or the reason for refusing the result."""
    if result.get("kind", "fail") != "fail" or result.get("baselineState") == "absent":
        return NOT_A_FAILURE
    name, rule = rules.rule(result)
    name = shorten(_CONTROL.sub(" ", clean(name[: RULE_LIMIT + 1])), RULE_LIMIT)
    if not name:
        return "no_rule"
    locations = as_list(result.get("locations"))
    location = as_object(locations[0]) if locations else {}
    physical = as_object(location.get("physicalLocation"))
    path = places.path(as_object(physical.get("artifactLocation")))
    if path is None:
        return "no_path_in_the_repository"
    region = as_object(physical.get("region"))
    span = _span(region)
    if span is None:
        return "no_usable_place"
    properties = as_object(rule.get("properties"))
    severity = _severity(result, rule, properties)
    if severity is None:
        return NOT_A_FAILURE
    tags = [as_text(tag)[:TAG_LIMIT] for tag in as_list(properties.get("tags"))[:50]]
    cwe = next((f"CWE-{match[1]}" for tag in tags if (match := _CWE.search(tag))), None)
    secure = "security-severity" in properties or "security" in tags or cwe is not None
    finding = Finding(
        analyzer=tool,
        rule_id=name,
        severity=severity,
        tier=Tier.ERROR if severity.at_least(Severity.HIGH) else Tier.WARNING,
        confidence=_PRECISIONS.get(as_text(properties.get("precision")), Confidence.HIGH),
        category=Category.SECURITY if secure else Category.CORRECTNESS,
        message=_message(result, rule) or name,
        path=path,
        span=span,
        scope=_scope(location),
        help_url=_web_address(rule.get("helpUri")),
        cwe=cwe,
        suppressed=_suppression(result),
    )
    secret = cwe in _SECRET_CWES or any("secret" in tag.lower() for tag in tags)
    return _with_traits(finding, result, physical, secret=secret)


def _with_traits(
    finding: Finding, result: dict[str, Any], physical: dict[str, Any], *, secret: bool
) -> Finding:
    """Return the finding with snippet and traits; nothing of a secret's text is in them."""
    snippet, around = ("", "") if secret else _snippets(physical)
    own = _tool_fingerprint(result)
    match = own if secret else strip_format(snippet) or own or finding.message
    traits = make_traits(
        match=match, scope=finding.scope, line=strip_format(snippet), around=strip_format(around)
    )
    return replace(finding, snippet=shorten(snippet, SNIPPET_LIMIT), traits=traits)


def _span(region: dict[str, Any]) -> Span | None:
    start_line = _number(region.get("startLine", 1))
    start_column = _number(region.get("startColumn", 1))
    if start_line is None or start_column is None:
        return None
    end_line = _number(region.get("endLine", start_line))
    if end_line is None or end_line < start_line:
        return None
    otherwise = start_column if end_line == start_line else 1
    end_column = _number(region.get("endColumn", otherwise))
    if end_column is None:
        return None
    if end_line == start_line:
        end_column = max(end_column, start_column)
    return Span(
        start_line=start_line, start_column=start_column, end_line=end_line, end_column=end_column
    )


def _number(value: Any) -> int | None:
    good = isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= _LARGEST
    return value if good else None


def _severity(
    result: dict[str, Any], rule: dict[str, Any], properties: dict[str, Any]
) -> Severity | None:
    default = as_object(rule.get("defaultConfiguration")).get("level", "warning")
    level = result.get("level", default)
    if level not in ("error", "warning", "note"):
        return None
    try:
        score = _read_score(properties.get("security-severity"))
    except (TypeError, ValueError, OverflowError):
        score = math.nan
    if not math.isnan(score) and score > 0:
        return next((severity for least, severity in _SCORES if score >= least), Severity.LOW)
    return _LEVELS[str(level)]


def _read_score(value: Any) -> float:
    """Return a number, or one that is written as a text.

    Raises:
        TypeError, ValueError, OverflowError: it is neither.
    """
    if isinstance(value, bool):
        raise TypeError
    return float(value[:SCORE_LIMIT] if isinstance(value, str) else value)


def _message(result: dict[str, Any], rule: dict[str, Any]) -> str:
    message = as_object(result.get("message"))
    text = as_text(message.get("text")) or as_text(message.get("markdown"))
    if not text:
        strings = as_object(rule.get("messageStrings"))
        text = as_text(as_object(strings.get(as_text(message.get("id")))).get("text"))
    text = text or as_text(as_object(rule.get("shortDescription")).get("text"))
    arguments = [as_text(argument) for argument in as_list(message.get("arguments"))[:20]]

    def fill(match: re.Match[str]) -> str:
        index = int(match[1])
        return shorten(arguments[index], 200) if index < len(arguments) else match[0]

    return shorten(clean(_PLACEHOLDER.sub(fill, text[:MESSAGE_LIMIT])), MESSAGE_LIMIT)


def _snippets(physical: dict[str, Any]) -> tuple[str, str]:
    def text(name: str) -> str:
        snippet = as_object(as_object(physical.get(name)).get("snippet"))
        return clean(as_text(snippet.get("text"))[:2_000])

    return text("region"), text("contextRegion")


def _scope(location: dict[str, Any]) -> str:
    logical = [as_object(part) for part in as_list(location.get("logicalLocations"))[:5]]
    names = (part.get("fullyQualifiedName") or part.get("name") for part in logical)
    return shorten(clean(next((as_text(name) for name in names if as_text(name)), "")), 500)


def _tool_fingerprint(result: dict[str, Any]) -> str:
    """Return the tool's own identity of the result, less an ordinal at its end."""
    for member in ("fingerprints", "partialFingerprints"):
        for _, value in sorted(as_object(result.get(member)).items()):
            if isinstance(value, str) and _HASH.fullmatch(value):
                return re.sub(r":[0-9]+$", "", value)
    return ""


def _suppression(result: dict[str, Any]) -> str | None:
    for suppression in map(as_object, as_list(result.get("suppressions"))):
        if suppression.get("status", "accepted") == "accepted":
            text = as_text(suppression.get("justification")) or as_text(suppression.get("kind"))
            return shorten(clean(text), 200) or "suppressed"
    return None


def _web_address(value: Any) -> str | None:
    text = as_text(value)
    good = len(text) <= PATH_LIMIT and text.startswith(("https://", "http://"))
    return text if good and not _CONTROL.search(text) else None
