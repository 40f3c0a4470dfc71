"""`python -m tests.quality`: recall and false alarms on the labelled examples of tests/corpus."""

from __future__ import annotations

import random
import re
import string
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from kova.analysis.finding import Finding
from kova.analysis.run_analyzers import AnalyzeTree
from kova.bootstrap.analyzers import local_analyzers

CORPUS = Path(__file__).parent / "corpus"
_HEAD = re.compile(r"^--- (flagged|clean) (\S+)(?: (\S+))?\n", re.MULTILINE)
LEAST_RECALL = 0.95
_RANDOM = random.Random(4)


@dataclass(frozen=True, kw_only=True)
class Example:
    """One example; `rule` is `analyser/rule` for a flagged one, empty for a clean one."""

    language: str
    number: int
    path: str
    rule: str
    content: str

    @property
    def place(self) -> str:
        return f"{self.language}-{self.number:03}/{self.path}"

    @property
    def tool(self) -> str:
        return self.rule.partition("/")[0]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """What was found of what, and what was found where nothing is."""

    examples: tuple[Example, ...]
    missed: tuple[Example, ...]
    false_alarms: tuple[Finding, ...]

    @property
    def recall(self) -> float:
        flagged = sum(bool(example.rule) for example in self.examples)
        return (flagged - len(self.missed)) / flagged


def examples() -> Iterator[Example]:
    """Read every example."""
    for file in sorted(CORPUS.glob("*.txt")):
        pieces = _HEAD.split(file.read_text(encoding="utf-8"))[1:]
        for number in range(0, len(pieces), 4):
            _, path, rule, content = pieces[number : number + 4]
            yield Example(
                language=file.stem,
                number=number // 4,
                path=path,
                rule=rule or "",
                content=_with_secrets(content),
            )


def measure() -> Quality:
    """Run every analyser over every example."""
    corpus = tuple(examples())
    with tempfile.TemporaryDirectory(prefix="kova-corpus-") as name:
        for example in corpus:
            target = Path(name, example.place)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(example.content, encoding="utf-8")
        analyze = AnalyzeTree(local_analyzers())
        analysis = analyze.analyze(Path(name), [example.place for example in corpus])
    flagged = {
        (finding.path, f"{finding.analyzer}/{finding.rule_id}") for finding in analysis.findings
    }
    clean = {example.place for example in corpus if not example.rule}
    return Quality(
        examples=corpus,
        missed=tuple(
            example
            for example in corpus
            if example.rule and (example.place, example.rule) not in flagged
        ),
        false_alarms=tuple(finding for finding in analysis.findings if finding.path in clean),
    )


def _with_secrets(text: str) -> str:
    return re.sub(r"@@([\w-]+)@@", lambda match: _secret(match[1]), text)


def _secret(name: str) -> str:
    letters, capitals = string.ascii_letters + string.digits, string.ascii_uppercase
    if name == "private-key":
        lines = "\n".join(_word(64, letters) for _ in range(8))
        kind = "RSA " + "PRIVATE KEY"
        return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----"
    forms = {
        "github": "ghp" + "_" + _word(36, letters),
        "github-fine": "github" + "_pat_" + _word(82, letters),
        "slack-path": f"T{_word(8, capitals)}/B{_word(8, capitals)}/{_word(24, letters)}",
        "slack-bot": "xoxb"
        f"-{_word(12, string.digits)}-{_word(12, string.digits)}-" + _word(24, letters),
        "aws": "AKIA" + _word(16, capitals + "234567"),
        "aws-secret": _word(40, letters + "/+"),
        "stripe": "sk" + "_live_" + _word(24, letters),
        "npm": "npm" + "_" + _word(36, letters),
        "pypi": "pypi-" + "AgEIcHlwaS5vcmc" + _word(80, letters),
        "sendgrid": "SG." + _word(22, letters) + "." + _word(43, letters),
        "gitlab": "glpat" + "-" + _word(20, letters),
        "shopify": "shpat" + "_" + _word(32, "0123456789abcdef"),
    }
    return forms[name]


def _word(length: int, letters: str) -> str:
    return "".join(_RANDOM.choice(letters) for _ in range(length))


def main() -> int:
    """Print the table and what is wrong."""
    quality = measure()
    rows: Counter[tuple[str, str]] = Counter()
    missed = Counter((example.language, example.tool) for example in quality.missed)
    for example in quality.examples:
        rows[example.language, example.tool or "(clean)"] += 1
    write = sys.stdout.write
    write(f"{'language':16}{'tool':14}{'examples':>9}{'found':>7}{'recall':>8}{'false':>7}\n")
    for (language, tool), number in sorted(rows.items()):
        if tool == "(clean)":
            wrong = len(
                {
                    finding.path
                    for finding in quality.false_alarms
                    if finding.path.startswith(f"{language}-")
                }
            )
            write(f"{language:16}{tool:14}{number:9}{'':7}{'':8}{wrong:7}\n")
        else:
            hits = number - missed[language, tool]
            write(f"{language:16}{tool:14}{number:9}{hits:7}{hits / number:8.2f}\n")
    flagged = sum(bool(example.rule) for example in quality.examples)
    write(f"\n{flagged} flagged, {len(quality.examples) - flagged} clean: recall ")
    write(
        f"{quality.recall:.3f}, {len({finding.path for finding in quality.false_alarms})} clean flagged\n"
    )
    for example in quality.missed:
        write(f"missed {example.rule} in {example.place}\n")
    for example in quality.false_alarms:
        write(
            f"false {example.analyzer}/{example.rule_id} at {example.path}:{example.span.start_line}\n"
        )
    return 0 if quality.recall >= LEAST_RECALL and not quality.false_alarms else 1


if __name__ == "__main__":
    sys.exit(main())
