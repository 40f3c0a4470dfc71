"""`kova scan PATH`."""

from __future__ import annotations

import enum
import os
import stat
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from kova.analysis.kova_toml import BYTES_LIMIT, parse_settings
from kova.analysis.repository_settings import FILE_NAME, KovaTomlSettings
from kova.shared.exceptions import InvalidInputError, KovaError
from kova.shared.severity import Severity
from kova.shared.text import visible
from kova_server.cli.output import console
from kova_server.local.ignore import readable
from kova_server.local.render import as_json, as_sarif, print_table
from kova_server.local.scan import LocalOptions, LocalScan, scan_folder, stopping_at_interrupt

EXAMPLES: Final = (
    "kova scan .",
    "kova scan . --fix                  # prove fixes and show them",
    "kova scan . --fix --apply          # and write them",
    "kova scan . --exclude 'vendor/' --fail-on high",
    "kova scan . --format sarif > kova.sarif",
)


class ScanFailedError(KovaError):
    """The scan is not whole."""

    reason = "scan_failed"


class Format(enum.StrEnum):
    """The output format."""

    TABLE = "table"
    JSON = "json"
    SARIF = "sarif"


Folder = Annotated[str, typer.Argument(metavar="PATH", help="The folder to scan.")]
FormatOption = Annotated[Format, typer.Option("--format", help="How to show the result.")]
FixOption = Annotated[bool, typer.Option("--fix", help="Propose fixes, prove them and show them.")]
ApplyOption = Annotated[
    bool, typer.Option("--apply", help="Write the proved fixes too; implies --fix.")
]
UnsafeOption = Annotated[
    bool,
    typer.Option(
        "--unsafe", help="Prove and show unsafe fixes too; they are never written. Implies --fix."
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        metavar="GLOB",
        help="Leave out files that match; written as in a .gitignore of PATH; repeatable.",
    ),
]
NoIgnoreOption = Annotated[
    bool,
    typer.Option(
        "--no-ignore", help="Also scan files that .gitignore and .git/info/exclude leave out."
    ),
]
SarifOption = Annotated[
    list[Path] | None,
    typer.Option("--sarif", help="Add the results of another tool from its SARIF file."),
]
SettingsOption = Annotated[
    Path | None,
    typer.Option("--settings", help="Apply the paths and rules of this `.kova.toml`."),
]
FailOnOption = Annotated[
    Severity | None,
    typer.Option("--fail-on", help="The lowest severity that makes the exit code 1."),
]


def scan(  # noqa: PLR0917 (Typer reads them as options)
    path: Folder,
    form: FormatOption = Format.TABLE,
    fix: FixOption = False,
    apply: ApplyOption = False,
    unsafe: UnsafeOption = False,
    exclude: ExcludeOption = None,
    no_ignore: NoIgnoreOption = False,
    sarif: SarifOption = None,
    settings: SettingsOption = None,
    fail_on: FailOnOption = None,
) -> None:
    """Scan a local folder, without a server.

    The exit code is 0 without errors, 1 with errors, 2 when the scan could not run.
    """
    folder = _check_folder(path)
    repository_settings = KovaTomlSettings() if settings is None else _read_settings(settings)
    options = LocalOptions(
        fix=fix,
        apply=apply,
        unsafe=unsafe,
        sarif=tuple(sarif or ()),
        settings=repository_settings,
        exclude=tuple(exclude or ()),
        ignore_files=not no_ignore,
    )
    result = _scan(folder, options)
    _print_result(result, form)
    if form is Format.TABLE and settings is None and _has_settings(folder):
        console().print(f"{FILE_NAME} was not read: name it with --settings.", style="dim")
    _require_whole(result)
    failing = [
        finding
        for finding in result.remaining
        if finding.severity.at_least(
            fail_on or repository_settings.fail_on(finding.path, Severity.LOW)
        )
    ]
    raise typer.Exit(1 if failing else 0)


def _require_whole(result: LocalScan) -> None:
    """Fail where the result that was printed is not all that was asked for.

    Raises:
        ScanFailedError: files could not be written, or an analyser read none of its files.
    """
    problems = [f"{skipped.path} was not written: {skipped.reason}" for skipped in result.unwritten]
    problems += [f"{name} failed on every file" for name in result.failed]
    if problems:
        raise ScanFailedError(f"{'; '.join(problems)}.")


def _has_settings(folder: Path) -> bool:
    return os.path.isfile(folder / FILE_NAME)  # noqa: PTH113 (pathlib raises for a closed folder)


def _check_folder(path: str) -> Path:
    if not path:
        raise InvalidInputError(
            "PATH is empty: name a folder, for example `.` for the current one."
        )
    try:
        is_folder = stat.S_ISDIR(os.stat(path).st_mode)  # noqa: PTH116 (Path("") is this folder)
        absolute = os.path.realpath(path)
    except OSError as exc:
        raise InvalidInputError(f"{path}: {exc.strerror}.") from exc
    if not is_folder:
        raise InvalidInputError(f"{path} is not a folder.")
    if readable(absolute) != absolute:
        raise InvalidInputError(
            f"{path} has a name that is not UTF-8: the analysers cannot read its files."
        )
    return Path(path)


def _scan(folder: Path, options: LocalOptions) -> LocalScan:
    errors = console(errors=True)
    try:
        with stopping_at_interrupt():
            if not errors.is_terminal:
                return scan_folder(folder, options)
            with errors.status("starting") as status:
                return scan_folder(folder, options, lambda text: status.update(Text(visible(text))))
    except OSError as exc:
        name = folder if exc.filename is None else os.fsdecode(exc.filename)
        raise InvalidInputError(f"{name}: {exc.strerror}.") from exc


def _read_settings(file: Path) -> KovaTomlSettings:
    try:
        with file.open("rb") as stream:
            settings = parse_settings(stream.read(BYTES_LIMIT + 1))
    except OSError as exc:
        raise InvalidInputError(f"{file}: {exc.strerror}.") from exc
    if settings.problems:
        raise InvalidInputError(f"{file}: {' '.join(settings.problems)}")
    return settings


def _print_result(result: LocalScan, form: Format) -> None:
    if form is Format.TABLE:
        print_table(result, console())
        return
    sys.stdout.write((as_json if form is Format.JSON else as_sarif)(result) + "\n")
