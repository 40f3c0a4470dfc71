import re

import pytest

from tests.analyzers.python_rules.support import index_text

MODULE = """\
import os.path, numpy as np
from hashlib import md5 as weak
from .near import thing
from far import *

class Outer(base()):
    size: int = first()

    @decorated(1)
    def method(self, x=default()):
        import json
        def inner():
            return second(
                third()
            )
        try:
            pass
        except kind():
            fourth()
        match x:
            case 1 if guard():
                fifth()

async def alone(): await sixth()
if test(): pass
"""


def test_imports_say_where_a_name_is_from() -> None:
    assert index_text(MODULE).imports == {
        "os": "os",
        "np": "numpy",
        "weak": "hashlib.md5",
        "thing": ".near.thing",
        "json": "json",
    }


def test_functions_have_qualified_names_and_know_the_class_around() -> None:
    index = index_text(MODULE)
    assert index.classes == {"Outer.method": "Outer", "Outer.method.inner": "Outer", "alone": ""}
    assert list(index.functions) == list(index.classes)


def test_each_call_is_found_once_with_the_function_around_it() -> None:
    calls = [
        (index.called_name(call.call), call.place.scope)
        for index in [index_text(MODULE)]
        for call in index.calls
    ]
    assert sorted(calls) == [
        ("base", "Outer"),
        ("decorated", "Outer.method"),
        ("default", "Outer.method"),
        ("fifth", "Outer.method"),
        ("first", "Outer"),
        ("fourth", "Outer.method"),
        ("guard", "Outer.method"),
        ("kind", "Outer.method"),
        ("second", "Outer.method.inner"),
        ("sixth", "alone"),
        ("test", ""),
        ("third", "Outer.method.inner"),
    ]


@pytest.mark.parametrize(
    "name", ["base", "decorated", "default", "kind", "guard", "third", "sixth"]
)
def test_calls_near_a_word_hold_the_call_that_it_names(name: str) -> None:
    index = index_text(MODULE)
    near = {index.called_name(call.call) for call in index.calls_near(re.compile(name))}
    assert name in near
    assert len(near) < len(index.calls)


def test_what_is_in_a_function_is_one_slice_of_the_places() -> None:
    index = index_text(MODULE)
    inside = index.places[index.ranges["Outer.method"]]
    assert {place.scope for place in inside} == {"Outer.method", "Outer.method.inner"}
    assert len(inside) == sum(place.scope.startswith("Outer.method") for place in index.places)


def test_lines_end_as_python_ends_them() -> None:
    index = index_text("a = 1\r\nb = '\x0c'\rc = '\u2028'\nd = a")
    assert index.lines_with(re.compile("[abcd] =")) == [1, 2, 3, 4]


def test_columns_count_characters() -> None:
    text = "a = 'é€😀' + b"
    index = index_text(text)
    (assign,) = index.assigns
    assert assign.end_col_offset == len(text.encode()) > len(text)
    assert index.column(1, assign.end_col_offset) == len(text) + 1
    assert index.column(1, 4) == 5
