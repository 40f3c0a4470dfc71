"""Findings of ruff that are likely intended where they stand, or cannot be mended there."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kova.adapters.analyzers.ruff_source import Source

# Names that a loader or gettext puts into modules (salt's `__salt__`), that Python 2 had, or that a
# file uses so often that their lack could not have gone unseen: no file alone can tell.
_INJECTED: Final = re.compile(
    r"`(?:__\w+__|unicode|basestring|unichr|long|xrange|raw_input|reduce|cmp|file|reload|buffer"
    r"|get_ipython|execfile|_|[NPU]_|[nup]{0,2}gettext(?:_lazy)?)`"
)
_OFTEN: Final = 4
_DEFINITION: Final = re.compile(r"\s*(?:@|(?:async\s+)?def\b|class\b)")
# Decorators that put what they are given into a table, under a text: the name is not needed.
_REGISTERS: Final = re.compile(
    r"@(?:[\w.]+\.)?(?:\w*(?:route|handler|hook|command|event)|get|post|put|patch|delete|head"
    r"|options|websocket|on)\([^)]*[\"']"
    r"|@(?:[\w.]+\.)?(?:register\w*|compiles|\w*dispatch\w*|\w*add_\w+|listens?_\w+|implements?)\("
)
_ROUTES: Final = re.compile(r"@\w[\w.]*\.(?:get|post|put|patch|delete|head)\([^)]*[\"']")
_MOCKED: Final = re.compile(r"@(?:[\w.]+\.)?mock\.")
_UNSAFE_LOADER: Final = re.compile(
    r"`(?:yaml\.)?C?(?:Unsafe|Full)?Loader`|Probable use of unsafe `"
)
_PYTHON_2: Final = re.compile(
    r"\s{0,200}(?:print\b|raise [\w.\[\]]{1,99},|exec [\w\"']|except [\w., ()]{1,199}, ?\w{1,99}:)"
    r"|.*(?:\b0[0-7]{2,}\b|\bur['\"]|<>)"
)
_IDLE_NAME: Final = re.compile(r"`(?:\w|_\w*|dummy|unused)`")
_STRIPPED: Final = re.compile(r"strip\(\s*[bBrRuU]*(['\"])((?:\\.|(?!\1).){0,199})\1")
_DEBUGS: Final = re.compile(
    r"(?:if|elif|(?:async )?def)\b.*"
    r"(?:debug|pdb|break_?(?:er|flag|point)|trace|interactive|shell|signal)",
    re.IGNORECASE,
)
_CLASS: Final = re.compile(r"class\b")
_IN_HANDLER: Final = re.compile(
    r"(?:async )?def \w*(?:exc|err|fail|handle|trace|__a?exit__)", re.IGNORECASE
)
_LAX: Final = re.compile(
    r"(?:if|elif)\b(?!.*create_unverified).*(?:verif|insecure|check|valid|trust|self_?signed|unsafe|strict)"
    r"|def \w*(?:unverified|insecure|unsafe|no_?(?:ssl|verify|check))",
    re.IGNORECASE,
)
_RUN_IN: Final = re.compile(
    r"^(?:exec|execfile)\s*\(|^\S.*[(,]\s*globals\(\)|^[ \t]+globals\(\),?$"
    r"|globals\(\)(?:\[[^]\n]{0,200}\] *=|\.update\()|^\w+ *= *globals\(\)$",
    re.MULTILINE,
)
_ANNOTATION: Final = re.compile(r"(?:->|[:\[,(])\s*[\"'][\w.\[\], |]*$")
_FLASK: Final = re.compile(r"flask", re.IGNORECASE)
_EXC_INFO: Final = re.compile(r"exc_info\(\)")
_DYNAMIC: Final = re.compile(r"globals\(\)|def __getattr__\(")
_EXCLUSIVE: Final = re.compile(r"\b(?:mkfifo|mkdir|symlink|link|bind)\(")  # They fail if it exists.
_OWNED: Final = re.compile(r"@([\w.]+)\.\w*(?:command|task|route|event|handler)\(")
_UNDERSCORE: Final = re.compile(r"^[^\S\n]*(?:def _\(|_ = lambda\b)", re.MULTILINE)
_TRANSLATES: Final = re.compile(r"gettext|i18n|translat|\blocale\b", re.IGNORECASE)
_PROTOCOL: Final = re.compile(
    r"\bRFC ?\d|\[MS-|kerberos|\bntlm|handshake|\bVNC\b|\bSNMP|\bW(?:EP|PA)\b", re.IGNORECASE
)


@dataclass(frozen=True, kw_only=True)
class Report:
    """One diagnostic of ruff's, and what the rest of its file says.

    Attributes:
        rule: its rule.
        message: ruff's own words.
        row, column: where it begins.
        end: its last line.
        has_edit: ruff proposes an edit that mends it.
        source: the file.
        uses: how often the file has the same message.
        names_injected: most names are undefined: something else runs the file, and gives them.
    """

    rule: str
    message: str
    row: int
    column: int
    end: int
    has_edit: bool
    source: Source
    uses: int
    names_injected: bool

    @property
    def line(self) -> str:
        """The first line."""
        return self.source.line(self.row)

    @property
    def statement(self) -> str:
        """All its lines."""
        return self.source.between(self.row - 1, self.end)

    @property
    def name(self) -> str:
        """The name that the message is about, or nothing."""
        match = re.search(r"`(\w+)`", self.message)
        return match[1] if match else ""

    def under(self, pattern: re.Pattern[str]) -> bool:
        """Tell whether a branch or definition around it matches."""
        return any(pattern.match(line.strip()) for _, line in self.source.around(self.row))


def is_likely_intended(report: Report) -> bool:
    """Tell whether a finding is likely intended, and so a warning only."""
    check = _CHECKS.get(report.rule)
    return check is not None and check(report)


def _is_injected(report: Report) -> bool:
    """Tell whether an undefined name comes from elsewhere."""
    often = report.uses >= _OFTEN or _INJECTED.search(report.message) is not None
    return (
        report.names_injected
        or often
        or _is_caught_in_python_2(report)
        or _is_injected_by_file_name(report)
        or _runs_another_file(report)
        or _is_quoted_annotation(report)
    )


def _runs_another_file(report: Report) -> bool:
    """Tell whether the file runs another one, or lets its names be made: any may be there."""
    return report.source.has(_RUN_IN)


def _is_quoted_annotation(report: Report) -> bool:
    """Tell whether a name stands in an annotation that is a text: nothing looks it up."""
    return _ANNOTATION.search(report.line[: report.column - 1]) is not None


def _is_caught_in_python_2(report: Report) -> bool:
    """Tell whether a name is that of Python 2's `except Error, name`."""
    caught = rf"except [\w., ()]{{1,199}}, ?{report.name} ?:"
    return report.name != "" and re.search(caught, report.source.text) is not None


