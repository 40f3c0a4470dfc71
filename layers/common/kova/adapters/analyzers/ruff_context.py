"""What ruff reports and the place tells to be meant so, or to be nobody's to mend here."""

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
    r"|globals\(\)(?:\[[^]]*\] *=|\.update\()|^\w+ *= *globals\(\)$",
    re.MULTILINE,
)
_ANNOTATION: Final = re.compile(r"(?:->|[:\[,(])\s*[\"'][\w.\[\], |]*$")
_FLASK: Final = re.compile(r"flask", re.IGNORECASE)
_EXC_INFO: Final = re.compile(r"exc_info\(\)")
_DYNAMIC: Final = re.compile(r"globals\(\)|def __getattr__\(")
_EXCLUSIVE: Final = re.compile(r"\b(?:mkfifo|mkdir|symlink|link|bind)\(")  # They fail if it exists.
_OWNED: Final = re.compile(r"@([\w.]+)\.\w*(?:command|task|route|event|handler)\(")
_UNDERSCORE: Final = re.compile(r"^\s*(?:def _\(|_ = lambda\b)", re.MULTILINE)
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
        mended: ruff knows an edit that mends it.
        source: the file.
        uses: how often the file has the same message.
        names_injected: most names are undefined: something else runs the file, and gives them.
    """

    rule: str
    message: str
    row: int
    column: int
    end: int
    mended: bool
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
        found = re.search(r"`(\w+)`", self.message)
        return found[1] if found else ""

    def under(self, pattern: re.Pattern[str]) -> bool:
        """Tell whether a branch or definition around it matches."""
        return any(pattern.match(line.strip()) for _, line in self.source.around(self.row))


def is_likely_intended(report: Report) -> bool:
    """Tell whether a finding is a warning where it stands."""
    check = _CHECKS.get(report.rule)
    return check is not None and check(report)


def _is_injected(one: Report) -> bool:
    """Tell whether an undefined name comes from elsewhere."""
    often = one.uses >= _OFTEN or _INJECTED.search(one.message) is not None
    return (
        one.names_injected
        or often
        or _caught(one)
        or _by_its_place(one)
        or _run_in(one)
        or _quoted(one)
    )


def _run_in(one: Report) -> bool:
    """Tell whether the file runs another one, or lets its names be made: any may be there."""
    return one.source.has(_RUN_IN)


def _quoted(one: Report) -> bool:
    """Tell whether a name stands in an annotation that is a text: nothing looks it up."""
    return _ANNOTATION.search(one.line[: one.column - 1]) is not None


def _caught(one: Report) -> bool:
    """Tell whether a name is that of Python 2's `except Error, name`."""
    caught = rf"except [\w., ()]{{1,199}}, ?{one.name} ?:"
    return one.name != "" and re.search(caught, one.source.text) is not None


def _by_its_place(one: Report) -> bool:
    """Tell whether the file's name says who gives the name.

    Sphinx gives `tags` to conf.py, and Jupyter `get_config`; a package has the modules under it as
    names once they were imported.
    """
    if one.source.name == "conf.py" and one.name == "tags":
        return True
    if one.source.name != "__init__.py":
        return one.name == "get_config" and one.line.strip() == "c = get_config()"
    imported = rf"^\s*(?:import [\w.]+\.{one.name}\b|from [\w.]*\.{one.name} import\b)"
    return re.search(imported, one.source.text, re.MULTILINE) is not None


def _untidy(one: Report) -> bool:
    """Tell whether no function or class takes another one's place, or none needs its place."""
    before = re.search(r"from line (\d+)", one.message)
    first = int(before[1]) if before else one.row
    if not all(_DEFINITION.match(line) for line in (one.line, one.source.line(first))):
        return True
    if first != one.row and one.source.block(first) == one.source.block(one.row):
        return True
    if one.source.has(_FLASK) and "class " not in one.line:
        return False  # Flask refuses a second function of the same name.
    # In a class, what a decorator only marks is looked for by its name.
    owners = [_owner(one.source, row) for row in (first, one.row)]
    if all(owners) and owners[0] != owners[1]:
        return True
    registers = _ROUTES if one.under(_CLASS) else _REGISTERS
    return any(
        registers.match(text) and not _MOCKED.match(text) for text in one.source.decorators(first)
    )


def _owner(source: Source, row: int) -> str:
    """Return what a definition is registered with: `group` of `@group.command()`."""
    owned = (_OWNED.match(text) for text in source.decorators(row))
    return next((found[1] for found in owned if found is not None), "")


def _same_field(one: Report) -> bool:
    """Tell whether a class says the same twice, or makes the second value of the first."""
    begin = next((row for row, line in one.source.around(one.row) if _CLASS.match(line.strip())), 0)
    before = one.source.between(begin, one.row - 1)
    if f"\n{_flush(one.statement)}\n" in f"\n{_flush(before)}\n":
        return True
    margin, name = re.match(r"\s*", one.line), re.escape(one.name)
    assert margin is not None
    defined = re.compile(rf"^{margin[0]}{name}\s*[:=].*", re.MULTILINE)
    found = [*defined.finditer(before)]
    if found and "=" not in found[-1][0]:
        return True  # The type first, then the value.
    last = found[-1].end() if found else len(before)
    return re.search(rf"(?<![\w.]){name}\b(?!\s*=)", before[last:]) is not None


