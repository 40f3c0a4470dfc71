"""Known secrets under today's key: their traits are keyed hashes, and the key may have changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace

from kova.analysis.finding import Finding, Traits
from kova.analysis.fingerprint import former_traits
from kova.errors.lifecycle import KnownError


def traits_by_former(findings: Sequence[Finding]) -> dict[str, str]:
    """Return the traits of secrets by what they were under the keys of before."""
    names = [field.name for field in fields(Traits)]
    return {
        getattr(former, name): getattr(finding.traits, name)
        for finding in findings
        for former in former_traits(finding)
        for name in names
    }


def rekey_error(error: KnownError, by_former: Mapping[str, str]) -> KnownError:
    """Return the error with the traits that it has under today's key; its row is then rewritten."""
    if not by_former:
        return error
    traits = {name: by_former.get(text, text) for name, text in asdict(error.traits).items()}
    return replace(error, traits=Traits(**traits))
