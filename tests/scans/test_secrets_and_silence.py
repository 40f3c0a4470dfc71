"""No secret leaves the scan in the clear; what comments silence is listed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kova.analysis.finding import Finding
from kova.analysis.fingerprint import former_traits
from kova.analysis.run_analyzers import AnalyzeTree
from kova.analysis.secrets import derive_key
from kova.analysis.source_text import decode
from kova.bootstrap.analyzers import local_analyzers
from kova.bootstrap.settings import Settings
from tests.analyzers.conftest import make_token, write
from tests.support.kova_process import run_command

TOKEN = make_token()
PRIVATE_KEY = [("BEGIN", "\n".join(make_token()[4:] * 2 for _ in range(12)) + "\n"), ("END", "")]
FILES = {
    "a.py": f'def f(x, é="é"):\n    return x is "{TOKEN}", "{TOKEN}", open("{TOKEN}".format(1))\n'.encode(),
    "b.py": f'TOKEN = "{TOKEN}"  # gitleaks:allow\n'.encode(),
    "c.js": f'export const f = (x) => x === NaN && "{TOKEN}";\n'.encode(),
    "d.json": f'{{"k": "{TOKEN}", "k": "{TOKEN}" x}}\n'.encode(),
}


@pytest.fixture(scope="module")
def analyze() -> AnalyzeTree:
    return AnalyzeTree(local_analyzers())


def test_no_finding_of_any_analyser_repeats_a_secret(analyze: AnalyzeTree, tmp_path: Path) -> None:
    analysis = analyze.analyze(tmp_path, write(tmp_path, FILES))
    findings = (*analysis.findings, *analysis.suppressed)
    assert {finding.analyzer for finding in findings} >= {"ruff", "oxlint", "betterleaks", "syntax"}
    assert TOKEN not in repr(findings)
    assert TOKEN[6:] not in repr(findings)
    assert all(
        "***" in finding.snippet for finding in findings if finding.analyzer == "betterleaks"
    )


def test_no_identity_depends_on_a_secret_in_the_line_or_beside_it(
    analyze: AnalyzeTree, tmp_path: Path
) -> None:
    """Whoever reads an unkeyed hash of a line with a secret could try secrets."""

    def identities(token: str) -> set[tuple[str, object]]:
        text = f'def f(x):\n    k = "{token}"\n    return x is "a" or g("{token}", x is "b")\n'
        analysis = analyze.analyze(tmp_path, write(tmp_path, {"a.py": text.encode()}))
        assert {finding.analyzer for finding in analysis.findings} >= {"ruff", "betterleaks"}
        return {
            (finding.fingerprint, finding.traits)
            for finding in analysis.findings
            if finding.match is None
        }

    assert identities(TOKEN) == identities(make_token())


def test_nor_does_the_command_in_any_format(tmp_path: Path) -> None:
    write(tmp_path, FILES)
    for form in ("table", "json", "sarif"):
        process = run_command("scan", tmp_path, "--fix", "--format", form)
        assert process.returncode == 1
        assert TOKEN not in process.stdout + process.stderr
        assert "Traceback" not in process.stderr


def test_the_same_secret_is_known_again_and_only_with_the_key(tmp_path: Path) -> None:
    paths = write(tmp_path, {"a.txt": TOKEN.encode(), "b/c.txt": f"x\n {TOKEN}".encode()})

    def matches(settings: Settings) -> set[str | None]:
        analysis = AnalyzeTree(local_analyzers(settings)).analyze(tmp_path, paths)
        return {finding.match for finding in analysis.findings if finding.analyzer == "betterleaks"}

    first = matches(Settings(secrets_key="one"))
    assert len(first) == 1
    assert matches(Settings(secrets_key="one")) == first
    assert matches(Settings(secrets_key="two")) != first
    # Never derived from the webhook secret.
    assert matches(Settings(github_webhook_secrets=("one",))) == matches(Settings()) != first
    assert derive_key(None) != derive_key("x")


def test_what_a_secret_was_under_the_keys_of_before_is_what_the_tool_said_then(
    tmp_path: Path,
) -> None:
    """Of part of a line, of several lines, and of text that is not ASCII."""
    key = "".join(f"-----{word} RSA PRIVATE KEY-----\n{body}" for word, body in PRIVATE_KEY)
    text = f'{TOKEN}\n"é" postgres://user:Zx9kQ2mV7pLr@db.example.org/x\npassword = "hunté9kQ2mV7pLr"\n'
    paths = write(tmp_path, {"a.py": text.encode(), "b.pem": key.encode()})

    def secrets(settings: Settings) -> list[Finding]:
        analysis = AnalyzeTree(local_analyzers(settings)).analyze(tmp_path, paths)
        return [finding for finding in analysis.findings if finding.analyzer == "betterleaks"]

    before = secrets(Settings(secrets_key="old"))
    assert len(before) >= 3
    after = secrets(Settings(secrets_key="new", github_webhook_secrets=("older", "old")))
    assert [finding.match for finding in before] == [finding.former_matches[1] for finding in after]
    assert [finding.traits for finding in before] == [
        list(former_traits(finding))[1] for finding in after
    ]


def test_what_is_silenced_is_listed_and_no_error(analyze: AnalyzeTree, tmp_path: Path) -> None:
    files = {"a.py": b"def f(x):\n    return x is 'a'  # noqa: F632\n", "b.py": FILES["b.py"]}
    analysis = analyze.analyze(tmp_path, write(tmp_path, files))
    assert not analysis.findings
    assert {(finding.rule_id, finding.suppressed) for finding in analysis.suppressed} == {
        ("F632", "noqa"),
        ("github-pat", "gitleaks:allow"),
    }
    (tmp_path / "c").mkdir()
    shown = run_command("scan", tmp_path, "--format", "json")
    assert shown.returncode == 0
    document = json.loads(shown.stdout)
    assert {finding["suppressed"] for finding in document["suppressed"]} == {
        "noqa",
        "gitleaks:allow",
    }
    assert document["stats"]["suppressed"] == 2


def test_in_a_proof_silence_is_not_a_cure(analyze: AnalyzeTree) -> None:
    source = decode(b"def f(x):\n    return x is 'a'  # noqa\n")
    assert source is not None
    (run,) = analyze.analyze_texts([("a.py", source)])
    assert [finding.rule_id for finding in run.findings] == ["F632"]
