"""What a scan analysed and what it did not: a part of every scan's result."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from kova.analysis.analysis import Analysis
from kova.analysis.languages import count_languages
from kova.analysis.repository_settings import KovaTomlSettings
from kova.shared.text import clean, shorten

_SUPPRESSED_SHOWN: Final = 500
_REASON_LIMIT: Final = 200


def coverage_of(
    analysis: Analysis, settings: KovaTomlSettings, refusals: Mapping[str, str]
) -> dict[str, Any]:
    """Return the `coverage` member of a scan as plain JSON; `refusals` are GitHub's."""
    files, analyzed = count_languages(analysis.blobs), count_languages(analysis.understood)
    suppressed = [
        {
            "path": clean(finding.path),
            "line": finding.span.start_line,
            "analyzer": finding.analyzer,
            "rule_id": finding.rule_id,
            "by": clean(shorten(finding.suppressed or "", _REASON_LIMIT)),
        }
        for finding in analysis.suppressed[:_SUPPRESSED_SHOWN]
    ]
    return {
        "languages": [
            {"name": name, "files": number, "analyzed": analyzed[name]}
            for name, number in sorted(files.items(), key=lambda count: (-count[1], count[0]))
        ],
        "analyzers": [
            {
                "name": coverage.name,
                "identity": clean(coverage.identity),
                "files": len(coverage.paths)
                if coverage.paths is not None
                else len(analysis.analyzed),
                "finished": coverage.name not in analysis.incomplete,
            }
            for coverage in analysis.coverage
        ],
        "files": {
            "analyzed": len(analysis.analyzed),
            "cached": len(analysis.cached & analysis.analyzed),
            "excluded": len(analysis.excluded),
            "skipped": dict(sorted(Counter(skip.reason for skip in analysis.skipped).items())),
        },
        "suppressed": {"count": len(analysis.suppressed), "items": suppressed},
        "publishing": {kind: clean(refusal) for kind, refusal in refusals.items()},
        "settings": {"found": settings.present, "problems": list(settings.problems)},
    }