def _is_injected_by_file_name(report: Report) -> bool:
    """Tell whether the file's name says who injects the name.

    Sphinx gives `tags` to conf.py, and Jupyter `get_config`; a package has the modules under it as
    names once they were imported.
    """
    if report.source.name == "conf.py" and report.name == "tags":
        return True
    if report.source.name != "__init__.py":
        return report.name == "get_config" and report.line.strip() == "c = get_config()"
    imported = rf"^[^\S\n]*(?:import [\w.]+\.{report.name}\b|from [\w.]*\.{report.name} import\b)"
    return re.search(imported, report.source.text, re.MULTILINE) is not None


def _is_harmless_redefinition(report: Report) -> bool:
    """Tell whether a redefinition is harmless: nothing is replaced, or it was registered before."""
    before = re.search(r"from line (\d+)", report.message)
    first = int(before[1]) if before else report.row
    if not all(_DEFINITION.match(line) for line in (report.line, report.source.line(first))):
        return True
    if first != report.row and report.source.block(first) == report.source.block(report.row):
        return True
    if report.source.has(_FLASK) and "class " not in report.line:
        return False  # Flask refuses a second function of the same name.
    # In a class, what a decorator only marks is looked for by its name.
    owners = [_registration_owner(report.source, row) for row in (first, report.row)]
    if all(owners) and owners[0] != owners[1]:
        return True
    registers = _ROUTES if report.under(_CLASS) else _REGISTERS
    return any(
        registers.match(text) and not _MOCKED.match(text)
        for text in report.source.decorators(first)
    )


def _registration_owner(source: Source, row: int) -> str:
    """Return what a definition is registered with: `group` of `@group.command()`."""
    owned = (_OWNED.match(text) for text in source.decorators(row))
    return next((match[1] for match in owned if match is not None), "")


def _is_repeated_field(report: Report) -> bool:
    """Tell whether a class says the same twice, or makes the second value of the first."""
    begin = next(
        (row for row, line in report.source.around(report.row) if _CLASS.match(line.strip())), 0
    )
    before = report.source.between(begin, report.row - 1)
    if f"\n{_strip_margins(report.statement)}\n" in f"\n{_strip_margins(before)}\n":
        return True
    margin, name = re.match(r"\s*", report.line), re.escape(report.name)
    assert margin is not None
    defined = re.compile(rf"^{margin[0]}{name}\s*[:=].*", re.MULTILINE)
    definitions = [*defined.finditer(before)]
    if definitions and "=" not in definitions[-1][0]:
        return True  # The type first, then the value.
    last = definitions[-1].end() if definitions else len(before)
    return re.search(rf"(?<![\w.]){name}\b(?!\s*=)", before[last:]) is not None


def _strip_margins(text: str) -> str:
    """Return lines without their margins."""
    return "\n".join(line.strip(" \t") for line in text.strip().split("\n"))


def _is_never_read(report: Report) -> bool:
    """Tell whether a name that is bound twice at once is never read, or bound to the same."""
    if _IDLE_NAME.search(report.message) or re.search(
        rf"\b{report.name} *= *{report.name} *=", report.line
    ):
        return True
    return re.search(rf"(?<![\w.]){report.name}\b", report.source.after(report.end)) is None