def _flush(text: str) -> str:
    """Return lines without their margins."""
    return re.sub(r"[ \t]*\n[ \t]*", "\n", text.strip())


def _idle(one: Report) -> bool:
    """Tell whether a name that is bound twice at once is never read, or bound to the same."""
    if _IDLE_NAME.search(one.message) or re.search(rf"\b{one.name} *= *{one.name} *=", one.line):
        return True
    return re.search(rf"(?<![\w.]){one.name}\b", one.source.after(one.end)) is None


def _no_letters(one: Report) -> bool:
    """Tell whether what is stripped is marks only: a set of them, and no word."""
    call = _STRIPPED.search(one.statement)
    return call is not None and not re.search(r"\w", re.sub(r"\\.", "", call[2]))


def _returns_none(one: Report) -> bool:
    """Tell whether what a constructor returns is what another one returned."""
    name = re.match(r"\s*return (\w+)\s*$", one.line)
    return "__init__(" in one.statement or (
        name is not None
        and re.search(rf"\b{name[1]} = [\w.(), ]+__init__\(", one.source.between(0, one.row))
        is not None
    )


def _by_name(one: Report) -> bool:
    """Tell whether what fills a format is a mapping: one that is not used is no error."""
    given = re.search(r"%\s*(\w+)\W*$", one.statement)
    made = given and re.search(rf"\b{given[1]} = (?:\{{|dict\()", one.source.between(0, one.row))
    return bool(made) or re.search(r"%\s*(?:locals|globals|vars)\(", one.statement) is not None


def _makes_names(one: Report) -> bool:
    """Tell whether a list of names, which ruff tells by its first line, is made of others."""
    text = one.source.between(one.row - 1, one.row + 30)
    return re.match(r"[^\])]*?(?:[\[(,]\s*\*\w|\.__name__)", text) is not None


def _negotiates(one: Report) -> bool:
    """Tell whether the version is the one whose name means the best that both sides know."""
    return "SSLv23" in one.message


def _looks_up(one: Report) -> bool:
    """Tell whether a comparison asks whether it raises, or whether a container has something."""
    tried = one.source.line(one.row - 1).strip() == "try:"
    return tried or re.search(r"[=<>]", one.statement) is None


def _own_underscore(one: Report) -> bool:
    """Tell whether the file makes a function `_` of its own that translates nothing."""
    return one.source.has(_UNDERSCORE) and not one.source.has(_TRANSLATES)


def _asked_for(one: Report) -> bool:
    """Tell whether a cipher is a protocol's, and not the file's own choice."""
    return one.uses > 1 or one.source.has(_PROTOCOL)


_CHECKS: Final[dict[str, Callable[[Report], bool]]] = {
    "F821": _is_injected,
    "F811": _untidy,
    # A logger that is not the standard library's may fill `{}` in; and a file that does it again
    # and again means it.
    "PLE1205": lambda one: not one.source.logs or one.uses > 1,
    "PLE1206": lambda one: not one.source.logs or one.uses > 1,
    "F633": lambda one: one.uses > 1,
    "T100": lambda one: (
        one.message.startswith("Import for") or "ShellEmbed" in one.message or one.under(_DEBUGS)
    ),
    # A loader of one's own may be safe, and so may one that is handed on.
    "S506": lambda one: _UNSAFE_LOADER.search(one.message) is None or "**" in one.statement,
    "B015": _looks_up,
    "F706": lambda one: one.source.loaded,
    "INT001": _own_underscore,
    "INT002": _own_underscore,
    "INT003": _own_underscore,
    "PLW0406": lambda one: one.line[:1].isspace(),  # Once it is there.
    "RUF040": lambda one: re.search(r",\s*\(?\s*[rR]?[bB]['\"]", one.statement) is not None,
    "PLW0128": _idle,
    # Asks for the very object that stands for nothing, which is not to compare.
    "PLW0177": lambda one: re.search(r"\bis (?:not )?[\w.]*nan\b", one.statement) is not None,
    "PIE794": _same_field,
    "F601": lambda one: one.mended,  # The value is the same.
    "B005": _no_letters,
    "PLE1310": _no_letters,
    # What does nothing is what was wanted where nothing is to be done.
    "B022": lambda one: re.match(r"\s*(?:async )?with\b", one.line) is None,
    "PLE0101": _returns_none,
    "PLE0604": _makes_names,
    "F822": lambda one: one.source.has(_DYNAMIC),
    "F507": _by_name,
    "S502": _negotiates,
    "S503": _negotiates,
    "LOG014": lambda one: one.under(_IN_HANDLER) or one.source.has(_EXC_INFO),
    "S306": lambda one: _EXCLUSIVE.search(one.source.between(one.row, one.row + 8)) is not None,
    "S304": _asked_for,
    "S305": _asked_for,
    "S323": lambda one: one.under(_LAX),
    "S507": lambda one: one.under(_LAX),
    "invalid-syntax": lambda one: _PYTHON_2.match(one.line) is not None,
}
CHECKED: Final = frozenset(_CHECKS)
"""The rules whose findings the place may make milder."""
