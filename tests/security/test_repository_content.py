"""What stands in a repository was written by strangers: names, settings, encodings, links, comments.

Whatever it is: the rest is analysed, it is said what was not read, and what is posted stays text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from kova.analysis.analysis import Analysis
from kova.analysis.finding import ProposedEdit, Span, TextEdit
from kova.analysis.kova_toml import parse_settings
from kova.analysis.ports import AnalyzerRun
from kova.analysis.run_analyzers import AnalyzeTree
from kova.analysis.source_text import SourceText
from kova.analysis.suppression import mark_suppressed
from kova.bootstrap.analyzers import local_analyzers
from kova.fixes import proof
from kova.fixes.patch import apply_patch
from kova_fakes.github import serve_github
from kova_fakes.github.objects import LINK, Entry
from tests.analyzers.conftest import make_token, write
from tests.commands.test_quiet_text import UNQUIET
from tests.fixes.test_publish_fix import only_fix, publish_of
from tests.scans.conftest import NAME as REPOSITORY
from tests.scans.conftest import Desk
from tests.support.analyzer import MarkAnalyzer
from tests.support.findings import finding
from tests.support.stores import NAME
from tests.support.workshop import Workshop

BAD = "def f():\n    BAD(x)\n"
MARKDOWN = MarkdownIt("commonmark").enable("table")


def check_text(markdown: str) -> None:
    """Raise AssertionError where a text does more than be read."""
    tokens = MARKDOWN.parse(markdown)
    parts = [part for token in tokens for part in (token, *(token.children or []))]
    assert not {part.type for part in parts} & {"html_block", "html_inline", "image", "link_open"}
    # GitHub looks for names and issues in text alone, not in code.
    plain = "\n".join(part.content for part in parts if part.type == "text")
    assert not any(pattern.search(plain) for pattern in UNQUIET), plain


NAMES = {
    "ends-its-span-of-code": "a`b`.py",
    "a-picture": "![x](https:evil.example).py",
    "a-tag": "<img src=x onerror=alert(1)>.py",
    "a-hidden-comment": "<!-- .py",
    "a-column-of-the-table": "a | b || c.py",
    "mentions": "@octocat.py",
    "closes-an-issue": "fixes #7 closes GH-8.py",
    "turns-the-text-around": "a\u202eyp.exe.py",
    "hides-letters": "a\u200b\u2060b.py",
    "looks-like-another": "\u0430.py",
    "an-option": "--fix.py",
    "a-format": "%s{0}{x!r}$(id).py",
    "a-pattern": "[ab]*?.py",
    "a-link": "[x](javascript:alert(1)).py",
    "a-heading": "# x.py",
    "255-bytes": "n" * 252 + ".py",
}


@pytest.mark.parametrize("name", NAMES)
async def test_a_name_of_a_file_is_text_wherever_it_is_posted(
    workshop: Workshop, name: str
) -> None:
    path = NAMES[name]
    workshop.push_files({path: BAD, f"skipped/{path}": BAD})
    workshop.tool.safe = False
    workshop.tool.skips = {f"skipped/{path}": "not_utf8"}
    await workshop.scan()
    (run,) = workshop.publisher.check_runs.values()
    assert [annotation.path for annotation in run.annotations] == [path]
    check_text(run.summary)
    check_text(run.title)
    await publish_of(workshop).publish((await only_fix(workshop)).id)
    (pull,) = workshop.publisher.pull_requests.values()
    assert set(pull.files) == {path}
    check_text(pull.body)
    for text in (pull.title, pull.message):
        assert "\n" not in text
        assert not any(pattern.search(text) for pattern in UNQUIET), text


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param('"`@octocat <img src=x>`" = 1\n', id="a-key-of-markup"),
        pytest.param('"fixes #7 | x" = 1\n', id="a-key-that-closes-an-issue"),
        pytest.param('languages = ["![x](https://evil.example)"]\n', id="a-value-that-is-repeated"),
        pytest.param("[[[@octocat", id="an-error-of-the-parser"),
        pytest.param("\ufeff\u202e = 1", id="signs-that-nobody-sees"),
        pytest.param('exclude = ["a.py"]\nexclude = []\n', id="a-key-twice"),
        pytest.param("analyzers = 99999999999999999999999\n", id="a-number-for-a-list"),
        pytest.param("[rules]\noff = [" + '"*",' * 51 + "]\n", id="more-patterns-than-are-taken"),
        pytest.param('auto_fix = "pull_request"\n[section]\npaths=["**"]\n', id="half-a-section"),
        pytest.param("fail_on = 1979-05-27T07:32:00Z\n", id="a-moment-for-a-severity"),
    ],
)
async def test_settings_that_are_wrong_turn_nothing_off_and_are_shown_as_text(
    workshop: Workshop, settings: str
) -> None:
    workshop.push_files({"a.py": BAD, ".kova.toml": settings})
    scan = await workshop.scan(fix=False)
    (run,) = workshop.publisher.check_runs.values()
    assert scan.stats.errors == 1
    assert "is not valid" in run.summary
    check_text(run.summary)
    assert parse_settings(settings.encode()).problems


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(BAD.encode("utf-16"), id="utf-16"),
        pytest.param(BAD.encode("utf-32-be"), id="utf-32"),
        pytest.param(BAD.encode() + b"# \xed\xa0\x80\n", id="surrogate-as-utf-8"),
        pytest.param(BAD.encode() + b"# \xc0\xaf\n", id="slash-that-is-too-long"),
        pytest.param(BAD.encode() + b"# \xf0\x9f\x98", id="character-that-is-cut"),
        pytest.param(b"# coding: latin-1\n# \xe9\n" + BAD.encode(), id="latin-1-that-says-so"),
        pytest.param(BAD.encode() + b"#\0", id="nul-at-the-end"),
        pytest.param(BAD.encode() + b"# \xf4\x90\x80\x80", id="beyond-unicode"),
    ],
)
async def test_a_file_in_another_encoding_is_said_and_its_neighbours_are_read(
    workshop: Workshop, content: bytes
) -> None:
    workshop.source.push(NAME, {"odd.py": content, "good.py": BAD.encode()})
    scan = await workshop.scan(fix=False)
    assert [(skip.path, skip.reason) for skip in scan.skipped] == [("odd.py", "not_utf8")]
    assert scan.stats.errors == 1


@pytest.mark.parametrize(
    "comment",
    [
        pytest.param("# kova: ignore[R2", id="a-bracket-that-does-not-close"),
        pytest.param("# kova: ignore[]", id="no-rule"),
        pytest.param("# kova: ignore[*]", id="a-pattern"),
        pytest.param("# kova: ignore[R]", id="the-beginning-of-a-rule"),
        pytest.param("# KOVA: IGNORE", id="capitals"),
        pytest.param("# kova\u200b: ignore", id="what-nobody-sees"),
        pytest.param("# kova: ignored", id="another-word"),
        pytest.param("#: ignore", id="without-a-name"),
        pytest.param("# oxlint-disable", id="of-another-tool"),
        pytest.param("# gitleaks:allow", id="for-secrets-alone"),
    ],
)
def test_a_comment_silences_no_more_than_it_names(comment: str) -> None:
    reported = replace(
        finding(path="a.py", rule_id="R1"),
        span=Span(start_line=2, start_column=5, end_line=2, end_column=11),
    )
    (marked,) = mark_suppressed([reported], ["def f():", f"    BAD(x)  {comment}"])
    assert marked.suppressed is None


TEXTS = {
    "carriage-returns-alone": "a\rBAD(x)\rb\r",
    "mixed-line-ends": "a\r\nBAD(x)\nb\rc\n",
    "ends-of-lines-of-unicode": "a\u2028BAD(x)\u2029b\u0085c\n",
    "form-feeds": "\x0cBAD(x)\x0b\n\x1c\n",
    "lines-like-a-patch": "@@ -1 +1 @@\n--- a/x\n+++ b/x\nBAD(x)\n-y\n+z\n \n",
    "no-newline-as-a-line": "\\ No newline at end of file\nBAD(x)\n\\ No newline at end of file\n",
    "no-newline-at-the-end": "a\nBAD(x)",
    "nothing-but-ends-before": "\n\n\n\n\nBAD(x)",
    "a-git-header": "diff --git a/.github/x b/.github/x\nnew file mode 100644\nBAD(x)\n",
    "byte-order-mark-inside": "a\ufeff\nBAD(x)\n",
    "tabs-and-spaces-at-the-end": "a \t \nBAD(x)\t \n \n",
    "characters-of-two-units": "\U0001f600 = 1\nBAD('\U0001f600')\n",
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_patch_makes_of_a_text_just_what_was_proved(name: str) -> None:
    before = TEXTS[name]
    after = before.replace("BAD", "")
    patch = proof.unified_diff("src/a.py", before, after)
    assert apply_patch(before, patch) == after
    assert re.findall(r"(?m)^(?:---|\+\+\+) [ab]/.*", patch)[:2] == [
        "--- a/src/a.py",
        "+++ b/src/a.py",
    ]


def edit(content: str, line: int = 2, columns: tuple[int, int] = (5, 8)) -> TextEdit:
    start, end = columns
    span = Span(start_line=line, start_column=start, end_line=line, end_column=end)
    return TextEdit(span=span, content=content)


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param([edit("\u202ex")], id="text-that-is-turned-around"),
        pytest.param([edit("x\u200b")], id="a-letter-that-nobody-sees"),
        pytest.param([edit("x\U000e0041")], id="a-tag-that-nobody-sees"),
        pytest.param([edit("\u3164")], id="a-name-that-nobody-sees"),
        pytest.param([edit("x\x08\x1b[2K")], id="what-a-terminal-obeys"),
        pytest.param([edit("x\ud800")], id="a-surrogate"),
        pytest.param([edit("x"), edit("y")], id="two-edits-of-one-place"),
        pytest.param([edit("x", columns=(8, 5))], id="an-end-before-the-beginning"),
        pytest.param([edit("x", line=9)], id="a-line-that-is-not-there"),
        pytest.param([edit("x", columns=(5, 10**9))], id="a-column-that-is-not-there"),
        pytest.param([edit("x", line=0)], id="line-0"),
        pytest.param([edit("import os\nos.x", line=90)], id="code-far-away"),
    ],
)
def test_an_edit_that_carries_more_than_it_shows_does_not_apply(edits: Sequence[TextEdit]) -> None:
    source = SourceText(text=BAD + "\n" * 3, bom=False)
    proposal = ProposedEdit(edits=tuple(edits), safe=True, description="Mend it.")
    mended = replace(
        finding(path="a.py"),
        span=Span(start_line=2, start_column=5, end_line=2, end_column=8),
        edit=proposal,
    )
    after, reason = proof.check_applies(source, mended)
    assert (after, reason.endswith(".")) == (None, True)


def test_hidden_characters_that_were_there_may_stay_in_an_edit() -> None:
    source = SourceText(text="def f():\n    BAD('\u200b')\n", bom=False)
    proposal = ProposedEdit(
        edits=(edit("G('\u200b')", columns=(5, 13)),), safe=True, description="Mend it."
    )
    after, _ = proof.check_applies(source, replace(finding(path="a.py"), edit=proposal))
    assert after is not None


class Stray(MarkAnalyzer):
    """A tool that was brought to speak of a file that it was not given."""

    stray = ""

    def analyze(self, folder: Path, paths: Sequence[str]) -> AnalyzerRun:
        run = super().analyze(folder, paths)
        stray = replace(run.findings[0], path=self.stray, snippet="")
        return replace(run, findings=(*run.findings, stray))


@pytest.mark.parametrize("place", ["above", "absolute", "in-the-folder"])
def test_a_tool_that_speaks_of_another_file_makes_nobody_read_it(
    tmp_path: Path, place: str
) -> None:
    (tmp_path / "secret.txt").write_text("first\nhunter2\n")
    folder = tmp_path / "tree"
    paths = write(folder, {"a.py": BAD.encode(), "b.txt": b"first\nhunter2\n"})
    tool = Stray()
    tool.stray = {
        "above": "../secret.txt", "absolute": f"{tmp_path}/secret.txt", "in-the-folder": "b.txt",
    }[place]  # fmt: skip
    analysis = AnalyzeTree([tool]).analyze(folder, paths)
    assert [error.path for error in analysis.findings] == ["a.py"]
    assert "hunter2" not in repr(analysis)
    assert analysis.incomplete == {"tool"}


@pytest.fixture
def desk(database_url: str) -> Iterator[Desk]:
    with serve_github() as github:
        opened = Desk(github, database_url)
        opened.analyzers = [MarkAnalyzer()]
        yield opened
        opened.close()


@pytest.mark.parametrize(
    ("path", "mode", "content", "reason"),
    [
        pytest.param(".kova.toml", LINK, b"other.toml", None, id="settings-by-a-link"),
        pytest.param("l.py", LINK, b"../../../../etc/passwd", "symlink", id="link-that-climbs"),
        pytest.param("l.py", LINK, b"l.py", "symlink", id="link-to-itself"),
        pytest.param("l.py", LINK, b"/proc/self/environ", "symlink", id="link-to-the-worker"),
        pytest.param("d/l.py", LINK, b"..", "symlink", id="link-to-a-folder-above"),
        pytest.param(".git/hooks/a.py", "100755", BAD.encode(), "unsafe_path", id="hook-of-git"),
        pytest.param("GIT~1/a.py", "100644", BAD.encode(), "unsafe_path", id="git-by-short-name"),
        pytest.param("a\\..\\b.py", "100644", BAD.encode(), "unsafe_path", id="windows-climbs"),
    ],
)
def test_an_entry_that_is_no_file_of_the_tree_is_said_and_followed_nowhere(
    desk: Desk, path: str, mode: Any, content: bytes, reason: str | None
) -> None:
    desk.push({"good.py": BAD.encode(), "other.toml": b'exclude = ["**"]\n'})
    git = desk.github.state.repository(REPOSITORY).git
    head = git.refs["heads/main"]
    files = dict(git.files(git.commits[head].tree))
    files[path] = Entry(mode=mode, sha=git.add_blob(content))
    git.refs["heads/main"] = git.commit(git.add_files(files), [head], "Link").sha
    scan = desk.scan(fix=False)
    assert [skip.reason for skip in scan.skipped] == ([] if reason is None else [reason])
    assert scan.stats.errors == 1
    assert list(desk.errors()) == [("good.py", 2, "R1")]


FILES = {
    "utf-7": b"# coding: utf-7\nx = 1\n# +AAo-eval(input())\n",
    "--config=ruff.toml.py": b"",
    "@arguments.py": b"",
    "$(touch CANARY).py": b"",
    "*.py": b"",
    "~.py": b"",
    "a\nb.py": b"",
    "%00.py": b"",
    "\u202eyp.py": b"",
    "nul.PY.py": b"",
    ".py.py": b"",
    " .py": b"",
}
TOKENS = {
    "byte-order-mark.env": "\ufeffTOKEN={token}\n",
    "carriage-returns.txt": "a\rTOKEN={token}\rb\r",
    "long-line.json": '{{"a": "' + "x" * 200_000 + '", "token": "{token}"}}',
    "notebook.ipynb": '{{"cells": [{{"source": ["t = \\"{token}\\""]}}]}}',
    ".npmrc": "//registry.npmjs.org/:_authToken={token}\n",
    ".github/workflows/a.yml": "on: push\nenv:\n  T: {token}\njobs: {{}}\n",
    "allowed.py": "T = '{token}'  # gitleaks:allow\n",
    "README": "Use {token} to sign in.\n",
}


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> tuple[Analysis, Path, str]:
    """Odd names and secrets in odd places, read at once by all analysers."""
    folder, token = tmp_path_factory.mktemp("tree"), make_token()
    odd = {name: content or b"def f(x):\n    return x is 'a'\n" for name, content in FILES.items()}
    odd["utf-7.py"] = odd.pop("utf-7")
    secret = {name: text.format(token=token).encode() for name, text in TOKENS.items()}
    paths = write(folder, odd | secret | {".gitignore": b"*\n", "ruff.toml": b"exclude=['*']\n"})
    return AnalyzeTree(local_analyzers()).analyze(folder, paths), folder, token


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(".py")])
def test_a_name_is_no_option_no_pattern_and_no_command(
    analysis: tuple[Analysis, Path, str], name: str
) -> None:
    result, folder, _ = analysis
    flagged = {error.path for error in result.findings if error.rule_id == "F632"}
    skipped = {skip.path for skip in result.skipped}
    assert name in flagged | skipped
    assert (name in flagged) or "\n" in name
    assert not list(folder.rglob("CANARY"))


@pytest.mark.parametrize("name", TOKENS)
def test_a_secret_in_an_odd_place_is_reported_and_never_repeated(
    analysis: tuple[Analysis, Path, str], name: str
) -> None:
    result, _, token = analysis
    reported = [error for error in (*result.findings, *result.suppressed) if error.path == name]
    secrets = [error for error in reported if error.analyzer == "betterleaks"]
    assert secrets or name in {skip.path for skip in result.skipped}
    assert token not in repr(reported)
