"""Parse `.kova.toml` strictly: after an unknown key or a wrong type, none of it applies."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any, Final, TypeVar

from kova.analysis.globs import PATTERN_LIMIT, Glob
from kova.analysis.languages import BY_LOWER_NAME
from kova.analysis.repository_settings import KovaTomlSettings, Section
from kova.shared.repository import AutoFix
from kova.shared.severity import Severity
from kova.shared.text import clean, shorten

BYTES_LIMIT: Final = 64_000
MOST_PATTERNS: Final = 50
MOST_FOLDER_STARS: Final = 5
MOST_SECTIONS: Final = 50
MOST_PROBLEMS: Final = 20
_MOST_DOTS: Final = 200
_TOP: Final = frozenset(
    {"exclude", "include", "languages", "analyzers", "rules", "fail_on", "auto_fix", "section"}
)
_SECTION: Final = frozenset({"paths", "rules", "fail_on", "auto_fix"})
_RULES: Final = frozenset({"off", "on"})
Value = TypeVar("Value")


def parse_settings(content: bytes | None) -> KovaTomlSettings:
    """Return the settings in a file's content; None stands for no file. It never raises."""
    if content is None:
        return KovaTomlSettings()
    if len(content) > BYTES_LIMIT:
        return _invalid([f"The file has more than {BYTES_LIMIT} bytes."])
    if max(line.count(b".") for line in content.split(b"\n")) > _MOST_DOTS:
        # tomllib takes the square of a key's parts: 20 seconds for one that fills the file.
        return _invalid([f"A line has more than {_MOST_DOTS} dots."])
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except UnicodeDecodeError:
        return _invalid(["The file is not UTF-8."])
    except (tomllib.TOMLDecodeError, ValueError) as exc:
        return _invalid([f"The file is not TOML: {exc}."])
    except RecursionError:
        return _invalid(["The file is nested too deeply."])
    reader = _SettingsReader()
    settings = reader.read_settings(document)
    return _invalid(reader.problems) if reader.problems else settings


def _invalid(problems: list[str]) -> KovaTomlSettings:
    shown = [clean(shorten(problem, 200)) for problem in problems[:MOST_PROBLEMS]]
    return KovaTomlSettings(present=True, problems=tuple(shown))


class _SettingsReader:
    def __init__(self) -> None:
        self.problems: list[str] = []

    def read_settings(self, document: dict[str, Any]) -> KovaTomlSettings:
        self._check_keys(document, _TOP, "")
        tables = document.get("section", [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            self.problems.append("`section` must be written as [[section]] tables.")
            tables = []
        if len(tables) > MOST_SECTIONS:
            self.problems.append(f"There are more than {MOST_SECTIONS} sections.")
            tables = []
        sections = [self._read_section(document, "", ())]
        for number, table in enumerate(tables, start=1):
            where = f"section {number}: "
            self._check_keys(table, _SECTION, where)
            paths = self._read_globs(table, "paths", where)
            if not paths:
                self.problems.append(f"{where}`paths` must name at least one pattern.")
            sections.append(self._read_section(table, where, paths))
        languages = self._read_words(document, "languages", "", BY_LOWER_NAME)
        return KovaTomlSettings(
            exclude=self._read_globs(document, "exclude", ""),
            include=self._read_globs(document, "include", ""),
            languages=frozenset(languages) if "languages" in document else None,
            analyzers=frozenset(self._read_list(document, "analyzers", ""))
            if "analyzers" in document
            else None,
            sections=tuple(sections),
            present=True,
        )

    def _read_section(self, table: dict[str, Any], where: str, paths: tuple[Glob, ...]) -> Section:
        rules = table.get("rules", {})
        if not isinstance(rules, dict):
            self.problems.append(f"{where}`rules` must be a table.")
            rules = {}
        self._check_keys(rules, _RULES, f"{where}rules.")
        return Section(
            paths=paths,
            rules_off=self._read_list(rules, "off", f"{where}rules."),
            rules_on=self._read_list(rules, "on", f"{where}rules."),
            fail_on=self._read_choice(table, "fail_on", where, Severity),
            auto_fix=self._read_choice(table, "auto_fix", where, AutoFix),
        )

    def _check_keys(self, table: dict[str, Any], allowed: frozenset[str], where: str) -> None:
        self.problems += [
            f"{where}`{key}` is not a setting." for key in sorted(table.keys() - allowed)
        ]

    def _read_list(self, table: dict[str, Any], key: str, where: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
            self.problems.append(f"{where}`{key}` must be a list of texts.")
            return ()
        if len(value) > MOST_PATTERNS:
            self.problems.append(f"{where}`{key}` has more than {MOST_PATTERNS} entries.")
            return ()
        if any(not 0 < len(word) <= PATTERN_LIMIT for word in value):
            self.problems.append(f"{where}`{key}` has an entry that is empty or too long.")
            return ()
        return tuple(value)

    def _read_globs(self, table: dict[str, Any], key: str, where: str) -> tuple[Glob, ...]:
        patterns = self._read_list(table, key, where)
        if any(pattern.count("**") > MOST_FOLDER_STARS for pattern in patterns):
            # Each is tried at each folder of each path: dozens of them took minutes of a worker.
            self.problems.append(
                f"{where}`{key}` has an entry with more than {MOST_FOLDER_STARS} times `**`."
            )
            return ()
        return tuple(Glob(pattern=pattern) for pattern in patterns)

    def _read_words(
        self, table: dict[str, Any], key: str, where: str, allowed: dict[str, str]
    ) -> list[str]:
        words = self._read_list(table, key, where)
        self.problems += [
            f"{where}`{key}` names {word!r}, which is not known."
            for word in words
            if word.lower() not in allowed
        ]
        return [allowed[word.lower()] for word in words if word.lower() in allowed]

    def _read_choice(
        self, table: dict[str, Any], key: str, where: str, parse: Callable[[str], Value]
    ) -> Value | None:
        if key not in table:
            return None
        try:
            return parse(table[key])
        except ValueError:
            self.problems.append(f"{where}`{key}` has a value that is not allowed.")
            return None
