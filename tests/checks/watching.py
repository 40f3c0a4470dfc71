"""Rules, alerts and dashboards: made from their tables, of metrics that there are, and documented."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from deploy.watching import slos
from deploy.watching.boards import BOARDS
from deploy.watching.render import FOLDER, render_board
from tests.checks.promql import Reader, unnamed_labels

PROMETHEUS: Final = Path("deploy/prometheus")
ALERTS: Final = PROMETHEUS / "rules/alerts.yml"
ALERTMANAGER: Final = Path("deploy/alertmanager/alertmanager.yml")
_PAGE: Final = Path("docs/alerts.md")
_ANNOTATIONS: Final = ("summary", "description", "runbook")
_SHOWN: Final = re.compile(r"\$labels\.(\w+)")
# By which labels an alert goes to which receiver.
_ROUTES: Final = {
    ("severity=critical", "alertname=KovaDown"): "slack-critical",
    ("severity=warning", "alertname=KovaDeadLetters"): "slack",
}


def write_watching() -> None:
    """Write the files that are made from the tables."""
    slos.PAGE.write_text(slos.render())
    for board in BOARDS:
        (FOLDER / f"{board.name}.json").write_text(render_board(board))


def check_watching() -> list[str]:
    """Return what is wrong with rules, alerts and dashboards."""
    rules = read_rules()
    return [
        *_check_drift(),
        *check_expressions(rules, expressions_of_boards()),
        *check_alerts(rules, _PAGE.read_text(), read_cases()),
        *_check_programs(),
    ]


def read_rules() -> list[dict[str, Any]]:
    """Return all rules, those that record before those that alert."""
    return [
        rule
        for path in (slos.PAGE, ALERTS)
        for group in yaml.safe_load(path.read_text())["groups"]
        for rule in group["rules"]
    ]


def expressions_of_boards() -> list[tuple[str, str]]:
    """Return the expressions of all panels, with a window for Grafana's own, and their legends."""
    return [
        (query.expr.replace("$__rate_interval", "1m"), query.legend)
        for board in BOARDS
        for panel in board.panels
        for query in panel.queries
    ]


def read_cases() -> dict[str, set[bool]]:
    """Return by alert whether a test has it fire, and whether a test has it silent."""
    cases: dict[str, set[bool]] = {}
    for path in sorted((PROMETHEUS / "tests").glob("*.yml")):
        for test in yaml.safe_load(path.read_text())["tests"]:
            for case in test.get("alert_rule_test", []):
                cases.setdefault(case["alertname"], set()).add(bool(case["exp_alerts"]))
    return cases


def check_expressions(rules: list[dict[str, Any]], queries: list[tuple[str, str]]) -> list[str]:
    """Return the metrics and labels that are named and that nobody exports."""
    reader = Reader()
    for rule in rules:
        labels = reader.read(rule["expr"])
        if "record" in rule:
            before = reader.labels.get(rule["record"], frozenset())
            reader.labels[rule["record"]] = before | labels | set(rule.get("labels", {}))
            continue
        shown = _SHOWN.findall(" ".join(rule["annotations"].values()))
        reader.problems += [
            f"{rule['alert']} shows the label {name}, which it has not"
            for name in shown
            if name not in labels
        ]
    for expression, legend in queries:
        labels = reader.read(expression)
        reader.problems += [
            f"the legend {legend} of {expression} shows the label {name}, which it has not"
            for name in unnamed_labels(legend, labels)
        ]
    return list(dict.fromkeys(reader.problems))


def check_alerts(rules: list[dict[str, Any]], page: str, cases: dict[str, set[bool]]) -> list[str]:
    """Return the alerts that say too little, that no page explains or that no test has seen."""
    problems: list[str] = []
    names = [rule["alert"] for rule in rules if "alert" in rule]
    for rule in rules:
        if "alert" not in rule:
            continue
        name, annotations = rule["alert"], rule["annotations"]
        if rule.get("labels", {}).get("severity") not in {"critical", "warning"}:
            problems.append(f"{name} has no severity that a route knows")
        problems += [
            f"{name} has no {field}" for field in _ANNOTATIONS if not annotations.get(field)
        ]
        if annotations.get("runbook") != f"docs/alerts.md#{name.lower()}":
            problems.append(f"{name} does not point to its own section")
        if f"\n## {name}\n" not in page:
            problems.append(f"docs/alerts.md has no section {name}")
        if cases.get(name) != {True, False}:
            problems.append(f"{name} has no test of both: fires, stays silent")
    headings = re.findall(r"^## (Kova\w+)$", page, re.MULTILINE)
    problems += [
        f"docs/alerts.md explains {name}, and no rule has it"
        for name in headings
        if name not in names
    ]
    return problems


def _check_drift() -> Iterator[str]:
    expected = {slos.PAGE: slos.render()}
    expected |= {FOLDER / f"{board.name}.json": render_board(board) for board in BOARDS}
    for path, text in expected.items():
        if not path.exists() or path.read_text() != text:
            yield f"{path} has drifted: run `make export`"
    for path in sorted(FOLDER.glob("*.json")):
        if path not in expected:
            yield f"{path} is made by nothing"


def _check_programs() -> Iterator[str]:
    """Ask Prometheus's own tools, where they are installed."""
    if shutil.which("promtool") is None or shutil.which("amtool") is None:
        sys.stdout.write("  promtool or amtool is not installed: only our own checks ran\n")
        return
    rules = sorted(map(str, (PROMETHEUS / "rules").glob("*.yml")))
    tests = sorted(map(str, (PROMETHEUS / "tests").glob("*.yml")))
    yield from _run("promtool", "check", "rules", "--lint=all", "--lint-fatal", *rules)
    yield from _run("promtool", "test", "rules", *tests)
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name, "prometheus")
        shutil.copytree(PROMETHEUS, copy)
        # The token is no part of the repository, and the check wants the file to be there.
        (copy / "secrets").mkdir()
        (copy / "secrets/metrics-token").write_text("token")
        yield from _run("promtool", "check", "config", "--lint-fatal", str(copy / "prometheus.yml"))
    yield from _run("amtool", "check-config", str(ALERTMANAGER))
    for labels, receiver in _ROUTES.items():
        wanted = f"--verify.receivers={receiver}"
        config = f"--config.file={ALERTMANAGER}"
        yield from _run("amtool", "config", "routes", "test", config, wanted, *labels)


def _run(*command: str) -> Iterator[str]:
    process = subprocess.run(command, capture_output=True, text=True, check=False)
    if process.returncode != 0:
        yield f"{' '.join(command[:3])}: {process.stdout}{process.stderr}"
