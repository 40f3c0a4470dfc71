"""A fake GitHub in a process of its own, so that it does not share the scan's interpreter."""

from __future__ import annotations

import io
import multiprocessing
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from kova_fakes.github import serve_github


@dataclass(frozen=True, kw_only=True)
class Fake:
    """Where the fake is, and how to speak to it as a person would."""

    url: str
    token: str
    pipe: Connection

    def create(self, name: str, archive: Path) -> str:
        """Make a repository of a source distribution; return the commit."""
        return self._ask("create", name, archive)

    def push(self, name: str, path: str, addition: bytes) -> str:
        """Append to one file and push; return the commit."""
        return self._ask("push", name, path, addition)

    def _ask(self, *message: Any) -> str:
        self.pipe.send(message)
        answer: str = self.pipe.recv()
        return answer


def read_archive(path: Path) -> dict[str, bytes]:
    """Return the regular files of a source distribution."""
    files: dict[str, bytes] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isreg() else None
            if content is not None:
                files[member.name.partition("/")[2]] = content.read()
    return files


@contextmanager
def fake_github() -> Iterator[Fake]:
    """Run a fake until the block ends."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,))
    process.start()
    url, token = ours.recv()
    try:
        yield Fake(url=url, token=token, pipe=ours)
    finally:
        ours.send(("stop",))
        process.join(timeout=10)


def _serve(pipe: Connection) -> None:
    with serve_github() as github:
        pipe.send((github.url, github.token))
        while (message := pipe.recv())[0] != "stop":
            if message[0] == "create":
                _, name, archive = message
                pipe.send(github.state.create_repository(name, files=read_archive(archive)))
            else:
                _, name, path, addition = message
                before = github.state.file(name, "main", path)
                both = io.BytesIO(before + addition).getvalue()
                pipe.send(github.state.push(name, {path: both}))
