"""The wheels of the project, installed away from the repository, are a whole Kova."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("layers/common", "functions", "server")
PROGRAMS = ("betterleaks", "dbmate", "oxlint", "ruff", "zizmor")
APPLICATION = """
import functions, kova, kova_server
from kova.bootstrap.settings import Settings
from kova_server.application import application
paths = set(application(Settings()).openapi()["paths"])
print(*sorted(paths), *(module.__file__ for module in (functions, kova, kova_server)), sep="\\n")
"""


def run(command: list[str | Path], folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: text for key, text in os.environ.items() if not key.startswith("KOVA_")}
    environment.pop("PYTHONPATH", None)
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("wheels")
    uv = Path(sys.executable).with_name("uv")
    for package in PACKAGES:
        command = [uv, "build", "--wheel", "--no-build-isolation", "--offline", "--quiet"]
        process = run(
            [*command, "--python", sys.executable, "--out-dir", folder, ROOT / package], folder
        )
        assert process.returncode == 0, process.stderr
    return sorted(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def environment_folder(wheels: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheels; of the tests' one it has the dependencies alone."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False, symlinks=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "lib" / version / "site-packages"
    # The folder counts, and not what its own .pth files name: the editable packages.
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    for program in PROGRAMS:
        (folder / "bin" / program).symlink_to(Path(sys.executable).with_name(program))
    uv = Path(sys.executable).with_name("uv")
    command = [uv, "pip", "install", "--quiet", "--offline", "--no-deps"]
    process = run([*command, "--python", folder / "bin/python", *wheels], folder)
    assert process.returncode == 0, process.stderr
    return folder


def test_the_wheels_hold_the_packages_and_nothing_beside(wheels: list[Path]) -> None:
    assert len(wheels) == len(PACKAGES)
    names = [name for wheel in wheels for name in ZipFile(wheel).namelist()]
    inside = [name for name in names if ".dist-info/" not in name]
    assert "functions/health/app.py" in inside
    assert not [name for name in inside if Path(name).name in {"Makefile", "pyproject.toml"}]
    assert {name.partition("/")[0] for name in inside} == {"functions", "kova", "kova_server"}
    assert not [name for name in inside if "test" in name]


def test_the_server_is_whole_away_from_the_repository(environment_folder: Path) -> None:
    process = run([environment_folder / "bin/python", "-c", APPLICATION], environment_folder)
    assert process.returncode == 0, process.stderr
    lines = process.stdout.splitlines()
    assert {"/health", "/api/scan", "/webhooks/github", "/metrics"} <= set(lines)
    assert all(Path(line).is_relative_to(environment_folder) for line in lines[-3:])


def test_a_folder_is_scanned_away_from_the_repository(
    environment_folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.py").write_text("def f(x):\n    return x is 'a'\n")
    process = run([environment_folder / "bin/kova", "scan", tmp_path], tmp_path)
    assert process.returncode == 1, process.stdout + process.stderr
    assert "F632" in process.stdout
    assert "Traceback" not in process.stderr
