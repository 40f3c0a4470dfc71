"""Read another tool's SARIF 2.1.0: hostile input, so every quantity has a bound.

What cannot be used is counted by reason; the rest is imported.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from kova.analysis.finding import Finding
from kova.analysis.fingerprint import fingerprint_of
from kova.scans.sarif_places import SarifPlaces
from kova.scans.sarif_result import NOT_A_FAILURE, Rules, read_result
from kova.shared.exceptions import InvalidInputError
from kova.shared.json_text import as_list, as_object, as_text, parse_json
from kova.shared.limits import SARIF_BYTES
from kova.shared.text import clean, shorten

MOST_RUNS: Final = 20
MOST_RESULTS: Final = 25_000
NAME_LIMIT: Final = 40
SEPARATED: Final = " (sarif)"
"""What keeps a foreign tool apart from an analyser of Kova's own that has the same name."""
_DIGEST: Final = 8
_CATEGORY: Final = re.compile(r"[^A-Za-z0-9 ._+()/:-]+")
_NAME: Final = re.compile(r"[^A-Za-z0-9 ._+()-]+")


@dataclass(frozen=True, kw_only=True)
class ImportedRun:
    """The results of one tool, or of one category of its runs.

    Attributes:
        tool: its name, with the category in brackets where it has one.
        refused: how many results were not used, by reason.
        finished: whether the tool says that it came to its end.
        paths: the files that it says it read; None means all.
    """

    tool: str
    version: str
    findings: tuple[Finding, ...]
    refused: Mapping[str, int]
    finished: bool
    paths: frozenset[str] | None

    @property
    def identity(self) -> str:
        """Name and version, marked as from outside."""
        return f"sarif {self.tool} {self.version}".strip()

    @property
    def complete(self) -> bool:
        """Whether its silence about an error proves that the error is gone."""
        return self.finished and not self._lost

    @property
    def is_void(self) -> bool:
        """Whether none of its results could be used, although it had some."""
        return self._lost and not self.findings

    def separate(self) -> ImportedRun:
        """Return the run under a name apart from that of an analyser of Kova's own."""
        name = f"{self.tool}{SEPARATED}"
        findings = tuple(replace(finding, analyzer=name) for finding in self.findings)
        return replace(self, tool=name, findings=findings)

    @property
    def _lost(self) -> bool:
        return bool(self.refused.keys() - {NOT_A_FAILURE})


def parse_sarif(body: bytes, checkouts: Sequence[str] = ()) -> list[ImportedRun]:
    """Return the runs of a log, one for each tool and category.

    Args:
        body: the log.
        checkouts: `file:` addresses or paths of the repository where the tools ran.

    Raises:
        InvalidInputError: it is not SARIF 2.1.0, or beyond the limits.
    """
    if len(body) > SARIF_BYTES:
        raise InvalidInputError(f"The log has more than {SARIF_BYTES} bytes.", reason="too_large")
    try:
        log = as_object(parse_json(body))
    except ValueError as exc:
        raise InvalidInputError("The body is not JSON.", reason="bad_json") from exc
    if log.get("version") != "2.1.0":
        raise InvalidInputError("The body is not SARIF 2.1.0: `version` must say so.")
    runs = log.get("runs")
    if not isinstance(runs, list) or not all(isinstance(run, dict) for run in runs):
        raise InvalidInputError("The body is not SARIF 2.1.0: `runs` must be a list of objects.")
    if len(runs) > MOST_RUNS:
        raise InvalidInputError(f"The log has more than {MOST_RUNS} runs.")
    if sum(len(as_list(run.get("results"))) for run in runs) > MOST_RESULTS:
        raise InvalidInputError(f"The log has more than {MOST_RESULTS} results.")
    return _merge_by_tool([_import_run(run, checkouts) for run in runs])


def _import_run(run: dict[str, Any], checkouts: Sequence[str]) -> ImportedRun:
    driver = as_object(as_object(run.get("tool")).get("driver"))
    name = _plain(as_text(driver.get("name")).strip(), _NAME, limit=NAME_LIMIT - _DIGEST - 1)
    if not name:
        raise InvalidInputError("A run has no tool.driver.name.")
    version = as_text(driver.get("semanticVersion")) or as_text(driver.get("version"))
    name += _category(run)
    rules, places = Rules(run), SarifPlaces(run, checkouts)
    refused: Counter[str] = Counter()
    findings: list[Finding] = []
    for result in as_list(run.get("results")):
        finding = read_result(as_object(result), rules, places, name)
        if isinstance(finding, str):
            refused[finding] += 1
        else:
            findings.append(finding)
    invocations = [as_object(invocation) for invocation in as_list(run.get("invocations"))]
    return ImportedRun(
        tool=name,
        version=shorten(clean(version), NAME_LIMIT),
        findings=tuple(findings),
        refused=dict(refused),
        # Without a list of results the tool says that it did not look.
        finished=isinstance(run.get("results"), list)
        and all(invocation.get("executionSuccessful", True) is True for invocation in invocations),
        paths=places.targets(),
    )


def _category(run: dict[str, Any]) -> str:
    """Return the category of a run in brackets: its automation id up to the last slash.

    GitHub reads it so, too. Empty where there is none.
    """
    category = as_text(as_object(run.get("automationDetails")).get("id")).rpartition("/")[0]
    return f" [{_plain(category, _CATEGORY)}]" if category else ""


def _plain(name: str, forbidden: re.Pattern[str], limit: int = NAME_LIMIT) -> str:
    """Return a name without what is forbidden in it; two that look alike then stay two.

    At most `limit` characters stand before the digest that keeps them apart.
    """
    text = shorten(forbidden.sub(" ", clean(name)).strip(), NAME_LIMIT)
    if text == name and not name.endswith(SEPARATED):
        return text
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
    return f"{shorten(text, limit)} {digest[:_DIGEST]}".strip()


def _merge_by_tool(runs: Sequence[ImportedRun]) -> list[ImportedRun]:
    """Merge the runs of one tool and category, and give their findings fingerprints."""
    by_tool: dict[str, ImportedRun] = {}
    for run in runs:
        earlier = by_tool.get(run.tool)
        if earlier is not None:
            # A run that names targets, none of them here, has read nothing and not everything.
            is_bounded = earlier.paths is not None and run.paths is not None
            paths = (earlier.paths or frozenset()) | (run.paths or frozenset())
            run = replace(  # noqa: PLW2901 (it is the same run, with what came before)
                run,
                findings=earlier.findings + run.findings,
                refused=dict(Counter(earlier.refused) + Counter(run.refused)),
                finished=earlier.finished and run.finished,
                paths=paths if is_bounded else None,
            )
        by_tool[run.tool] = run
    return [replace(run, findings=_with_fingerprints(run.findings)) for run in by_tool.values()]


def _with_fingerprints(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    ordinals: Counter[tuple[str, ...]] = Counter()
    identified: list[Finding] = []
    for finding in sorted(
        findings, key=lambda finding: (finding.path, finding.span, finding.rule_id)
    ):
        assert finding.traits is not None
        key = (finding.analyzer, finding.rule_id, finding.path, finding.traits.scope)
        identified.append(replace(finding, fingerprint=fingerprint_of(key, ordinals[key])))
        ordinals[key] += 1
    return tuple(identified)
