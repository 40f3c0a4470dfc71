"""What is often meant so, or is nobody's to mend here, is no error."""

from __future__ import annotations

from pathlib import Path

import pytest

from kova.bootstrap.analyzers import local_analyzers
from kova.domain.finding import Tier
from kova.usecases.analyze_tree import AnalyzeTree

ANALYZE = AnalyzeTree(local_analyzers())
LOGS = "def f(self, name):\n    self.logger.debug('found {0}', name)\n"

SWITCH = """\
export function f(a) {
  switch (a) {
    case 1:
      return 2;
      break;
    default:
      return 3;
  }
}
"""


@pytest.mark.parametrize(
    ("path", "text", "rule", "tier"),
    [
        ("a.py", LOGS, "PLE1205", Tier.WARNING),
        ("a.py", "import logging\n" + LOGS, "PLE1205", Tier.ERROR),
        ("a.py", "import sys\n\nprint >>sys.stderr, 1\n", "F633", Tier.ERROR),
        ("a.py", "def f():\n    breakpoint()\n", "T100", Tier.ERROR),
        ("a.py", "import ipdb\n\nf = ipdb\n", "T100", Tier.WARNING),
        ("vendor/a.py", "def f(x):\n    return x is 'a'\n", "F632", Tier.WARNING),
        ("src/a.py", "def f(x):\n    return x is 'a'\n", "F632", Tier.ERROR),
        ("a.py", "def f():\n    return _('text')\n", "F821", Tier.WARNING),
        ("a.py", "try:\n    f = 1\nexcept OSError, e:\n    f = e\n", "F821", Tier.WARNING),
        ("a.py", "a\nb\nc\nd\ne\ng\n", "F821", Tier.WARNING),
        ("a.py", "def f():\n    return lost\n", "F821", Tier.ERROR),
        ("a.py", "raise TypeError, 'a', None\n", "invalid-syntax", Tier.WARNING),
        ("a.py", "x = (1\n", "invalid-syntax", Tier.ERROR),
        ("a.py", "import yaml\n\nyaml.load('a', Loader=Own)\n", "S506", Tier.WARNING),
        ("a.py", "import yaml\n\nyaml.load('a', Loader=yaml.Loader)\n", "S506", Tier.ERROR),
        ("a.py", "try:\n    None < 0\nexcept TypeError:\n    pass\n", "B015", Tier.WARNING),
        ("a.py", "def f(t):\n    y, x, x = t\n    return y\n", "PLW0128", Tier.WARNING),
        ("a.py", "def f(): ...\n\n\ndef f(): ...\n", "F811", Tier.ERROR),
        ("a.py", "from b import f\n\n\ndef f(): ...\n", "F811", Tier.WARNING),
        ("test_a.py", "def f():\n    breakpoint()\n", "T100", Tier.WARNING),
        (
            "a.js",
            SWITCH,
            "eslint/no-unreachable",
            Tier.WARNING,
        ),
        (
            "a.js",
            "export function f(a) {\n  return a;\n  a.close();\n}\n",
            "eslint/no-unreachable",
            Tier.ERROR,
        ),
    ],
)
def test_a_finding_weighs_what_its_place_tells(
    tmp_path: Path, path: str, text: str, rule: str, tier: Tier
) -> None:
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(text)
    found = ANALYZE.run(tmp_path, [path]).findings
    assert {one.tier for one in found if one.rule_id == rule} == {tier}


def test_data_under_the_name_of_a_program_is_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "de.js").write_text('{"": {"lang": "de"}, "Save": [null, "Sichern"]}\n')
    analysis = ANALYZE.run(tmp_path, ["de.js"])
    assert [one.reason for one in analysis.skipped] == ["oxlint_json"]
    assert not analysis.findings


def test_what_a_file_does_again_and_again_is_meant(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import sys\n\nprint >>sys.stderr, 1\nprint >>sys.stderr, 2\n")
    found = ANALYZE.run(tmp_path, ["a.py"]).findings
    assert [one.tier for one in found if one.rule_id == "F633"] == [Tier.WARNING] * 2


def test_a_string_is_told_once_however_many_bad_escapes_it_has(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import re\n\nA = re.compile('\\d \\s \\w')\nB = '\\d'\n")
    found = ANALYZE.run(tmp_path, ["a.py"]).findings
    assert [(one.rule_id, one.span.start_line) for one in found] == [("W605", 3), ("W605", 4)]
