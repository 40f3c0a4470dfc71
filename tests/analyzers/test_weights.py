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
        ("a.py", "def f():\n    breakpoint()\n", "T100", Tier.ERROR),
        ("a.py", "import ipdb\n\nf = ipdb\n", "T100", Tier.WARNING),
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
    (tmp_path / path).write_text(text)
    found = ANALYZE.run(tmp_path, [path]).findings
    assert [one.tier for one in found if one.rule_id == rule] == [tier]


def test_data_under_the_name_of_a_program_is_left_out_and_said(tmp_path: Path) -> None:
    (tmp_path / "de.js").write_text('{"": {"lang": "de"}, "Save": [null, "Sichern"]}\n')
    analysis = ANALYZE.run(tmp_path, ["de.js"])
    assert [one.reason for one in analysis.skipped] == ["oxlint_json"]
    assert not analysis.findings