def _strips_marks_only(report: Report) -> bool:
    """Tell whether what is stripped is marks only: a set of them, and no word."""
    call = _STRIPPED.search(report.statement)
    return call is not None and not re.search(r"\w", re.sub(r"\\.", "", call[2]))


def _returns_none(report: Report) -> bool:
    """Tell whether what a constructor returns is what another one returned."""
    name = re.match(r"\s*return (\w+)\s*$", report.line)
    return "__init__(" in report.statement or (
        name is not None
        and re.search(rf"\b{name[1]} = [\w.(), ]+__init__\(", report.source.between(0, report.row))
        is not None
    )


def _fills_from_mapping(report: Report) -> bool:
    """Tell whether the right side of the format is a mapping: unused keys are allowed."""
    mapping = re.search(r"%\s*(\w+)\W*$", report.statement)
    assigned = mapping and re.search(
        rf"\b{mapping[1]} = (?:\{{|dict\()", report.source.between(0, report.row)
    )
    return (
        bool(assigned) or re.search(r"%\s*(?:locals|globals|vars)\(", report.statement) is not None
    )


def _makes_names(report: Report) -> bool:
    """Tell whether a list of names, which ruff tells by its first line, is made of others."""
    text = report.source.between(report.row - 1, report.row + 30)
    return re.match(r"[^\])]*?(?:[\[(,]\s*\*\w|\.__name__)", text) is not None


def _negotiates_version(report: Report) -> bool:
    """Tell whether the version is the one whose name means the best that both sides know."""
    return "SSLv23" in report.message


def _tests_lookup(report: Report) -> bool:
    """Tell whether a comparison asks whether it raises, or whether a container has something."""
    tried = report.source.line(report.row - 1).strip() == "try:"
    return tried or re.search(r"[=<>]", report.statement) is None


def _defines_underscore(report: Report) -> bool:
    """Tell whether the file makes a function `_` of its own that translates nothing."""
    return report.source.has(_UNDERSCORE) and not report.source.has(_TRANSLATES)


def _is_cipher_of_protocol(report: Report) -> bool:
    """Tell whether a cipher is a protocol's, and not the file's own choice."""
    return report.uses > 1 or report.source.has(_PROTOCOL)


_CHECKS: Final[dict[str, Callable[[Report], bool]]] = {
    "F821": _is_injected,
    "F811": _is_harmless_redefinition,
    # A logger that is not the standard library's may fill `{}` in; and a file that does it again
    # and again means it.
    "PLE1205": lambda report: not report.source.logs or report.uses > 1,
    "PLE1206": lambda report: not report.source.logs or report.uses > 1,
    "F633": lambda report: report.uses > 1,
    "T100": lambda report: (
        report.message.startswith("Import for")
        or "ShellEmbed" in report.message
        or report.under(_DEBUGS)
    ),
    # A loader of one's own may be safe, and so may one that is handed on.
    "S506": lambda report: (
        _UNSAFE_LOADER.search(report.message) is None or "**" in report.statement
    ),
    "B015": _tests_lookup,
    "F706": lambda report: report.source.loaded,
    "INT001": _defines_underscore,
    "INT002": _defines_underscore,
    "INT003": _defines_underscore,
    "PLW0406": lambda report: report.line[:1].isspace(),  # Once it is there.
    "RUF040": lambda report: (
        re.search(r",\s*+(?:\(\s*+)?[rR]?[bB]['\"]", report.statement) is not None
    ),
    "PLW0128": _is_never_read,
    # Asks for the very object that stands for nothing, which is not to compare.
    "PLW0177": lambda report: re.search(r"\bis (?:not )?[\w.]*nan\b", report.statement) is not None,
    "PIE794": _is_repeated_field,
    "F601": lambda report: report.has_edit,  # The value is the same.
    "B005": _strips_marks_only,
    "PLE1310": _strips_marks_only,
    # An expression that does nothing is right where nothing is to be done.
    "B022": lambda report: re.match(r"\s*(?:async )?with\b", report.line) is None,
    "PLE0101": _returns_none,
    "PLE0604": _makes_names,
    "F822": lambda report: report.source.has(_DYNAMIC),
    "F507": _fills_from_mapping,
    "S502": _negotiates_version,
    "S503": _negotiates_version,
    "LOG014": lambda report: report.under(_IN_HANDLER) or report.source.has(_EXC_INFO),
    "S306": lambda report: (
        _EXCLUSIVE.search(report.source.between(report.row, report.row + 8)) is not None
    ),
    "S304": _is_cipher_of_protocol,
    "S305": _is_cipher_of_protocol,
    "S323": lambda report: report.under(_LAX),
    "S507": lambda report: report.under(_LAX),
    "invalid-syntax": lambda report: _PYTHON_2.match(report.line) is not None,
}
CHECKED: Final = frozenset(_CHECKS)
"""The rules whose findings the place may make milder."""
