"""An answer as values that JSON and columns hold, and back; every store keeps it so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from kova.commands.command import Answer, Citation, ReviewFinding
from kova.shared.text import clean


def answer_out(answer: Answer) -> dict[str, Any]:
    """Return an answer's values by name, every text made storable."""
    return {
        "output": clean(answer.output),
        "citations": [_cleaned(one) for one in answer.citations],
        "findings": [_cleaned(one) for one in answer.findings],
        "dropped": answer.dropped,
    }


def answer_in(values: Mapping[str, Any]) -> Answer:
    """Read an answer from its values; others beside them do no harm."""
    return Answer(
        output=values["output"],
        citations=tuple(Citation(**one) for one in values["citations"]),
        findings=tuple(ReviewFinding(**one) for one in values["findings"]),
        dropped=values["dropped"],
    )


def _cleaned(place: Citation | ReviewFinding) -> dict[str, Any]:
    values = asdict(place)
    return {key: clean(one) if isinstance(one, str) else one for key, one in values.items()}
