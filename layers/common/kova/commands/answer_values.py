"""Converts an answer to plain values for JSON and columns, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from kova.commands.command import Answer, Citation, ReviewFinding
from kova.shared.text import clean


def answer_to_values(answer: Answer) -> dict[str, Any]:
    """Return an answer's values by name; every text can be stored."""
    return {
        "output": clean(answer.output),
        "citations": [_clean_values(citation) for citation in answer.citations],
        "findings": [_clean_values(finding) for finding in answer.findings],
        "dropped": answer.dropped,
    }


def answer_from_values(values: Mapping[str, Any]) -> Answer:
    """Return the answer that has these values; other values are ignored."""
    return Answer(
        output=values["output"],
        citations=tuple(Citation(**citation) for citation in values["citations"]),
        findings=tuple(ReviewFinding(**finding) for finding in values["findings"]),
        dropped=values["dropped"],
    )


def _clean_values(place: Citation | ReviewFinding) -> dict[str, Any]:
    return {
        key: clean(value) if isinstance(value, str) else value
        for key, value in asdict(place).items()
    }
