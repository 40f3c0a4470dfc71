"""How well tools tell vulnerable from harmless on the OWASP Benchmark for Python.

    python -m bench.youden FOLDER [--bandit PROGRAM]

The folder is a checkout of BenchmarkPython: `expectedresults-0.1.csv` and `testcode/`, read as
data and never run. A file counts as flagged when a tool reports one of its category's weaknesses
(CWE). Youden's index is the share of vulnerable files flagged less the share of harmless ones.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sysconfig
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kova.analysis.finding import Tier
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers

Flags = Mapping[str, frozenset[int]]
"""The weaknesses by file name."""

# Weaknesses that a tool may give for a category beside the benchmark's own number.
KIN: Final[Mapping[int, frozenset[int]]] = {
    22: frozenset({22, 23, 36, 73}),
    78: frozenset({78, 77, 88}),
    90: frozenset({90}),
    94: frozenset({94, 95, 96}),
    79: frozenset({79, 80}),
    89: frozenset({89, 564}),
    328: frozenset({327, 328, 916, 759}),
    330: frozenset({330, 338}),
    501: frozenset({501}),
    502: frozenset({502, 20}),
    601: frozenset({601}),
    611: frozenset({611, 776, 20}),
    614: frozenset({614, 1004}),
    643: frozenset({643, 91}),
}
# Called vulnerable, though what reaches the sink is a constant: `if 'should' not in` a string that
# holds it never takes the input.
DOUBTFUL: Final = frozenset(
    f"BenchmarkTest{int(number):05}"
    for number in "8 89 114 289 340 350 377 436 535 616 845 947 1000".split()
)
# ruff tells no CWE: those of its security rules that belong to a category.
_RUFF: Final[Mapping[str, int]] = {
    "S102": 94, "S307": 94, "S301": 502, "S302": 502, "S506": 502, "S311": 330, "S324": 328,
    "S303": 328, "S608": 89, "S610": 89, "S611": 89, "S602": 78, "S604": 78, "S605": 78,
    "S603": 78, "S606": 78, "S607": 78, "S609": 78, "S701": 79, "S702": 79, "S704": 79,
    "S313": 611, "S314": 611, "S315": 611, "S316": 611, "S317": 611, "S318": 611, "S319": 611,
    "S320": 611, "S202": 22,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Case:
    """One file of the benchmark."""

    name: str
    category: str
    vulnerable: bool
    cwe: int

    @property
    def held_out(self) -> bool:
        """Odd numbers: never looked at while the rules are written."""
        return int(self.name[-5:]) % 2 == 1


def read_cases(folder: Path) -> list[Case]:
    """Read the benchmark's own verdicts."""
    with (folder / "expectedresults-0.1.csv").open() as file:
        rows = list(csv.reader(line for line in file if not line.startswith("#")))
    return [
        Case(name=name, category=category, vulnerable=vulnerable == "true", cwe=int(cwe))
        for name, category, vulnerable, cwe in rows
        if name not in DOUBTFUL
    ]


def kova(folder: Path) -> Mapping[str, Flags]:
    """Run Kova's analysers: what it calls errors, and that with its warnings."""
    code = folder / "testcode"
    paths = sorted(path.name for path in code.glob("*.py"))
    findings = AnalyzeTree(local_analyzers()).analyze(code, paths).findings
    errors = [finding for finding in findings if finding.tier is Tier.ERROR]
    return {
        name: _flags((finding.path, _number(finding.cwe)) for finding in tool_findings)
        for name, tool_findings in (("kova", errors), ("kova, warnings too", findings))
    }


def ruff(folder: Path) -> Flags:
    """Run all of ruff's security rules."""
    program = Path(sysconfig.get_path("scripts"), "ruff")
    options = ("check", "--isolated", "--no-cache", "--select", "S", "--output-format", "json")
    process = subprocess.run(
        [program, *options, folder / "testcode"], capture_output=True, check=False
    )
    return _flags(
        (problem["filename"], _RUFF.get(problem["code"] or "", 0))
        for problem in json.loads(process.stdout)
    )


def bandit(program: str, folder: Path) -> Flags:
    """Run bandit with its defaults."""
    process = subprocess.run(
        [program, "-q", "-r", "-f", "json", folder / "testcode"], capture_output=True, check=False
    )
    return _flags(
        (problem["filename"], int(problem["issue_cwe"].get("id", 0)))
        for problem in json.loads(process.stdout)["results"]
    )


def _number(cwe: str | None) -> int:
    return int(cwe.removeprefix("CWE-")) if cwe else 0


def _flags(weaknesses: Iterable[tuple[str, int]]) -> Flags:
    flags: dict[str, set[int]] = defaultdict(set)
    for path, cwe in weaknesses:
        flags[Path(path).stem].add(cwe)
    return {name: frozenset(numbers) for name, numbers in flags.items()}


def rates(cases: Iterable[Case], flags: Flags) -> tuple[float, float, float]:
    """Return the share of vulnerable files flagged, that of harmless ones, and Youden's index."""
    hit: dict[bool, list[bool]] = {True: [], False: []}
    for case in cases:
        cwes = flags.get(case.name, frozenset())
        hit[case.vulnerable].append(bool(cwes & KIN[case.cwe]))
    right, wrong = (100 * sum(hit[kind]) / max(len(hit[kind]), 1) for kind in (True, False))
    return right, wrong, right - wrong


def _table(title: str, cases: list[Case], tools: Mapping[str, Flags]) -> None:
    categories = sorted({case.category for case in cases})
    print(f"\n{title}: {len(cases)} files\n")
    print("| category | files | " + " | ".join(tools) + " |")
    print("| --- | ---: | " + " | ".join("---:" for _ in tools) + " |")
    means: dict[str, list[float]] = defaultdict(list)
    for category in categories:
        category_cases = [case for case in cases if case.category == category]
        cells = []
        for name, flags in tools.items():
            right, wrong, index = rates(category_cases, flags)
            means[name].append(index)
            cells.append(f"{index:.0f} ({right:.0f} - {wrong:.0f})")
        print(f"| {category} | {len(category_cases)} | " + " | ".join(cells) + " |")
    mean = " | ".join(f"{sum(indices) / len(indices):.1f}" for indices in means.values())
    print(f"| mean of the categories | | {mean} |")
    pooled = " | ".join(f"{rates(cases, flags)[2]:.1f}" for flags in tools.values())
    print(f"| all files as one | {len(cases)} | {pooled} |")


def main() -> None:
    """Print one table for the files that may be looked at, and one for those that may not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--bandit", help="bandit's program, to be compared with")
    options = parser.parse_args()
    tools = {**kova(options.folder), "ruff S": ruff(options.folder)}
    if options.bandit:
        tools["bandit"] = bandit(options.bandit, options.folder)
    cases = read_cases(options.folder)
    _table("Held out", [case for case in cases if case.held_out], tools)
    _table("Looked at", [case for case in cases if not case.held_out], tools)


if __name__ == "__main__":
    main()
