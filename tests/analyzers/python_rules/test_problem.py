"""Where a hit is: lines and columns of characters, as an editor shows them."""

import pytest

from kova.adapters.analyzers.python_rules.__main__ import check

CALL = "requests.get('é€😀')"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_a_hit_begins_and_ends_where_the_characters_do(newline: str) -> None:
    text = newline.join(["import requests", "x = '\u2028é'", f"é = ('😀', {CALL})", ""])
    (hit,) = check("a.py", text)
    assert (hit.start, hit.end) == ((3, 11), (3, 11 + len(CALL)))


def test_a_hit_in_an_f_string_stands_in_it() -> None:
    text = f"import requests\nx = f'é {{{CALL.replace(chr(39), chr(34))}}}'\n"
    (hit,) = check("a.py", text)
    assert (hit.start, hit.end) == ((2, 10), (2, 10 + len(CALL)))


def test_hits_come_in_the_order_of_the_text() -> None:
    text = "import requests\nrequests.get(requests.get(1), requests.get(2))\nrequests.get(3)\n"
    hits = [problem.start for problem in check("a.py", text)]
    assert hits == sorted(hits)
