"""Some files of a commit are read as text."""

from __future__ import annotations

import pytest

from kova.commands.read_files import ReadFiles
from kova.shared.exceptions import GitHubUnavailableError, NotFoundError, RepositoryNotFoundError
from kova.shared.repository import RepositoryRef
from tests.support.commands import MAIN, NAME, sample_source
from tests.support.stand_ins import StandInSource

REF = RepositoryRef(full_name=NAME)


@pytest.fixture
def source() -> StandInSource:
    return sample_source()


async def test_lines_are_returned_by_path(source: StandInSource) -> None:
    files = await ReadFiles(source).read(REF, MAIN, ["app.py", "settings.py"])
    assert files["app.py"][3] == "def start(port):"
    assert set(files) == {"app.py", "settings.py"}


async def test_files_that_are_not_there_or_no_text_are_missing(source: StandInSource) -> None:
    files = await ReadFiles(source).read(REF, MAIN, ["app.py", "logo.png", "gone.py"])
    assert set(files) == {"app.py"}


async def test_a_file_that_could_not_be_downloaded_is_missing(source: StandInSource) -> None:
    source.absent = frozenset({"app.py"})
    files = await ReadFiles(source).read(REF, MAIN, ["app.py", "settings.py"])
    assert set(files) == {"settings.py"}


async def test_a_file_that_is_too_large_is_not_downloaded(source: StandInSource) -> None:
    source.commits[MAIN] = {"large.py": b"#" * 1_000_001, "full.py": b"#" * 1_000_000}
    files = await ReadFiles(source).read(REF, MAIN, ["large.py", "full.py"])
    assert set(files) == {"full.py"}
    assert source.downloads == [("full.py",)]


async def test_of_many_files_fifty_are_downloaded(source: StandInSource) -> None:
    contents = {f"f{number:03}.py": b"x = 1" for number in range(60)}
    source.commits[MAIN] = contents
    files = await ReadFiles(source).read(REF, MAIN, list(contents))
    assert set(files) == set(sorted(contents)[:50])


async def test_without_any_such_file_nothing_is_downloaded(source: StandInSource) -> None:
    assert await ReadFiles(source).read(REF, MAIN, []) == {}
    assert await ReadFiles(source).read(REF, MAIN, ["gone.py"]) == {}
    assert source.downloads == []


async def test_one_file_is_read_at_a_branch(source: StandInSource) -> None:
    lines = await ReadFiles(source).read_one(REF, "main", "settings.py")
    assert "DEBUG = True" in lines


async def test_one_file_that_is_not_there_is_not_found(source: StandInSource) -> None:
    with pytest.raises(NotFoundError):
        await ReadFiles(source).read_one(REF, "main", "gone.py")
    with pytest.raises(RepositoryNotFoundError):
        await ReadFiles(source).read_one(REF, "no-branch", "app.py")


async def test_a_github_that_is_away_is_no_missing_file(source: StandInSource) -> None:
    source.available = False
    with pytest.raises(GitHubUnavailableError):
        await ReadFiles(source).read(REF, MAIN, ["app.py"])
