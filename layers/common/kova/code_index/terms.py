"""The terms of code: stems of words, with identifiers split on case and underscores."""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

_WORD: Final = re.compile(r"[A-Za-z]+|[0-9]+")
_PART: Final = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_LONGEST: Final = 40
_NAME_WEIGHT: Final = 4
_SIGNATURE_WEIGHT: Final = 2
_SIGNATURE: Final = 300
# Words of English and of programming languages that do not tell chunks apart.
_STOP: Final = frozenset(
    # One text, easier to read than a list.
    """a an and are as at be by for from in into is it its of on or that the this to was were will
    with which if else elif then than when while do does did has have had not no can may should
    would could def return self cls none true false class import lambda pass raise yield await
    async function const let var new public private static void fn func end these those there
    their they what how i we you your""".split()
)
_ENDINGS: Final = (
    ("ization", "ize"),
    ("ational", "ate"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ations", "ate"),
    ("ation", "ate"),
    ("ments", "ment"),
    ("ities", "ity"),
    ("ingly", ""),
    ("edly", ""),
    ("ing", ""),
    ("ies", "y"),
    ("ied", "y"),
    ("ers", "er"),
    ("ed", ""),
    ("es", ""),
    ("ly", ""),
    ("s", ""),
    ("e", ""),
)


def stem(word: str) -> str:
    """Return an approximate stem: the same for most forms of a word."""
    for ending, instead in _ENDINGS:
        root = word[: -len(ending)]
        if word.endswith(ending) and len(root) > 2 and not word.endswith("ss"):  # noqa: PLR2004
            word = root + instead
            break
    if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "aeiouls":  # noqa: PLR2004
        word = word[:-1]  # running, runn, run
    return word.removesuffix("e") if len(word) > 3 else word  # noqa: PLR2004


def terms(text: str) -> list[str]:
    """Return the stems of a text's words, in order, without stop words."""
    stems: list[str] = []
    for word in _WORD.findall(text):
        parts = [part.lower() for part in _PART.findall(word)]
        stems += [stem(part) for part in parts if _is_term(part)]
    return stems


def weigh_terms(name: str, text: str) -> Counter[str]:
    """Return the weight of each term of a chunk.

    Terms of its name and signature weigh more. The weights were tuned on other packages than those
    that `make retrieval` measures.
    """
    counts = Counter(terms(text))
    *scope, own_name = name.split(".")
    for words, weight in (
        (terms(own_name), _NAME_WEIGHT),
        (terms(" ".join(scope)), 1),
        (terms(text.partition(":\n")[0][:_SIGNATURE]), _SIGNATURE_WEIGHT),
    ):
        for term in words:
            counts[term] += weight
    return counts


def trigrams_of(text: str) -> list[str]:
    """Return the trigrams of a text's terms; `#` marks the ends of a term.

    They match `authenticate` with `authentication`, which stems alone do not.
    """
    trigrams = []
    for term in terms(text):
        text = f"#{term}#"
        trigrams += [text[start : start + 3] for start in range(len(text) - 2)]
    return trigrams


def _is_term(word: str) -> bool:
    return 1 < len(word) <= _LONGEST and word not in _STOP
