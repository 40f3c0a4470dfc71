"""Make synthetic edits on real files and count which errors keep their identity.

    python -m bench.edits PATH_OF_GIT_DIR [--files 150]

Each error's own place after the edit is known, so the truth needs no guess.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sysconfig
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from bench.git_history import GitHistory
from kova.analysis.finding import Finding
from kova.analysis.matching import recognise, sighting_of
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers

Files = dict[str, str]
Edit = Callable[[Files, random.Random], tuple[Files, Callable[[Finding], tuple[str, int] | None]]]
_SHARE = 0.2
_DEFINITION = re.compile(r"^(?:async def|def|class) (\w+)", re.MULTILINE)


def insert(
    files: Files, chance: random.Random
) -> tuple[Files, Callable[[Finding], tuple[str, int]]]:
    """Insert comments above a fifth of the statements that begin a definition or a return."""
    after: Files = {}
    shifts: dict[str, list[int]] = {}
    for path, text in files.items():
        lines: list[str] = []
        shift = [0]
        for line in text.split("\n"):
            begins = re.match(r"\s*(?:def|class|return|if|for|raise)\b", line)
            extra = 2 if begins and chance.random() < _SHARE else 0
            indent = line[: len(line) - len(line.lstrip())]
            lines += [f"{indent}# a note"] * extra + [line]
            shift.append(shift[-1] + extra)
        after[path] = "\n".join(lines)
        shifts[path] = shift
    return after, lambda finding: (
        finding.path,
        finding.span.start_line + shifts[finding.path][finding.span.start_line],
    )


def rename_functions(
    files: Files, _: random.Random
) -> tuple[Files, Callable[[Finding], tuple[str, int]]]:
    """Rename every function and class at the top of the files."""
    names = {name for text in files.values() for name in _DEFINITION.findall(text)}
    word = re.compile(
        r"^((?:async def|def|class) )(" + "|".join(sorted(names)) + r")\b", re.MULTILINE
    )
    after = {path: word.sub(r"\1\2_renamed", text) for path, text in files.items()}
    return after, lambda finding: (finding.path, finding.span.start_line)


def rename_files(
    files: Files, chance: random.Random
) -> tuple[Files, Callable[[Finding], tuple[str, int]]]:
    """Move every file to another folder under another name, with comments inserted."""
    inserted, place = insert(files, chance)
    after = {f"moved/new_{path.replace('/', '_')}": text for path, text in inserted.items()}
    return after, lambda finding: (f"moved/new_{finding.path.replace('/', '_')}", place(finding)[1])


def move_definitions(
    files: Files, _: random.Random
) -> tuple[Files, Callable[[Finding], tuple[str, int] | None]]:
    """Move each file's last definition to the end of a file that everything is gathered in."""
    after: Files = {}
    gathered = "# gathered\n"
    moved: dict[str, tuple[int, int]] = {}
    for path, text in files.items():
        starts = [match.start() for match in _DEFINITION.finditer(text)]
        cut = starts[-1] if starts else len(text)
        after[path] = text[:cut]
        if cut < len(text):
            moved[path] = (text[:cut].count("\n"), gathered.count("\n"))
            gathered += text[cut:] + "\n"
    after["gathered.py"] = gathered

    def place(finding: Finding) -> tuple[str, int] | None:
        old, new = moved.get(finding.path, (1 << 30, 0))
        line = finding.span.start_line
        return (finding.path, line) if line <= old else ("gathered.py", line - old + new)

    return after, place


def reformat(
    files: Files, _: random.Random
) -> tuple[Files, Callable[[Finding], tuple[str, int] | None]]:
    """Format with another line length and other quotes; the truth is the order within a rule."""
    program = str(Path(sysconfig.get_path("scripts")) / "ruff")
    style = ("--config", 'format.quote-style = "single"', "--line-length", "60")
    after = {
        path: subprocess.run(
            [program, "format", "--isolated", "--quiet", *style, "-"],
            input=text, capture_output=True, text=True, check=False,
        ).stdout
        or text
        for path, text in files.items()
    }  # fmt: skip
    return after, lambda _: None


def _analyze(analyze: AnalyzeTree, files: Files) -> list[Finding]:
    with tempfile.TemporaryDirectory(prefix="kova-edits-") as name:
        for path, text in files.items():
            target = Path(name, path)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        return list(analyze.analyze(Path(name), sorted(files)).findings)


def _truth(
    before: Sequence[Finding],
    after: Sequence[Finding],
    place: Callable[[Finding], tuple[str, int] | None],
) -> dict[int, int]:
    """Return the index after of each error before that is still there."""
    indices_after: dict[tuple[object, ...], list[int]] = {}
    by_order = place(before[0]) is None
    for index, finding in enumerate(after):
        key = (
            (finding.rule_id, finding.path)
            if by_order
            else (finding.rule_id, finding.path, finding.span.start_line)
        )
        indices_after.setdefault(key, []).append(index)
    indices_before: dict[tuple[object, ...], list[int]] = {}
    for index, finding in enumerate(before):
        where = place(finding)
        indices_before.setdefault((finding.rule_id, *(where or (finding.path,))), []).append(index)
    return {
        old: new
        for key, olds in indices_before.items()
        if len(olds) == len(indices_after.get(key, ()))
        for old, new in zip(olds, indices_after[key], strict=True)
    }


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("path", type=Path)
    parser.add_argument("--files", type=int, default=150)
    options = parser.parse_args()
    analyze = AnalyzeTree(local_analyzers())
    with GitHistory(options.path) as history:
        head = history.commits(1)[0]
        changes = [
            change for change in history.files(head) if change.new and change.new.endswith(".py")
        ]
        texts = {
            str(change.new): history.blob(str(change.blob)).decode("utf-8", "replace")
            for change in changes
        }
    all_found = _analyze(analyze, texts)
    flagged = [path for path, _ in Counter(finding.path for finding in all_found).most_common()]
    files = {path: texts[path] for path in sorted(flagged[: options.files])}
    before = _analyze(analyze, files)
    print(f"{options.path.parent.name}: {len(files)} files, {len(before)} errors")
    edits: tuple[Edit, ...] = (insert, reformat, rename_functions, rename_files, move_definitions)
    for edit in edits:
        changed, place = edit(files, random.Random(7))  # noqa: S311 (a fixed sequence)
        after = _analyze(analyze, changed)
        truth = _truth(before, after, place)
        matches = recognise(
            [sighting_of(finding) for finding in before],
            [sighting_of(finding) for finding in after],
            deleted=frozenset(files.keys() - changed.keys()),
        )
        counts = Counter(
            "kept" if matches.get(new) == old else "swapped" if new in matches else "lost"
            for old, new in truth.items()
        )
        same = sum(before[old].fingerprint == after[new].fingerprint for old, new in truth.items())
        share = 100 * counts["kept"] / max(len(truth), 1)
        print(
            f"  {edit.__name__:18} {len(truth):5} known places: kept {counts['kept']} "
            f"({share:.2f} %), lost {counts['lost']}, swapped {counts['swapped']}; "
            f"fingerprint alone {100 * same / max(len(truth), 1):.1f} %"
        )


if __name__ == "__main__":
    main()
