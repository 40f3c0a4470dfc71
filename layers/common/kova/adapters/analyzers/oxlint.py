"""Oxlint as an analyser: JavaScript and TypeScript, with our rules and nothing of the tree's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, Final

from kova.adapters.analyzers.process import Completed
from kova.adapters.analyzers.program import ProgramAnalyzer, parse
from kova.adapters.analyzers.rules.tools import OXLINT
from kova.adapters.analyzers.tool_workspace import ToolWorkspace
from kova.analysis.finding import Finding

_SUFFIXES: Final = frozenset({".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue"})
# Another project's release, copied under its version: `jquery-3.6.0.js`.
_RELEASE: Final = re.compile(r"[-.]v?\d+\.\d+(?:\.\d+)*(?:[.-]\w+)*\.[cm]?js$")
_UNREACHABLE: Final = "eslint/no-unreachable"
_IDLE: Final = frozenset({b"break", b"return"})  # After a return: untidy, and no error.
_FINALLY: Final = "eslint/no-unsafe-finally"
_COMPARISONS: Final = "oxc/const-comparisons"
_NOT_A_NUMBER: Final = re.compile(rb"([\w.]+)\s*[<>]=\s*\1")  # False of NaN only.
_FAR: Final = 4_000  # Bytes before a finding that are looked at.
# What follows `catch`, up to `finally`: a block without one in it that throws or opens another try.
_CAUGHT: Final = re.compile(
    rb"\s*(?:\([^()]*\)\s*)?\{(?:(?!\bthrow\b|\btry\b)[^{}]|\{[^{}]*\})*\}\s*\Z"
)
_SYNTAX: Final = "invalid-syntax"
OXLINT.require("oxlint", (_UNREACHABLE, _FINALLY, _COMPARISONS, _SYNTAX))
_PLUGINS: Final = ("typescript", "unicorn", "oxc", "react", "promise", "node", "import")
_DIRECTIVE: Final = re.compile(rb"\b(oxlint|eslint)-(disable|enable)")
_FLOW: Final = re.compile(rb"^\s*(?://|/\*|\*)[^\n]*@flow\b", re.MULTILINE)
_TEMPLATE: Final = re.compile(rb"\{%|<%|(?<![$\w)])\{\{[^{}\n]*\}\}")
# What compilers and bundlers leave in their output; their idioms look like errors.
_GENERATED: Final = re.compile(
    rb"__webpack_require__|webpackJsonp|webpackUniversalModuleDefinition|_interopRequire\w{1,30}\(|__generator\("
    rb"|^//# sourceMappingURL=(?!data:text)|regeneratorRuntime|@generated\b"
    rb"|\A\s*(?:/[/*]+)\s*generate\w* by\b"
    rb'|Object\.defineProperty\(exports, "__esModule"',
    re.MULTILINE,
)
# The banner that minifiers keep: another project's release, copied in.
_LIBRARY: Final = re.compile(rb"\A\s*/\*!(?:[^*]|\*(?!/)){0,800}?\bv?\d+\.\d+")
_LONG_LINE: Final = 5_000
# A rule; `TS(8009)` is what its parser says of a file that is no JavaScript.
_CODE: Final = re.compile(r"^(?!TS\()([\w-]+)\(([\w-]+)\)$")


class OxlintAnalyzer(ProgramAnalyzer):
    """JavaScript and TypeScript."""

    name = "oxlint"
    program = "oxlint"
    catalogue = OXLINT
    private = True

    def handles(self, path: str) -> bool:
        """Tell whether it is JavaScript or TypeScript that people write."""
        pure = PurePosixPath(path)
        return pure.suffix in _SUFFIXES and not pure.stem.endswith((".min", "-min"))

    def own_files(self) -> Mapping[str, bytes]:
        """Our configuration: these rules, no category."""
        rules = {rule: "error" for rule in OXLINT if rule != _SYNTAX}
        config = {"plugins": _PLUGINS, "categories": {"correctness": "off"}, "rules": rules}
        return {"oxlint.json": json.dumps(config).encode()}

    def options(self, workspace: ToolWorkspace) -> Sequence[str]:
        """The configuration lies beside the copy, which holds no configuration of its own."""
        config = (
            str(workspace.folder.parent / "oxlint.json") if workspace.folder.name else "oxlint.json"
        )
        return (
            *("--config", config, "--disable-nested-config", "--no-ignore"),
            *("--no-error-on-unmatched-pattern", "--format", "json"),
        )

    def targets(self, batch: Sequence[str]) -> Sequence[str]:
        """Name the files."""
        return [f"./{path}" for path in batch]

    def prepare(self, content: bytes) -> bytes:
        """Return the content with comments disabled that switch rules off: Kova matches them."""
        return _DIRECTIVE.sub(rb"\1_\2", content)

    def reason_to_skip(self, path: str, content: bytes) -> str | None:
        """Leave out what a machine made, and Flow's types, which oxlint cannot read."""
        if _RELEASE.search(path):
            return "library"
        if any(len(line) > _LONG_LINE for line in content.splitlines()):
            return "minified"
        if _GENERATED.search(content):
            return "generated"
        if _LIBRARY.search(content[:2_000]):
            return "library"
        if content.lstrip().startswith(b"{") and _is_json(content):
            return "json"
        return "flow_types" if _FLOW.search(content[:2_000]) else None

    def read(self, completed: Completed, workspace: ToolWorkspace) -> list[Finding]:
        """Read oxlint's JSON."""
        return list(self._findings(parse(completed.output)["diagnostics"], workspace))

    def _findings(
        self, diagnostics: Sequence[dict[str, Any]], workspace: ToolWorkspace
    ) -> Iterator[Finding]:
        broken: set[str] = set()
        for diagnostic in diagnostics:
            path = workspace.path(diagnostic["filename"])
            matched = _CODE.match(diagnostic.get("code") or "")
            # The first label may show where a name was declared; the last one is the error.
            spans = [label["span"] for label in diagnostic["labels"]]
            span = spans[-1] if matched else spans[0]
            places = workspace.places(path)
            if matched is None:
                if path in broken:
                    continue
                broken.add(path)
                if _TEMPLATE.search(places.content):
                    continue
            rule = OXLINT.weigh(_rule_id(matched) if matched else _SYNTAX)
            start, end = int(span["offset"]), int(span["offset"]) + int(span["length"])
            if _is_likely_intended(rule.id, places.content, start, end):
                rule = rule.milder()
            yield self.finding(
                rule,
                path=path,
                span=places.span(start, end),
                message=diagnostic["message"],
                help_url=diagnostic.get("url"),
            )


def _is_likely_intended(rule: str, content: bytes, start: int, end: int) -> bool:
    """Tell whether a finding is untidy where it stands, and no error."""
    if rule == _UNREACHABLE:
        return content[start:end].strip(b"; \n") in _IDLE
    if rule == _COMPARISONS:
        return _NOT_A_NUMBER.fullmatch(content[start:end].strip()) is not None
    if rule != _FINALLY:
        return False
    # Leaving a finally block hides nothing where a catch before it lets nothing through.
    before = content[max(start - _FAR, 0) : start].rpartition(b"finally")[0]
    caught = before.rpartition(b"catch")
    return bool(caught[1]) and _CAUGHT.match(caught[2]) is not None


def _is_json(content: bytes) -> bool:
    """Tell whether a file is data under the name of a program."""
    try:
        parse(content)
    except (ValueError, RecursionError):
        return False
    return True


def _rule_id(matched: re.Match[str]) -> str:
    scope = matched[1].removeprefix("eslint-plugin-").replace("typescript-eslint", "typescript")
    return f"{scope}/{matched[2]}"
