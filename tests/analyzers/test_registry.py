"""What every analyser promises: its sample's findings, and that nothing of a tree or a tool harms."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kova.adapters.analyzers.child import ChildAnalyzer
from kova.adapters.analyzers.process import ProcessLimits, run
from kova.adapters.analyzers.program import ProgramAnalyzer
from kova.adapters.analyzers.registry import ANALYZERS
from kova.analysis.finding import Finding
from kova.analysis.ports import Text
from kova.analysis.rule import Rule
from kova.bootstrap.analyzers import local_analyzers, missing_analyzers
from kova.bootstrap.settings import Settings, SettingsError
from tests.analyzers.conftest import copy_sample, write
from tests.support.eventually import eventually

SAMPLES = Path(__file__).parent / "samples"
NAMES = [kind.name for kind in ANALYZERS]
PER_FILE = [kind for kind in ANALYZERS if not kind.whole_program]


def format_finding(finding: Finding) -> str:
    span = finding.span
    return (
        f"{finding.path}:{span.start_line}:{span.start_column}-{span.end_line}:{span.end_column} "
        f"{finding.rule_id} {finding.severity} {finding.tier}"
    )


def select_handled(analyzer: ProgramAnalyzer, paths: list[str]) -> list[str]:
    return [path for path in paths if analyzer.handles(path)]


@pytest.mark.parametrize("name", NAMES)
def test_the_samples_findings_are_found_at_their_places(
    name: str, analyzers: dict[str, ProgramAnalyzer], tmp_path: Path
) -> None:
    analyzer = analyzers[name]
    paths = select_handled(analyzer, copy_sample(SAMPLES / name, tmp_path))
    analyzer_run = analyzer.analyze(tmp_path, paths)
    expected = (SAMPLES / name / "expected.txt").read_text().splitlines()
    assert sorted(format_finding(finding) for finding in analyzer_run.findings) == expected
    assert expected
    assert analyzer_run.completed
    assert not analyzer_run.skipped
    assert all(finding.analyzer == name and finding.message for finding in analyzer_run.findings)


@pytest.mark.parametrize("name", [kind.name for kind in PER_FILE])
def test_a_text_gives_what_the_file_gives(
    name: str, analyzers: dict[str, ProgramAnalyzer], tmp_path: Path
) -> None:
    analyzer = analyzers[name]
    paths = select_handled(analyzer, copy_sample(SAMPLES / name, tmp_path))
    by_folder = analyzer.analyze(tmp_path, paths).findings
    texts = [Text(path=path, content=(tmp_path / path).read_bytes()) for path in paths]
    runs = analyzer.analyze_texts([*texts, *texts])  # The second time as if it were a variant.
    for half in (runs[: len(texts)], runs[len(texts) :]):
        by_text = [finding for run in half for finding in run.findings]
        assert sorted(map(repr, by_text)) == sorted(map(repr, by_folder))


HOSTILE = {
    "ruff": {
        "ruff.toml": b"exclude = ['*']\nlint.select = []\n",
        "pyproject.toml": b"[tool.ruff]\nextend-exclude = ['*.py']\n",
    },
    "kova": {
        "kova/__init__.py": b"open('CANARY', 'w')\nraise SystemExit(0)\n",
        "libcst.py": b"open('CANARY', 'w')\nraise SystemExit(0)\n",
        "sitecustomize.py": b"open('CANARY', 'w')\n",
        "json.py": b"open('CANARY', 'w')\nraise SystemExit(0)\n",
    },
    "oxlint": {
        ".oxlintrc.json": b'{"ignorePatterns": ["**"], "categories": {"correctness": "off"}}',
        ".eslintignore": b"*\n",
        "tsconfig.json": b'{"exclude": ["**"]}',
        "package.json": b'{"eslintConfig": {"rules": {"use-isnan": "off"}}}',
    },
    "betterleaks": {
        ".gitleaks.toml": b"[allowlist]\npaths = ['.*']\n",
        ".betterleaks.toml": b"[allowlist]\npaths = ['.*']\n",
        ".gitleaksignore": b"settings.py:github-pat:1\n",
        ".betterleaksignore": b"settings.py:github-pat:1\n",
    },
    "zizmor": {
        "zizmor.yml": b"rules:\n  template-injection:\n    disable: true\n",
        ".github/zizmor.yml": b"rules:\n  template-injection:\n    disable: true\n",
    },
    "syntax": {
        "yaml.py": b"open('CANARY', 'w')\nraise SystemExit(0)\n",
        ".yamllint": b"ignore: '*'",
    },
    "shellcheck": {".shellcheckrc": b"disable=all\n"},
    "hadolint": {
        ".hadolint.yaml": b"ignored: [DL3011, DL4003]\n",
        ".config/hadolint.yaml": b"ignored: [DL3011, DL4003]\n",
    },
    "pyrefly": {
        "pyproject.toml": b"[tool.pyrefly]\nproject-excludes = ['**']\n"
        b"python-interpreter-path = './evil'\n",
        "pyrefly.toml": b"python-interpreter-path = './evil'\nproject-excludes = ['**']\n",
        "evil": b"#!/bin/sh\ntouch CANARY\n",
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_the_trees_own_configuration_hides_nothing_and_runs_nothing(
    name: str, analyzers: dict[str, ProgramAnalyzer], tmp_path: Path
) -> None:
    analyzer = analyzers[name]
    paths = copy_sample(SAMPLES / name, tmp_path)
    paths += write(tmp_path, HOSTILE[name] | {".gitignore": b"*\n", ".ignore": b"*\n"})
    for file in tmp_path.rglob("evil"):
        file.chmod(0o755)
    analyzer_run = analyzer.analyze(tmp_path, select_handled(analyzer, paths))
    expected = (SAMPLES / name / "expected.txt").read_text().splitlines()
    assert sorted(format_finding(finding) for finding in analyzer_run.findings) == expected
    assert not list(tmp_path.rglob("CANARY"))


def make_misbehaving(kind: type[ProgramAnalyzer], script: str, folder: Path) -> ProgramAnalyzer:
    program = folder / kind.program
    # A line that names an interpreter ends at the first space: its path may have one.
    command = shlex.join([sys.executable, "-c", script])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)
    limits = ProcessLimits(seconds=0.5, output=1_000_000)
    if issubclass(kind, ChildAnalyzer):
        launch = property(lambda _: (str(program),))
        misbehaving: ProgramAnalyzer = type("Misbehaving", (kind,), {"launch": launch})(limits)
        return misbehaving
    return kind(program, limits)


@pytest.mark.parametrize("kind", ANALYZERS, ids=NAMES)
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("raise SystemExit(9)", "crashed"),
        ("print('nonsense')", "garbled_output"),
        ("print('[{}]')", "garbled_output"),
        ("print('x' * 3_000_000)", "too_much_output"),
        ("import time; time.sleep(60)", "timed_out"),
    ],
)
def test_a_program_that_misbehaves_is_named_and_harms_nothing(
    kind: type[ProgramAnalyzer], script: str, reason: str, tmp_path: Path
) -> None:
    folder, tools = tmp_path / "tree", tmp_path / "tools"
    tools.mkdir()
    paths = copy_sample(SAMPLES / kind.name, folder)
    analyzer = make_misbehaving(kind, script, tools)
    (path, *_) = select_handled(analyzer, paths)
    analyzer_run = analyzer.analyze(folder, [path])
    assert not analyzer_run.completed
    assert not analyzer_run.findings
    assert [(file.path, file.reason) for file in analyzer_run.skipped] == [
        (path, f"{kind.name}_{reason}")
    ]


def test_one_file_that_crashes_a_tool_harms_only_itself(tmp_path: Path) -> None:
    script = """
