"""What a command is about is gathered, the most specific first, and nothing secret with it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kova.code_index.ports import Chunk, IndexedFile
from kova.commands.command import CommandRequest
from kova.commands.gather_context import Context
from kova.errors.error import ErrorStatus
from kova.models.prompt import Material
from kova.shared.exceptions import (
    ConflictError,
    DatabaseUnavailableError,
    GitHubUnavailableError,
    NotFoundError,
    OwnerNotAllowedError,
    RepositoryNotFoundError,
)
from kova.shared.owners import owners_of
from kova.shared.reach import EVERYTHING, Reach, reach_of
from kova.shared.repository import RepositoryInfo, RepositoryRef
from tests.support.commands import ERROR, FILES, HEAD, INFO, MAIN, NAME, SECRET, CommandDesk
from tests.support.findings import finding
from tests.support.stand_ins import StandInErrors, StandInSource


class GivenAway(StandInSource):
    """GitHub answers for the name of before with the repository of today."""

    async def repository(self, repository_ref: RepositoryRef) -> RepositoryInfo:
        assert repository_ref.full_name == "old/sample"
        return self.info


async def gather(desk: CommandDesk, /, reach: Reach = EVERYTHING, **fields: object) -> Context:
    request = CommandRequest(**{"command": "why does it start?", **fields})  # type: ignore[arg-type]
    return await desk.gather.gather(request, reach)


def summary(context: Context) -> list[tuple[str, str, int]]:
    return [(material.kind, material.name, material.start_line) for material in context.materials]


def text_of(materials: tuple[Material, ...]) -> str:
    return "\n".join(line for material in materials for line in material.lines)


async def indexed_desk() -> CommandDesk:
    """Return a desk whose repository is saved and has two chunks in the index."""
    desk = CommandDesk()
    repository = await desk.repositories.save(INFO)
    chunks = [
        Chunk(
            blob_sha=letter * 40,
            path=path,
            name=name,
            start_line=9,
            text=f"def {name}():\n    return start('{SECRET}')",
        )
        for letter, path, name in (("1", "app.py", "restart"), ("2", "cli.py", "start_all"))
    ]
    files = [IndexedFile(path=chunk.path, blob_sha=chunk.blob_sha) for chunk in chunks]
    await desk.index.add(repository.id, chunks)
    await desk.index.keep(repository.id, files)
    return desk


async def test_a_command_by_itself_has_no_context() -> None:
    assert await gather(CommandDesk()) == Context()


async def test_code_that_the_caller_sent_is_the_context_without_any_github() -> None:
    desk = CommandDesk()
    desk.source.available = False
    context = await gather(desk, code="x = 1\r\ny = 2", path="new.py")
    (material,) = context.materials
    assert (material.kind, material.name, material.lines) == ("code", "new.py", ("x = 1", "y = 2"))


async def test_a_file_is_read_at_the_ref_or_at_the_default_branch() -> None:
    desk = CommandDesk()
    at_main = await gather(desk, repository=NAME, path="app.py")
    at_topic = await gather(desk, repository=NAME, path="app.py", ref="topic")
    assert "serve(port)" in text_of(at_main.materials)
    assert "any-host" in text_of(at_topic.materials)
    assert at_main.repository == NAME


@pytest.mark.parametrize("path", ["no.py", "logo.png"])
async def test_a_file_that_is_not_there_or_no_text_is_not_found(path: str) -> None:
    with pytest.raises(NotFoundError):
        await gather(CommandDesk(), repository=NAME, path=path)


async def test_a_path_or_a_pull_request_needs_its_repository() -> None:
    with pytest.raises(ConflictError):
        await gather(CommandDesk(), path="app.py")
    with pytest.raises(ConflictError):
        await gather(CommandDesk(), pull_request=5)


async def test_a_repository_that_github_does_not_show_is_not_found() -> None:
    with pytest.raises(RepositoryNotFoundError):
        await gather(CommandDesk(), repository="octo/hidden")
    with pytest.raises(RepositoryNotFoundError):
        await gather(CommandDesk(), repository="octo/hidden", pull_request=5)
    with pytest.raises(RepositoryNotFoundError):
        await gather(CommandDesk(), repository=NAME, pull_request=6)


async def test_secrets_are_redacted_and_the_lines_keep_their_numbers() -> None:
    context = await gather(CommandDesk(), repository=NAME, path="settings.py")
    (material,) = context.materials
    assert SECRET not in text_of(context.materials)
    assert material.lines[1] == "DEBUG = True"


async def test_an_error_comes_with_the_lines_around_it() -> None:
    desk = CommandDesk()
    await desk.repositories.save(INFO)
    context = await gather(desk, error_id=ERROR.id)
    assert summary(context)[:2] == [("note", "the error in question", 1), ("file", "app.py", 1)]
    assert context.materials[1].lines == tuple(FILES["app.py"].decode().splitlines())
    assert context.repository == NAME


async def test_an_error_far_down_in_a_file_comes_with_sixty_lines_before_it() -> None:
    lines = [f"x{number} = {number}" for number in range(1, 301)]
    span = replace(ERROR.finding.span, start_line=200, end_line=201)
    error = replace(ERROR, finding=replace(ERROR.finding, span=span))
    desk = CommandDesk(errors=StandInErrors(error))
    await desk.repositories.save(INFO)
    desk.source.commits[MAIN] = {"app.py": "\n".join(lines).encode()}
    context = await gather(desk, error_id=ERROR.id)
    material = context.materials[1]
    assert material.start_line == 140
    assert material.lines == tuple(lines[139:261])


@pytest.mark.parametrize("fault", ["github is away", "file is gone", "repository is unknown"])
async def test_an_error_whose_file_cannot_be_read_comes_with_its_snippet(fault: str) -> None:
    desk = CommandDesk()
    if fault != "repository is unknown":
        await desk.repositories.save(INFO)
    desk.source.available = fault != "github is away"
    if fault == "file is gone":
        desk.source.commits[MAIN] = {}
    context = await gather(desk, error_id=ERROR.id)
    assert summary(context) == [("note", "the error in question", 1), ("file", "app.py", 5)]
    assert context.materials[1].lines == ("    return serve(port)",)


async def test_an_error_that_is_not_there_or_of_another_repository_is_refused() -> None:
    with pytest.raises(NotFoundError):
        await gather(CommandDesk(), error_id="nobody")
    with pytest.raises(ConflictError):
        await gather(CommandDesk(), error_id=ERROR.id, repository="octo/other")
    assert (await gather(CommandDesk(), error_id=ERROR.id, repository=NAME.upper())).materials


async def test_a_pull_request_is_its_description_and_its_changed_hunks() -> None:
    context = await gather(CommandDesk(), repository=NAME, pull_request=5)
    note, change = context.materials
    assert note.lines == ("Title: Serve on all hosts", "As discussed.")
    assert (change.kind, change.name, change.start_line) == ("change", "app.py", 1)
    assert change.changed == {5}
    assert change.lines[4] == "    return serve('any-host', port)"
    assert context.reported == ()


async def test_a_renamed_file_of_a_pull_request_is_compared_with_its_old_path() -> None:
    desk = CommandDesk()
    comparison = desk.source.comparison
    assert comparison is not None
    desk.source.commits[HEAD] = {"main.py": desk.source.commits[HEAD]["app.py"]}
    desk.source.comparison = replace(
        comparison, changed=frozenset({"main.py"}), renamed={"main.py": "app.py"}
    )
    context = await gather(desk, repository=NAME, pull_request=5)
    assert [material.changed for material in context.materials[1:]] == [{5}]


async def test_a_deleted_or_binary_file_of_a_pull_request_is_left_out() -> None:
    desk = CommandDesk()
    comparison = desk.source.comparison
    assert comparison is not None
    desk.source.comparison = replace(comparison, changed=frozenset({"gone.py", "logo.png"}))
    context = await gather(desk, repository=NAME, pull_request=5)
    assert [material.kind for material in context.materials] == ["note"]


async def test_open_findings_of_the_changed_files_are_reported_and_others_are_not() -> None:
    other_file = replace(ERROR, id="2", finding=finding(path="other.py"))
    fixed = replace(ERROR, id="3", status=ErrorStatus.FIXED)
    desk = CommandDesk(errors=StandInErrors(ERROR, other_file, fixed))
    await desk.repositories.save(INFO)
    context = await gather(desk, repository=NAME, pull_request=5)
    assert context.reported == (ERROR.finding,)
    assert context.materials[1].lines == ("app.py:5 The port is not checked.",)


async def test_chunks_of_the_index_come_last_and_without_the_file_that_is_shown_whole() -> None:
    desk = await indexed_desk()
    context = await gather(desk, repository=NAME)
    assert summary(context) == [("file", "cli.py", 9), ("file", "app.py", 9)]
    assert SECRET not in text_of(context.materials)
    context = await gather(desk, repository=NAME, path="app.py")
    assert summary(context) == [("file", "app.py", 1), ("file", "cli.py", 9)]


async def test_without_the_index_a_command_still_has_its_context() -> None:
    desk = await indexed_desk()
    desk.index.available = False
    context = await gather(desk, repository=NAME, path="app.py")
    assert summary(context) == [("file", "app.py", 1)]


async def test_without_github_or_the_database_the_caller_hears_of_it() -> None:
    desk = CommandDesk()
    desk.source.available = False
    with pytest.raises(GitHubUnavailableError):
        await gather(desk, repository=NAME, path="app.py")
    with pytest.raises(GitHubUnavailableError):
        await gather(desk, repository=NAME, pull_request=5)
    desk.database.available = False
    with pytest.raises(DatabaseUnavailableError):
        await gather(desk, repository=NAME)


async def test_nothing_is_gathered_from_outside_of_the_reach() -> None:
    desk = await indexed_desk()
    elsewhere = reach_of(["octo/elsewhere"])
    with pytest.raises(RepositoryNotFoundError):
        await gather(desk, elsewhere, repository=NAME)
    with pytest.raises(RepositoryNotFoundError):
        await gather(desk, elsewhere, repository=NAME, path="app.py")
    with pytest.raises(RepositoryNotFoundError):
        await gather(desk, elsewhere, repository=NAME, pull_request=1)
    with pytest.raises(NotFoundError):
        await gather(desk, elsewhere, error_id=ERROR.id)
    inside = await gather(desk, reach_of([NAME]), repository=NAME.upper())
    assert inside.materials


@pytest.mark.parametrize(
    "fields",
    [
        {"repository": NAME},
        {"repository": NAME.upper(), "path": "app.py"},
        {"repository": NAME, "pull_request": 5},
        {"repository": NAME, "code": "x = 1"},
        {"error_id": ERROR.id},
    ],
    ids=["repository", "file", "pull request", "code", "error"],
)
@pytest.mark.parametrize("known", [True, False])
async def test_no_money_is_spent_on_code_of_other_owners(
    fields: dict[str, object], *, known: bool
) -> None:
    """Whoever installs a public App, or gives a repository away, is not worked for."""
    desk = CommandDesk(owners=owners_of(["acme"]))
    if known:
        await desk.repositories.save(INFO)
    with pytest.raises(OwnerNotAllowedError):
        await gather(desk, **fields)
    assert desk.source.downloads == []


async def test_a_repository_that_was_given_to_another_owner_is_not_read() -> None:
    desk = CommandDesk(owners=owners_of(["old"]))
    desk.source.__class__ = GivenAway
    for fields in ({}, {"path": "app.py"}, {"pull_request": 5}):
        with pytest.raises(OwnerNotAllowedError):
            await gather(desk, repository="old/sample", **fields)
    assert desk.source.downloads == []
