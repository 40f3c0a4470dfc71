"""The identity of an analyser says which code of ours judged, so that a cache never keeps less."""

from __future__ import annotations

import pytest
from grimp import build_graph

from kova.adapters.analyzers.child import ChildAnalyzer
from kova.adapters.analyzers.code_digest import FINDINGS, PROOFS
from kova.adapters.analyzers.registry import ANALYZERS
from tests.analyzers.conftest import ChangedKova

IDENTITIES = """
from kova.bootstrap.analyzers import local_analyzers
print(*sorted(analyzer.identity for analyzer in local_analyzers()), sep='\\n')
"""


@pytest.fixture(scope="module")
def before(changed_kova: ChangedKova) -> str:
    return changed_kova({}, IDENTITIES)


@pytest.mark.parametrize(
    ("module", "line", "changed_line"),
    [
        ("adapters/analyzers/ruff_context.py", "_OFTEN: Final = 4", "_OFTEN: Final = 5"),
        ("adapters/analyzers/oxlint.py", "_FAR: Final = 4_000", "_FAR: Final = 4_001"),
        ("adapters/analyzers/rules/ruff.py", "F632    high ", "F632    low  "),
        ("adapters/analyzers/python_rules/taint/model.py", "torch.load", "torch.loads"),
        ("analysis/rule.py", "conftest|", "conftests|"),
        ("analysis/suppression.py", "_FAR: Final = 30", "_FAR: Final = 31"),
        ("analysis/fingerprint.py", '"""Stands for', '"""Is for'),
        ("analysis/run_analyzers.py", "not_utf8", "not_utf_8"),
    ],
)
def test_another_row_weight_or_comment_rule_is_another_identity(
    module: str, line: str, changed_line: str, changed_kova: ChangedKova, before: str
) -> None:
    after = changed_kova({module: (line, changed_line)}, IDENTITIES)
    assert len(before.splitlines()) == len(after.splitlines()) >= 6
    assert not set(before.splitlines()) & set(after.splitlines())


def test_what_judges_nothing_changes_no_identity(changed_kova: ChangedKova, before: str) -> None:
    change = {"models/price.py": ("from __future__", "# Other prices.\nfrom __future__")}
    assert changed_kova(change, IDENTITIES) == before


def test_compiled_code_alone_has_an_identity_that_changes_too(
    changed_kova: ChangedKova, before: str
) -> None:
    code = "from kova.adapters.analyzers.code_digest import code_digest\nprint(code_digest())"
    digests = [
        changed_kova(change, code, compiled=True)
        for change in ({}, {}, {"analysis/rule.py": ("conftest|", "conftests|")})
    ]
    assert digests[0] == digests[1] != digests[2]
    assert digests[0] not in before


JUDGES = {
    *(kind.__module__ for kind in ANALYZERS),
    *(kind.module for kind in ANALYZERS if issubclass(kind, ChildAnalyzer)),
    "kova.analysis.run_analyzers",
}
PROVERS = {
    "kova.adapters.analyzers.bounded_syntax",
    "kova.adapters.analyzers.outline_child",
    "kova.fixes.combine_fixes",
    "kova.fixes.propose_fixes",
    "kova.fixes.prove_fix",
}


@pytest.mark.parametrize(
    ("listed", "roots"), [(FINDINGS, JUDGES), (FINDINGS + PROOFS, PROVERS | JUDGES)]
)
def test_the_lists_name_every_module_that_judges_and_no_other(
    listed: tuple[str, ...], roots: set[str]
) -> None:
    graph = build_graph("kova")
    imported = roots.union(*map(graph.find_upstream_modules, roots))
    below = {name: {name, *graph.find_descendants(name)} for name in listed}
    packages = {name for name in imported if graph.find_children(name)}
    assert imported - packages - set().union(*below.values()) == set()
    assert [name for name in listed if not below[name] & imported] == []


def test_another_prover_keeps_its_proofs_under_another_key(changed_kova: ChangedKova) -> None:
    code = (
        "from kova.adapters.analyzers.code_digest import PROOFS, code_digest\n"
        "print(code_digest(PROOFS), code_digest())"
    )
    change = {"fixes/proof.py": ('"telnetlib",', "")}
    (proofs, findings), (other_proofs, same) = (
        changed_kova(changes, code).split() for changes in ({}, change)
    )
    assert proofs != other_proofs
    assert findings == same
