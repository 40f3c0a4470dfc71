"""Paths over what GitHub, chats, models and other tools send, and over what is shown of it."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from kova.adapters.github.archive import Unpacker
from kova.adapters.github.paths import unsafe_reason
from kova.adapters.google_chat.cards import encode_message
from kova.adapters.slack.blocks import render_blocks
from kova.analysis.repository_settings import KovaTomlSettings
from kova.commands.chat import parse_verb
from kova.commands.citations import check_citations
from kova.commands.comment import parse_comment
from kova.commands.review import check_findings
from kova.errors.error import FindingStatus
from kova.errors.ignoring import parse_ignore
from kova.fixes.fix import FileFixes, FixStatus, ProvedFix, Step, Strategy, Verification
from kova.fixes.pull_request_text import pull_request_body
from kova.intake.delivery import parse_delivery
from kova.intake.slack_request import read_slack_request
from kova.models.markup import escape_markup
from kova.models.model_answer import AnswerText, Claim, UnusableAnswerError, read_answer
from kova.models.prompt import Material, fence_materials, fit_materials
from kova.models.redaction import redact
from kova.models.safe_stream import SafeStream
from kova.notifications.compose_post import excerpt_of
from kova.notifications.post import ChatPost, PostRow
from kova.reports.csv_text import write_csv
from kova.reports.table import Table, cell
from kova.scans import report
from kova.scans.coverage import coverage_of
from kova.scans.pull_request_changes import find_changes
from kova.scans.sarif import to_sarif
from kova.scans.sarif_import import parse_sarif
from kova.shared.code_source import Comparison, Tree, TreeFile
from kova.shared.json_text import parse_json
from kova.shared.markdown import code
from kova.shared.quiet_text import quiet
from kova.shared.text import reveal, visible
from kova.web.dashboard.code import answer_blocks, patch_rows
from kova.web.dashboard.filters import breakable, inline_code
from kova_server.local.ignore import IgnoreRules, compile_globs
from tests.security.growth_paths import GrowthPath, identified, span, stack
from tests.support.findings import analysis_of, finding

Make = Callable[[int, Path], Any]
_PROOF: Final = (Verification(step=Step.APPLIES, passed=True, detail="d"),)


def _text(piece: str, begin: str = "", end: str = "") -> Make:
    return lambda number, _: begin + piece * number + end


def _content(piece: bytes, begin: bytes = b"", end: bytes = b"") -> Make:
    return lambda number, _: begin + piece * number + end


def _read_answer(text: str) -> object:
    try:
        return read_answer(text, review=False)
    except UnusableAnswerError as exc:
        return exc


def _stream(pieces: Sequence[str]) -> object:
    stream = SafeStream(())
    return [*map(stream.feed, pieces), stream.end()]


def _extract(pieces: Sequence[str]) -> object:
    text = AnswerText()
    return [text.feed(piece) for piece in pieces]


def _quotes(number: int, _: Path) -> Any:
    quote = "x\n" * min(number, 100) + "y"
    claim = Claim(path="a.py", start_line=1, end_line=2, quote=quote)
    return [claim], [Material(kind="file", name="a.py", lines=("x",) * number)]


def _long_quote(number: int, _: Path) -> Any:
    claim = Claim(path="a.py", start_line=1, end_line=2, quote="x\n" * number + "y")
    return [claim], [Material(kind="file", name="a.py", lines=("x",) * (2 * number))]


def _claims(number: int, _: Path) -> Any:
    claim = Claim(path="a.py", start_line=1, end_line=2, quote="y")
    return [claim] * 50, [Material(kind="file", name="a.py", lines=("x",) * number)]


def _reported(number: int, _: Path) -> Any:
    claim = Claim(path="a.py", start_line=1, end_line=1, quote="x", severity="low", message="m")
    changed = frozenset(range(1, number + 1))
    shown = Material(kind="change", name="a.py", lines=("x",) * number, changed=changed)
    return [claim] * 50, [shown], [finding(span=span(1, last=1_000 * number))] * number, str


def _materials(number: int, _: Path) -> list[Material]:
    return [Material(kind="file", name='<"' * number, lines=("x" * 600,) * number)]


def _log(results: Callable[[int], list[Any]], **members: Any) -> Make:
    def make(number: int, _: Path) -> bytes:
        rules = [{"id": "r" * 200, "properties": {"tags": ["t" * 200] * 200}}]
        run = {"tool": {"driver": {"name": "t", "rules": rules}}, "results": results(number)}
        return json.dumps({"version": "2.1.0", "runs": [{**run, **members}]}).encode()

    return make


def _result(uri: str, **members: Any) -> dict[str, Any]:
    place = {"physicalLocation": {"artifactLocation": {"uri": uri}}}
    return {"ruleIndex": 0, "message": {"text": "{0}" * 300}, "locations": [place], **members}


def _bases(number: int, _: Path) -> bytes:
    bases = {f"b{index}": {"uri": "a/", "uriBaseId": f"b{index + 1}"} for index in range(number)}
    results = []
    for index in range(number):
        result = _result("a.py")
        location = result["locations"][0]["physicalLocation"]["artifactLocation"]
        location["uriBaseId"] = f"b{index}"
        results.append(result)
    run = {"tool": {"driver": {"name": "t"}}, "originalUriBaseIds": bases, "results": results}
    return json.dumps({"version": "2.1.0", "runs": [run]}).encode()


def _fixes(number: int, _: Path) -> list[ProvedFix]:
    return [
        ProvedFix(
            finding=flagged, strategy=Strategy.DETERMINISTIC, status=FixStatus.VERIFIED, safe=True,
            patch="", verification=_PROOF,
        )
        for flagged in identified(stack(number, message="@a #1 " * 20))
    ]  # fmt: skip


def _scan_report(number: int, _: Path) -> report.ScanReport:
    findings = identified(stack(number))
    analysis = analysis_of({f"{index}.py": "BAD # quiet" for index in range(number)})
    return report.ScanReport(
        analysis=analysis,
        status=FindingStatus(introduced=frozenset(flagged.fingerprint for flagged in findings)),
        fixes=_fixes(number, _),
        settings=KovaTomlSettings(),
        is_branch=True,
    )


def _summarise(scan_report: report.ScanReport) -> object:
    return report.summary(scan_report), coverage_of(scan_report.analysis, scan_report.settings, {})


def _two_trees(number: int, _: Path) -> Any:
    def tree(folder: str) -> Tree:
        files = (TreeFile(path=f"{folder}/{n}", sha="0" * 40, size=1) for n in range(number))
        return Tree(commit_sha="0" * 40, files=tuple(files), skipped=(), complete=True)

    renamed = {f"b/{index}": f"a/{index}" for index in range(number)}
    compared = Comparison(
        merge_base_sha="0" * 40, changed=frozenset(renamed), renamed=renamed, complete=False
    )
    return tree("a"), tree("b"), compared


def _post(number: int, _: Path) -> ChatPost:
    text = "<@U1> www.x " * number
    return ChatPost(title=text, text=text, excerpt=text, rows=(PostRow(text=text, place=text),))


def _show(post: ChatPost) -> object:
    return render_blocks(post), encode_message(post, thread_key="t", card_id="c")


def _table(number: int, _: Path) -> Table:
    rows = tuple((cell('; "=' * 20),) for _ in range(number))
    return Table(title="t", columns=("c",), rows=rows)


def _archive(number: int, folder: Path) -> Any:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w:gz") as archive:
        for index in range(number):
            archive.addfile(tarfile.TarInfo("a/" + "b/" * 90 + str(index)))
    return folder, target.getvalue()


def _unpack(parts: tuple[Path, bytes]) -> object:
    folder, content = parts
    unpacker = Unpacker(
        folder=folder, files={}, total_bytes=10**9, deadline=10**12, stop=threading.Event()
    )
    return unpacker.run(io.BytesIO(content))


def _mention(number: int, _: Path) -> bytes:
    event = {"type": "app_mention", "user": "U", "channel": "C", "ts": "1", "text": "<@U|" * number}
    envelope = {"type": "event_callback", "event_id": "E", "team_id": "T", "event": event}
    return json.dumps(envelope).encode()


def _deliver(body: bytes) -> object:
    kind = "application/json"
    return parse_delivery(delivery_id="1", event="issue_comment", content_type=kind, body=body)


def _comment(number: int, _: Path) -> bytes:
    comment = {"id": 1, "body": " " * 100 + "/kova ask" + " " * number, "user": {"login": "a"}}
    repository = {"id": 1, "full_name": "o/r"}
    payload = {
        "action": "created",
        "comment": comment,
        "issue": {"number": 1},
        "repository": repository,
    }
    return json.dumps(payload).encode()


def _ignore(number: int, folder: Path) -> IgnoreRules:
    (folder / ".gitignore").write_text(("[!a]" * 60 + "\n") * number)
    return IgnoreRules().with_folder(folder, "")[0]


def _many_ignores(number: int, folder: Path) -> Path:
    (folder / ".gitignore").write_text("**/a*a*b\n" * number)
    return folder


ANSWER_PATHS: Final[tuple[GrowthPath, ...]] = (
    GrowthPath(name="redacting almost web tokens", make=_text("eyJaaaaaaaaaa-"), call=redact, timed=300),
    GrowthPath(name="redacting begins of keys", make=_text("-----BEGIN PRIVATE KEY-----\n"), call=redact, steps=200, timed=200),
    GrowthPath(name="redacting addresses", make=_text("a+://a"), call=redact, timed=500),
    GrowthPath(name="redacting assignments", make=_text("password."), call=redact, timed=150),
    GrowthPath(name="redacting lines of keys", make=_text("A", "-----BEGIN PRIVATE KEY-----\n", "!"), call=redact, timed=8_000),
    GrowthPath(name="redacting spaces of keys", make=_text(" ", "-----BEGIN PRIVATE KEY-----\n", "!"), call=redact, timed=4_000),
    GrowthPath(name="markup of ticks", make=_text("`a``"), call=escape_markup, timed=4_000),
    GrowthPath(name="markup of quotations", make=_text(">"), call=escape_markup, timed=20_000),
    GrowthPath(name="markup of links", make=_text("](a"), call=escape_markup, timed=5_000),
    GrowthPath(name="markup of blocks", make=_text("```\n> ```\n"), call=escape_markup, steps=200),
    GrowthPath(name="markup of entities", make=_text("&a<a"), call=escape_markup, timed=2_000),
    GrowthPath(name="a model's blank lines", make=_text("\n", "```json", "x"), call=_read_answer, timed=100_000),
    GrowthPath(name="a model's spaces", make=_text(" ", "```json"), call=_read_answer, timed=100_000),
    GrowthPath(name="a model's citations", make=lambda number, _: json.dumps({"answer": "a", "citations": [{"path": "a", "start_line": 1, "end_line": 1, "quote": "q"}] * number}), call=_read_answer, timed=200),
    GrowthPath(name="a model's blank pieces", make=lambda number, _: [" " * 80] * number, call=_extract, steps=200, timed=2_000),
    GrowthPath(name="a model's escapes", make=lambda number, _: ['{"answer": "' + "\\u0041" * number], call=_extract, steps=300, timed=2_000),
    GrowthPath(name="a model's pieces", make=lambda number, _: ['{"answer": "', *["a\\n"] * number], call=_stream, steps=200),
    GrowthPath(name="a quote of thousands of lines", make=_long_quote, call=lambda parts: check_citations(*parts), steps=300),
    GrowthPath(name="a quote of equal lines", make=_quotes, call=lambda parts: check_citations(*parts), steps=1_200),
    GrowthPath(name="citations of a long file", make=_claims, call=lambda parts: check_citations(*parts), steps=50, timed=20),
    GrowthPath(name="remarks on long findings", make=_reported, call=lambda parts: check_findings(*parts), steps=50),
    GrowthPath(name="fenced material", make=_materials, call=fence_materials, steps=100, timed=800),
    GrowthPath(name="material that fits", make=_materials, call=lambda materials: fit_materials(materials, 10**9), steps=100),
    GrowthPath(name="a comment", make=_text(" ", " /kova ask"), call=parse_comment, timed=500_000),
    GrowthPath(name="a comment of blank lines", make=_text("\n"), call=parse_comment, timed=500_000),
    GrowthPath(name="an ignore comment", make=_text("a.", "`"), call=parse_ignore, timed=500_000),
    GrowthPath(name="a command of a chat", make=_text(" "), call=parse_verb, timed=100_000),
    GrowthPath(name="a mention in Slack", make=_mention, call=lambda body: read_slack_request("application/json", body), timed=1_000),
    GrowthPath(name="a delivery of GitHub's", make=_comment, call=_deliver, timed=400_000),
    GrowthPath(name="JSON of brackets", make=_content(b"[],", b"[", b"0]"), call=parse_json, steps=500, timed=2_000),
    GrowthPath(name="JSON of escapes", make=_content(b'\\"', b'["' + b"[" * 300, b'"]'), call=parse_json, timed=60_000),
    GrowthPath(name="SARIF of equal places", make=_log(lambda number: [_result("a.py")] * number), call=parse_sarif, steps=50, timed=10),
    GrowthPath(name="SARIF of places", make=_log(lambda number: [_result("../" * 50 + str(n)) for n in range(number)]), call=parse_sarif, steps=50),
    GrowthPath(name="SARIF of bases", make=_bases, call=parse_sarif, steps=50, timed=50),
    GrowthPath(name="SARIF of artifacts", make=lambda number, _: _log(lambda _: [_result("a.py")], artifacts=[{"location": {"uri": f"{n}"}, "roles": ["analysisTarget"]} for n in range(number)])(number, _), call=parse_sarif, steps=50),
    GrowthPath(name="SARIF of findings", make=lambda number, _: identified(stack(number)), call=to_sarif, steps=100),
    GrowthPath(name="a summary of a scan", make=_scan_report, call=_summarise, steps=100),
    GrowthPath(name="the text of a pull request", make=lambda number, _: [FileFixes(path="a", fixes=(), combined=tuple(_fixes(number, _)))], call=lambda files: pull_request_body(files, "0"), steps=100),
    GrowthPath(name="changes of a pull request", make=_two_trees, call=lambda trees: find_changes(*trees), steps=200),
    GrowthPath(name="hidden characters", make=_text("\u200b"), call=reveal, steps=300, timed=1_000),
    GrowthPath(name="text for a terminal", make=_text("\x1b"), call=visible, steps=500),
    GrowthPath(name="a span of code", make=_text(" `"), call=code, timed=20_000),
    GrowthPath(name="quiet text", make=_text("@a #1 gh-1 !["), call=quiet, timed=200),
    GrowthPath(name="quiet line begins", make=_text("> \r"), call=quiet, timed=3_000),
    GrowthPath(name="a message of a chat", make=_post, call=_show, timed=100),
    GrowthPath(name="an excerpt", make=_text("+\n"), call=excerpt_of, timed=50_000),
    GrowthPath(name="a table of formulas", make=_table, call=write_csv, steps=100, timed=30),
    GrowthPath(name="the rows of a patch", make=_text("+x\n", "@@ -1 +1 @@\n"), call=patch_rows, steps=300),
    GrowthPath(name="the blocks of an answer", make=_text("```a\nx\n\n&lt;`\n"), call=answer_blocks, steps=100, timed=500),
    GrowthPath(name="code in a sentence", make=_text("`a"), call=inline_code, steps=200),
    GrowthPath(name="a path on a page", make=_text("/"), call=breakable, steps=300),
    GrowthPath(name="an unsafe path", make=_text("a/"), call=unsafe_reason, timed=1_000),
    GrowthPath(name="an archive of folders", make=_archive, call=_unpack, steps=50),
    GrowthPath(name="brackets of .gitignore", make=lambda number, _: ["[!a]" * 60] * number, call=lambda globs: compile_globs(globs, ""), steps=2, timed=1),
    GrowthPath(name="patterns of .gitignore", make=_many_ignores, call=lambda folder: IgnoreRules().with_folder(folder, ""), steps=20),
    GrowthPath(name="a path that .gitignore is asked about", make=lambda number, _: "a/" * number, call=compile_globs(["**/a/**/a/**/b"] * 20, "").ignores, timed=30_000),
)  # fmt: skip
