"""The analysers and the prover that a worker carries."""

from __future__ import annotations

import shutil
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from kova.analysis.ports import Analyzer
from kova.analysis.run_analyzers import AnalyzeTree
from kova.analysis.secrets import derive_key
from kova.bootstrap.settings import Settings, SettingsError
from kova.fixes.prove_fix import ProveFix


def local_analyzers(settings: Settings | None = None) -> list[Analyzer]:
    """Make every analyser of the registry whose program is on this machine.

    Args:
        settings: where programs are and which key hashes secrets; the defaults if None.

    Raises:
        SettingsError: programs are missing that Kova does not run without; all are named.
    """
    from kova.adapters.analyzers.betterleaks import BetterleaksAnalyzer
    from kova.adapters.analyzers.child import ChildAnalyzer
    from kova.adapters.analyzers.registry import ANALYZERS  # Workers only; see ADR 4.

    settings = settings or Settings()
    key = derive_key(settings.secrets_key)
    # Before KOVA_SECRETS_KEY had to be set, the first webhook secret stood for it.
    former = [derive_key(text) for text in settings.github_webhook_secrets]
    analyzers: list[Analyzer] = []
    missing: list[str] = []
    for kind in ANALYZERS:
        if kind.whole_program and not settings.whole_program:
            continue  # It must read everything again at each push: the user decides.
        if issubclass(kind, ChildAnalyzer):
            analyzers.append(kind())
            continue
        program = find_program(kind.program, settings.analyzers_bin, {"ruff": settings.ruff})
        if program is None:
            missing += [] if kind.optional else [kind.program]
        elif issubclass(kind, BetterleaksAnalyzer):
            analyzers.append(kind(kind.locate(program), key=key, former_keys=former))
        else:
            analyzers.append(kind(kind.locate(program)))
    if missing:
        raise SettingsError(f"Analysers are not installed: {', '.join(missing)}.")
    return analyzers


def missing_analyzers(settings: Settings | None = None) -> list[str]:
    """Name the optional analysers whose programs are not on this machine."""
    from kova.adapters.analyzers.registry import ANALYZERS

    settings = settings or Settings()
    return [
        kind.name
        for kind in ANALYZERS
        if kind.optional
        and (settings.whole_program or not kind.whole_program)
        and find_program(kind.program, settings.analyzers_bin, {}) is None
    ]


def find_program(name: str, folder: str | None, named: Mapping[str, str | None]) -> Path | None:
    """Find a program: where a setting names it, in the analysers' folder, here, on the PATH.

    Raises:
        SettingsError: a setting names what is not there.
    """
    own = named.get(name)
    if own:
        program = shutil.which(own)
        if program is None:
            raise SettingsError(f"KOVA_{name.upper()} names no program.")
        return Path(program)
    if folder and not Path(folder).is_dir():
        raise SettingsError("KOVA_ANALYZERS_BIN names no folder.")
    folders = [Path(folder)] if folder else []
    for place in (*folders, Path(sysconfig.get_path("scripts"))):
        if (place / name).exists():
            return place / name
    on_path = shutil.which(name)
    return Path(on_path) if on_path else None


def prove_fix(analyzers: AnalyzeTree) -> ProveFix:
    """Make the prover for these analysers."""
    from kova.adapters.analyzers.bounded_syntax import BoundedSyntax

    return ProveFix(analyzers=analyzers, syntax=[BoundedSyntax()])
