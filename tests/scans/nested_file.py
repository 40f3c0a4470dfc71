"""A file that ends its reader: find its errors and prove their fixes, and say what came out.

A program of its own, as the worker is one: a reader that overflows takes its process along.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Final

from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers, prove_fix
from kova.fixes.propose_fixes import ProposeFixes

BAD: Final = "def f(x):\n    return x is 'a'\n"
NESTED: Final = {
    "parentheses": lambda depth: f"x = {'(' * depth}1{')' * depth}\n",
    "unary": lambda depth: f"x = {'-' * depth}1\n",
    "lambda": lambda depth: f"x = {'lambda: ' * depth}1\n",
    "attribute": lambda depth: f"x = a{'.a' * depth}\n",
    "call": lambda depth: f"x = a{'()' * depth}\n",
    "sum": lambda depth: f"x = 1{'+1' * depth}\n",
    "else": lambda depth: "if x:\n    y = 1\n" + "elif x:\n    y = 1\n" * depth,
}
# No grammar that this interpreter knows, so that LibCST reads it.
NEWER: Final = "type X = int\nprint(f'{f'{X}'}')\n"


def main() -> None:
    kind, depth, newer = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "newer"
    text = (NEWER if newer else "") + BAD + NESTED[kind](depth)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.joinpath("deep.py").write_text(text)
        folder.joinpath("flat.py").write_text(BAD)
        analyzers = AnalyzeTree(local_analyzers())
        paths = ["deep.py", "flat.py"]
        analysis = analyzers.analyze(folder, paths)
        files = ProposeFixes(prove_fix(analyzers)).propose(folder, analysis, paths)
    lines = [
        f"{path} {fix.status} {fix.rejection or ''}"
        for path, file in files.items()
        for fix in file.fixes
    ]
    lines += [f"{skip.path} skipped: {skip.reason}" for skip in analysis.skipped]
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
