"""kova.env holds any value, and gives it back as it was."""

from __future__ import annotations

import stat
import subprocess
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from kova.adapters.env_file import read_environment, write_environment

# What an environment variable can hold.
VALUES = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))


@given(st.dictionaries(st.from_regex(r"[A-Z][A-Z0-9_]{0,20}", fullmatch=True), VALUES))
def test_what_was_written_is_read(tmp_path_factory: object, values: dict[str, str]) -> None:
    folder: Path = tmp_path_factory.mktemp("env")  # type: ignore[attr-defined]
    write_environment(folder / "kova.env", values)
    assert read_environment(folder / "kova.env") == values


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    write_environment(tmp_path / "kova.env", {"A": "1"})
    assert stat.S_IMODE((tmp_path / "kova.env").stat().st_mode) == 0o600


def test_plain_values_mean_the_same_to_a_shell(tmp_path: Path) -> None:
    values = {
        "A": "postgresql://u:p@127.0.0.1:1/x?y=z",
        "B": "two words",
        "C": "it's",
        "D": "a$b`c`&\\",
    }
    write_environment(tmp_path / "kova.env", values)
    names = " ".join(f'"${name}"' for name in values)
    script = f". ./kova.env; printf '%s\\0' {names}"
    output = subprocess.run(
        ["/bin/sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert output.stdout.split("\0")[:-1] == list(values.values())
