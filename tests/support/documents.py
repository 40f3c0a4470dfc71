"""Commands that the documents show, and what is wrong with them: they are parsed, and not run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import typer
import yaml
from typer._click import Command
from typer._click.exceptions import UsageError

from kova_server.cli import COMMANDS, _load_command

ROOT: Final = Path(__file__).parents[2]
_FENCE: Final = re.compile(r"^ *```(\w*)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
_INLINE: Final = re.compile(
    r"(?<!`)`((?:[A-Z_]+=\S* )*(?:\.venv/bin/)?(?:kova|make|python -m) [^`\n]+)`"
)
_COMMENT: Final = re.compile(r"(^|\s)# .*$", re.MULTILINE)
_ASSIGNMENT: Final = re.compile(r"[A-Za-z_]\w*=.*", re.DOTALL)
_SEPARATORS: Final = frozenset({"|", "||", "&&", ";", "&", "(", ")", "<", ">", ">>", ";;"})
_SHELL_WORDS: Final = frozenset({"then", "do", "else", "until", "while", "if", "!", "time", "nice"})
# A place where a reader puts a value: `FILE`, `SCAN_ID`, `...`.
_PLACE: Final = re.compile(r"\.\.\.|…|[A-Z][A-Z_:]+")
_COMPOSE: Final = frozenset({"exec", "run", "logs", "stop", "start", "restart", "ps", "up", "cp"})
_COMPOSE_VALUES: Final = frozenset(
    {"--index", "--scale", "--tail", "--since", "--profile", "--user"}
)


@dataclass(frozen=True, kw_only=True)
class ShownCommand:
    """A command as a document shows it, and where."""

    place: str
    words: tuple[str, ...]
    is_mention: bool  # In a sentence: its arguments may be left out.


def documents() -> list[Path]:
    """Return every document of the project."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def shown_commands(text: str, name: str) -> Iterator[ShownCommand]:
    """Yield the commands in the blocks of a shell, and those of Kova's in the text itself."""
    for block in _FENCE.finditer(text):
        if block[1] == "sh":
            first = text[: block.start(2)].count("\n") + 1
            yield from _split(block[2], f"{name}:{first}", is_mention=False)
    for inline in _INLINE.finditer(_FENCE.sub("", text)):
        yield from _split(inline[1], f"{name}, `{inline[1]}`", is_mention=True)


def _split(script: str, place: str, *, is_mention: bool) -> Iterator[ShownCommand]:
    plain = _COMMENT.sub(r"\1", script).replace("\\\n", " ")
    lexer = shlex.shlex(plain, posix=True, punctuation_chars="|&;()<>\n")
    lexer.commenters = ""
    lexer.whitespace = " \t"
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word in _SEPARATORS or set(word) <= set("|&;()<>\n"):
            if words:
                yield ShownCommand(place=place, words=tuple(words), is_mention=is_mention)
            words = []
        elif words or not (_ASSIGNMENT.fullmatch(word) or word in _SHELL_WORDS):
            words.append(word)


def problems_of(command: ShownCommand) -> list[str]:
    """Return what is wrong with a command, as far as this project's files say."""
    problems = [*_look(list(command.words), is_mention=command.is_mention)]
    return [f"{command.place}: {problem}" for problem in problems]


def _look(words: list[str], *, is_mention: bool = False) -> Iterator[str]:
    program, *rest = words
    if program.rpartition("/")[2] == "kova":
        yield from _look_at_kova(rest, is_mention=is_mention)
    elif program == "make":
        yield from _look_at_make(rest)
    elif program.rpartition("/")[2] in {"python", "python3"} and rest[:1] == ["-m"]:
        yield from _look_at_module(rest[1])
    elif words[:2] == ["docker", "compose"]:
        yield from _look_at_compose(rest[1:])
    elif program == "kubectl" and "--" in rest:
        yield from _look(rest[rest.index("--") + 1 :])


@cache
def _parser_of(name: str) -> Command:
    return typer.main.get_command(_load_command(name))


def _look_at_kova(arguments: list[str], *, is_mention: bool) -> Iterator[str]:
    name = next((word for word in arguments if not word.startswith("-")), None)
    if name is None:
        return
    if name not in COMMANDS:
        if not _PLACE.fullmatch(name):
            yield f"there is no `kova {name}`"
        return
    command = _parser_of(name)
    known = [argument for argument in arguments if argument not in {"...", "…"}]
    try:
        context = command.make_context("kova", known)
        while subcommand := getattr(context, "_protected_args", None) or context.args:
            group = context.command
            child = group.get_command(context, subcommand[0])  # type: ignore[attr-defined]
            if child is None:
                yield f"there is no `kova {name} {subcommand[0]}`"
                return
            rest = [*subcommand[1:], *(context.args if subcommand is not context.args else [])]
            context = child.make_context(subcommand[0], rest, parent=context)
            if not hasattr(child, "get_command"):
                return
    except UsageError as exc:
        message = exc.format_message()
        has_place = any(_PLACE.fullmatch(part) for word in known for part in word.split("="))
        if is_mention and any(word in _options_of_all(command) for word in known):
            return  # `kova keys --stack` stands for each of its commands.
        if "No such" in message or not (is_mention or has_place):
            yield f"`kova {' '.join(arguments)}`: {message}"


def _options_of_all(command: Command) -> set[str]:
    """Return the options of a command, and of those below it."""
    own = {option for part in command.params for option in part.opts}
    return own.union(*map(_options_of_all, getattr(command, "commands", {}).values()))


@cache
def _makefile() -> str:
    return (ROOT / "Makefile").read_text()


def _look_at_make(arguments: list[str]) -> Iterator[str]:
    for argument in arguments:
        name, is_variable, _ = argument.partition("=")
        if is_variable:
            if f"$({name})" not in _makefile() and f"$(if $({name})" not in _makefile():
                yield f"the Makefile has no variable {name}"
        elif not argument.startswith("-") and not re.search(
            rf"^{re.escape(argument)}:", _makefile(), re.MULTILINE
        ):
            yield f"the Makefile has no target {argument}"


def _look_at_module(name: str) -> Iterator[str]:
    if name.partition(".")[0] in {"bench", "examples", "tests"} and find_spec(name) is None:
        yield f"there is no module {name}"


class _TagLoader(yaml.SafeLoader):
    """Reads compose's own tags, such as `!override`, as if they were not there."""


def _read_tagged(loader: yaml.SafeLoader, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None


_TagLoader.add_multi_constructor("!", _read_tagged)


@cache
def _services() -> frozenset[str]:
    files = [ROOT / "docker-compose.yml", *(ROOT / "deploy/compose").glob("*.yml")]
    return frozenset(
        name
        for file in files
        for name in yaml.load(file.read_text(), _TagLoader).get("services", {})  # noqa: S506 (a safe one)
    )


def _look_at_compose(arguments: list[str]) -> Iterator[str]:
    words = iter(arguments)
    plain: list[str] = []
    for word in words:
        if word in _COMPOSE_VALUES:
            next(words, None)
        elif plain[:1] in (["exec"], ["run"]) and len(plain) == 2:
            yield from _look([word, *words])  # What runs in the container.
        elif not word.startswith("-"):
            plain.append(word)
    if not plain or plain[0] not in _COMPOSE:
        return
    names = plain[1:]
    if plain[0] == "cp":
        names = [name.partition(":")[0] for name in names if ":" in name]
    for name in names[:1] if plain[0] in {"exec", "run"} else names:
        if name not in _services():
            yield f"docker-compose.yml has no service {name}"
