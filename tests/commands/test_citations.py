"""Citations are real lines that hold what is claimed, or they are not shown."""

from __future__ import annotations

import json
import random

import pytest

from kova.commands.citations import check_citations
from kova.models.model_answer import Claim
from kova.models.prompt import Material
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.server import FakeOpenAI
from tests.commands.conftest import Ai

LINES = [f"value_{number} = compute({number})" for number in range(1, 41)]


def invent_citations(dice: random.Random) -> list[dict[str, object]]:
    """Return claims of which some are right, some have shifted lines, some are made up."""
    claims: list[dict[str, object]] = []
    for _ in range(dice.randint(0, 6)):
        line = dice.randint(1, 40)
        shift = dice.choice([0, 0, 0, 1, -2, 500])
        quote = dice.choice([LINES[line - 1], LINES[line - 1], "import os", "", "value_"])
        path = dice.choice(["pkg/a.py", "pkg/a.py", "pkg/b.py", "../secret"])
        end = line + shift + dice.choice([0, 0, 1, 300])
        claims.append({"path": path, "start_line": line + shift, "end_line": end, "quote": quote})
    return claims


def test_of_two_hundred_inventive_answers_every_citation_shown_holds(
    ai: Ai, gpt: FakeOpenAI
) -> None:
    dice = random.Random(5)
    shown = dropped = 0
    for number in range(200):
        claims = invent_citations(dice)
        reply = {"answer": f"answer {number}", "citations": claims}
        gpt.script.then(ModelReply(text=json.dumps(reply)))
        body = ai.ask(f"question {number}", code="\n".join(LINES), path="pkg/a.py").json()
        quotes = [" ".join(str(claim["quote"]).split()) for claim in claims]
        for citation in body["citations"]:
            assert citation["path"] == "pkg/a.py"
            first, last = citation["start_line"], citation["end_line"]
            assert 1 <= first <= last <= 40
            text = " ".join("\n".join(LINES[first - 1 : last]).split())
            assert any(quote and quote in text for quote in quotes)
        shown += len(body["citations"])
        dropped += body["dropped"]
    assert shown > 100
    assert dropped > 100


@pytest.mark.parametrize(
    ("claim", "place"),
    [
        ((3, 3, "value_3 = compute(3)"), (3, 3)),
        ((3, 3, "  value_3   =\tcompute(3) "), (3, 3)),
        ((9, 9, "value_3 = compute(3)"), (3, 3)),
        ((9, 10, "value_3 = compute(3)\nvalue_4 = compute(4)"), (3, 4)),
        ((0, 0, "value_3 = compute(3)"), (3, 3)),
        ((3, 3, "value_3 = compute(4)"), None),
        ((3, 3, ""), None),
        ((90, 90, "compute("), None),
        ((1, 10_000, "value_3 = compute(3)"), None),
        ((5, 4, "nothing like it"), None),
    ],
)
def test_a_quote_decides_where_a_citation_is(
    claim: tuple[int, int, str], place: tuple[int, int] | None
) -> None:
    first, last, quote = claim
    material = Material(kind="file", name="a.py", lines=tuple(LINES))
    proposed = Claim(path="a.py", start_line=first, end_line=last, quote=quote)
    citations, dropped = check_citations([proposed], [material])
    assert [(citation.start_line, citation.end_line) for citation in citations] == (
        [place] if place else []
    )
    assert dropped == (0 if place else 1)


def test_a_note_cannot_be_cited_and_equal_citations_are_one() -> None:
    note = Material(kind="note", name="note", lines=("x = 1",))
    file = Material(kind="file", name="a.py", lines=("x = 1",), start_line=10)
    claims = [
        Claim(path="note", start_line=1, end_line=1, quote="x = 1"),
        Claim(path="a.py", start_line=10, end_line=10, quote="x = 1"),
        Claim(path="a.py", start_line=1, end_line=1, quote="x = 1"),
    ]
    citations, dropped = check_citations(claims, [note, file])
    assert [(citation.path, citation.start_line) for citation in citations] == [("a.py", 10)]
    assert dropped == 1