import json, os, sys
names = [one for one in sys.argv if one.endswith(".py")]
if "./bad.py" in names: os.abort()
where = {"row": 1, "column": 1}
print(json.dumps([{"code": "F632", "filename": os.path.abspath(name), "message": "m", "url": None,
                   "location": where, "end_location": where, "fix": None} for name in names]))
"""
    (tmp_path / "tools").mkdir()
    kind = next(candidate for candidate in ANALYZERS if candidate.name == "ruff")
    files = {f"f{number}.py": b"" for number in range(20)} | {"bad.py": b""}
    paths = write(tmp_path / "tree", files)
    analyzer = make_misbehaving(kind, script, tmp_path / "tools")
    analyzer._limits = ProcessLimits(seconds=30)
    analyzer_run = analyzer.analyze(tmp_path / "tree", paths)
    assert {finding.path for finding in analyzer_run.findings} == set(paths) - {"bad.py"}
    assert [(file.path, file.reason) for file in analyzer_run.skipped] == [
        ("bad.py", "ruff_crashed")
    ]
    assert not analyzer_run.completed


def test_many_files_that_break_a_run_hide_nothing_of_the_others(
    analyzers: dict[str, ProgramAnalyzer], tmp_path: Path
) -> None:
    """Zizmor passes over what is no workflow, and ends at once on a `uses` without a name."""
    flows = {
        "good": b"on: push\njobs: {a: {runs-on: x, steps: [{run: 'echo ${{ github.head_ref }}'}]}}\n",
        "odd": b"on: [push]\njobs: 3\n",
        "fatal": b"on: push\njobs: {a: {runs-on: x, steps: [{uses: a/b/c}]}}\n",
    }
    paths = write(
        tmp_path,
        {
            f".github/workflows/{kind}{number}.yml": content
            for kind, content in flows.items()
            for number in range(60)
        },
    )
    analyzer_run = analyzers["zizmor"].analyze(tmp_path, paths)
    good = {path for path in paths if "good" in path}
    assert {
        finding.path for finding in analyzer_run.findings if finding.rule_id == "template-injection"
    } == good
    assert {file.path for file in analyzer_run.skipped} == set(paths) - good
    assert {file.reason for file in analyzer_run.skipped} == {"zizmor_unreadable_input"}
    assert analyzer_run.completed


def test_what_only_typescript_allows_is_a_syntax_error_of_a_javascript_file(
    analyzers: dict[str, ProgramAnalyzer], tmp_path: Path
) -> None:
    paths = write(tmp_path, {"a.js": b"class A {\n  const b = 1;\n}\n"})
    analyzer_run = analyzers["oxlint"].analyze(tmp_path, paths)
    assert [(finding.rule_id, finding.span.start_line) for finding in analyzer_run.findings] == [
        ("invalid-syntax", 2)
    ]
    assert not analyzer_run.skipped


def test_missing_programs_are_named_all_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match="ruff, oxlint, betterleaks, zizmor"):
        local_analyzers()
    assert missing_analyzers() == ["shellcheck", "hadolint"]
    assert missing_analyzers(Settings(whole_program=True)) == ["shellcheck", "hadolint", "pyrefly"]


def test_a_folder_of_programs_is_used_and_optional_ones_may_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, analyzers: dict[str, ProgramAnalyzer]
) -> None:
    for name in ("ruff", "oxlint", "betterleaks", "zizmor"):
        (tmp_path / name).symlink_to(analyzers[name]._program)
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "none"))
    monkeypatch.setenv("PATH", "/nonexistent")
    available = local_analyzers(Settings(analyzers_bin=str(tmp_path)))
    assert [analyzer.name for analyzer in available] == [
        "ruff",
        "kova",
        "oxlint",
        "betterleaks",
        "zizmor",
        "syntax",
    ]


@pytest.mark.parametrize("name", NAMES)
def test_identity_names_version_and_changes_with_the_rules(
    name: str, analyzers: dict[str, ProgramAnalyzer], monkeypatch: pytest.MonkeyPatch
) -> None:
    kind = type(analyzers[name])
    program = Path(analyzers[name]._program)

    def make() -> ProgramAnalyzer:
        return kind() if issubclass(kind, ChildAnalyzer) else kind(program)

    first = make().identity
    assert any(letter.isdigit() for letter in first)
    assert make().identity == first
    rule = next(iter(kind.catalogue))
    monkeypatch.setitem(
        kind.catalogue._rules, rule, Rule(**{**kind.catalogue[rule].__dict__, "reason": "other"})
    )
    assert make().identity != first


def test_an_analyser_sees_no_secret_of_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KOVA_GITHUB_TOKEN", "ghp_secret")
    command = [sys.executable, "-c", "import os; print(dict(os.environ))"]
    result = run(command, folder=tmp_path, limits=ProcessLimits())
    assert b"ghp_secret" not in result.output


@pytest.mark.parametrize(
    "script",
    [
        "x = bytearray(800 * 1024**2)\nimport time\ntime.sleep(60)",
        "import mmap\nx = mmap.mmap(-1, 5 * 1024**3)",
    ],
    ids=["resident", "addresses"],
)
def test_memory_is_bounded(tmp_path: Path, script: str) -> None:
    limits = ProcessLimits(memory=256 * 1024**2, seconds=20)
    result = run([sys.executable, "-c", script], folder=tmp_path, limits=limits)
    assert result.status != 0
    assert result.reason in {None, "too_much_memory"}


def test_programs_share_a_memory_and_the_largest_has_to_end(tmp_path: Path) -> None:
    def hold(megabytes: int, limits: ProcessLimits) -> str | None:
        script = f"import time\nx = bytearray({megabytes} * 1024**2)\ntime.sleep(3)"
        return run([sys.executable, "-c", script], folder=tmp_path, limits=limits).reason

    shared = ProcessLimits(seconds=20)
    own = ProcessLimits(seconds=20, memory=1024**3, shares_memory=False)
    programs = [(150, shared), (55, shared), (30, shared), (30, shared), (300, own)]
    with ThreadPoolExecutor(len(programs)) as pool:
        reasons = list(pool.map(lambda program: hold(*program), programs))
    assert reasons == ["too_much_memory", None, None, None, None]


def test_no_process_outlives_its_run(tmp_path: Path) -> None:
    script = "import os, time\nchild = os.fork()\nprint(child) if child else time.sleep(60)"
    result = run([sys.executable, "-c", script], folder=tmp_path, limits=ProcessLimits(seconds=5))
    stat = Path("/proc", result.output.decode().strip(), "stat")

    def is_dead() -> bool:
        return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"

    eventually(is_dead, 5)  # The kernel takes a moment to carry a kill out.


def test_every_rule_is_one_that_its_tool_has(analyzers: dict[str, ProgramAnalyzer]) -> None:
    def output(name: str, *arguments: str) -> str:
        return subprocess.run(
            [analyzers[name]._program, *arguments], capture_output=True, text=True, check=True
        ).stdout

    have = {
        "ruff": {
            rule["code"]
            for rule in json.loads(output("ruff", "rule", "--all", "--output-format", "json"))
        },
        "oxlint": {
            f"{rule['scope']}/{rule['value']}"
            for rule in json.loads(output("oxlint", "--rules", "--format", "json"))
        },
        "betterleaks": set(output("betterleaks", "config", "show", "ids").split()),
    }
    ours = {"ruff": {"invalid-syntax"}, "oxlint": {"invalid-syntax"}, "betterleaks": {"secret"}}
    for name, rules in have.items():
        assert set(analyzers[name].catalogue) - ours[name] <= rules, name
    for name, form in {"zizmor": "audits/#{}", "pyrefly": "{}"}.items():
        inside = Path(analyzers[name]._program).read_bytes()
        for rule in set(analyzers[name].catalogue) - {"invalid-workflow"}:
            assert form.format(rule).encode() in inside, rule
