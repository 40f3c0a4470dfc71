"""What a scan saw and what it did not: told with every scan, never silent."""

from __future__ import annotations

from collections import Counter
from typing import Any, Final

from kova.analysis.analysis import Analysis
from kova.analysis.languages import count_languages
from kova.analysis.repository_settings import RepositorySettings
from kova.shared.text import clean, shorten

_SUPPRESSED_SHOWN: Final = 500
_REASON_LIMIT: Final = 200


def coverage_of(analysis: Analysis, settings: RepositorySettings) -> dict[str, Any]:
    """Return the `coverage` member of a scan as plain JSON."""
    seen, read = count_languages(analysis.blobs), count_languages(analysis.understood)
    suppressed = [
        {
            "path": clean(one.path),
            "line": one.span.start_line,
            "analyzer": one.analyzer,
            "rule_id": one.rule_id,
            "by": clean(shorten(one.suppressed or "", _REASON_LIMIT)),
        }
        for one in analysis.suppressed[:_SUPPRESSED_SHOWN]
    ]
    return {
        "languages": [
            {"name": name, "files": number, "analyzed": read[name]}
            for name, number in sorted(seen.items(), key=lambda one: (-one[1], one[0]))
        ],
        "analyzers": [
            {
                "name": one.name,
                "identity": clean(one.identity),
                "files": len(one.paths) if one.paths is not None else len(analysis.analyzed),
                "finished": one.name not in analysis.incomplete,
            }
            for one in analysis.coverage
        ],
        "files": {
            "analyzed": len(analysis.analyzed),
            "cached": len(analysis.cached & analysis.analyzed),
            "excluded": len(analysis.excluded),
            "skipped": dict(sorted(Counter(one.reason for one in analysis.skipped).items())),
        },
        "suppressed": {"count": len(analysis.suppressed), "items": suppressed},
        "settings": {"found": settings.found, "problems": list(settings.problems)},
    }
