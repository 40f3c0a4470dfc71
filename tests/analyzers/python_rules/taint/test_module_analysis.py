"""Input is followed through a module, and only the functions that it may come to are."""

import pytest

from kova.adapters.analyzers.python_rules.__main__ import check
from kova.adapters.analyzers.python_rules.taint.reachability import Reachability
from tests.analyzers.python_rules.support import index_text, rules_of

CHAIN = """\
import os

def typed():
    return input()

def passed_on():
    return typed().strip()

class Shell:
    def name(self):
        return passed_on()

    def run(self):
        os.system(self.name())

    def idle(self):
        os.system("ls")

def quiet():
    return 1
"""


def test_input_comes_back_through_functions_that_do_not_name_it() -> None:
    assert rules_of(CHAIN) == {"local-input"}


def test_functions_that_input_cannot_come_to_are_not_followed() -> None:
    reach = Reachability(index_text(CHAIN))
    assert reach.functions == {"typed", "passed_on", "Shell.name", "Shell.run"}
    assert not reach.reaches_module


def test_input_comes_through_a_global_name() -> None:
    text = "import os, sys\nNAME = sys.argv[1]\n\ndef run():\n    os.system(NAME)\n"
    assert rules_of(text) == {"local-input"}
    reach = Reachability(index_text(text))
    assert (reach.functions, reach.reaches_module) == (set(), True)
    reach.spread(["NAME"])
    assert reach.functions == {"run"}


def test_a_function_that_hands_nothing_back_draws_no_caller_in() -> None:
    text = "def asks():\n    input()\n\ndef calls():\n    asks()\n"
    assert Reachability(index_text(text)).functions == {"asks"}


def test_an_origin_outside_of_functions_makes_the_module_one_of_them() -> None:
    assert Reachability(index_text("x = input()\n")).reaches_module
    assert not Reachability(index_text("def f():\n    return input()\n")).reaches_module
    assert Reachability(index_text("def f():\n    return input()\nx = f()\n")).reaches_module


@pytest.mark.parametrize(
    "before",
    [
        "if DEBUG:\n    pass\n",
        "try:\n    import json\nexcept ImportError:\n    json = None\n",
        "for x in y:\n    pass\n",
    ],
)
def test_a_global_bound_after_a_branch_is_known_in_functions(before: str) -> None:
    text = f"import os, sys\n{before}name = sys.argv[1]\n\ndef run():\n    os.system(name)\n"
    assert rules_of(text) == {"local-input"}


@pytest.mark.parametrize(
    "pattern", ["f({}, 1)", "[{}]", "{{1: {}}}", "subprocess.run([{}], shell=True)"]
)
def test_what_nests_a_hundred_times_is_taken_in_one_go(pattern: str) -> None:
    """Each level evaluated twice would take until the end of the world."""
    value = "request.args"
    for _ in range(80):
        value = pattern.format(value)
    text = f"import subprocess\nfrom flask import request\ndef f(x, y): return x\neval({value})\n"
    assert "code-injection" in rules_of(text) or "subprocess" in pattern


def test_two_literals_in_a_row_are_one_query() -> None:
    text = "def f(db, x):\n    db.execute('SELECT a FROM b ' f\"WHERE c = '{x}'\")\n"
    assert rules_of(text) == {"sql-from-string"}


def test_a_chain_of_branches_that_all_leave_lets_nothing_through() -> None:
    text = (
        "import os\n\ndef f(request):\n    x = request.GET['x']\n    if x not in ALLOWED:\n"
        "        if a:\n            return 1\n        elif b:\n            return 2\n"
        "        else:\n            LAST\n    os.system(x)\n"
    )
    assert rules_of(text.replace("LAST", "return 3")) == set()
    assert rules_of(text.replace("LAST", "x = request.GET['y']")) == {"command-injection"}


def test_a_guessable_secret_is_told_where_it_is_made_and_not_wherever_it_goes() -> None:
    text = (
        "import random\n\ndef new_password():\n    password = str(random.random())\n"
        "    return password\n\nSECRET_KEY = new_password()\nAPI_KEY = SECRET_KEY\n"
    )
    assert [problem.start[0] for problem in check("a.py", text)] == [4]
