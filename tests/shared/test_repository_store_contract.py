"""One suite for watched repositories in Postgres and their twin in memory."""

from __future__ import annotations

from decimal import Decimal

from kova.shared.audit import Action
from kova.shared.page import PageRequest
from kova.shared.reach import EVERYTHING
from kova.shared.repository import AutoFix, RepositoryChange
from kova.shared.severity import Severity
from tests.support.stores import NAME, AllStores, apply_files, new_repository, repository_info

SHA = "a" * 40


async def test_a_new_repository_has_the_defaults(stores: AllStores) -> None:
    info = repository_info(installation_id=7, private=True)
    repository = await stores.repositories.save(info)
    assert (repository.full_name, repository.github_id) == (NAME, info.github_id)
    assert (repository.installation_id, repository.private) == (7, True)
    assert (repository.auto_fix, repository.fail_on) == (AutoFix.PULL_REQUEST, Severity.HIGH)
    assert (repository.monthly_budget_usd, set(repository.open_errors.values())) == (None, {0})
    assert await stores.repositories.get(NAME, EVERYTHING) == repository


async def test_a_name_is_found_whatever_its_letters_case(stores: AllStores) -> None:
    repository = await new_repository(stores, "Octo/Sample")
    assert await stores.repositories.get("octo/SAMPLE", EVERYTHING) == repository
    assert await stores.repositories.get("octo/none", EVERYTHING) is None


async def test_a_renamed_repository_stays_the_same_one(stores: AllStores) -> None:
    info = repository_info(installation_id=7)
    repository = await stores.repositories.save(info)
    renamed = await stores.repositories.save(
        repository_info("octo/new", github_id=info.github_id, default_branch="trunk")
    )
    assert (renamed.id, renamed.full_name) == (repository.id, "octo/new")
    assert (renamed.default_branch, renamed.installation_id) == ("trunk", 7)
    assert await stores.repositories.get(NAME, EVERYTHING) is None


async def test_a_repository_that_took_over_a_name_does_not_take_over_the_errors(
    stores: AllStores,
) -> None:
    old = await new_repository(stores)
    await apply_files(stores, old, SHA, {"a.py": "BAD(x)"})
    new = await new_repository(stores, NAME.title())
    assert new.id != old.id
    current = await stores.repositories.get(NAME, EVERYTHING)
    assert current is not None
    assert (current.id, current.open_errors["high"]) == (new.id, 0)
    assert len((await stores.repositories.page(PageRequest(), EVERYTHING)).items) == 2


async def test_only_the_named_settings_are_changed_and_that_is_recorded(stores: AllStores) -> None:
    await new_repository(stores)
    change = RepositoryChange(
        named=frozenset({"auto_fix", "monthly_budget_usd"}),
        auto_fix=AutoFix.OFF,
        fail_on=Severity.LOW,
        monthly_budget_usd=Decimal("2.5"),
    )
    changed = await stores.repositories.change(NAME, change, "key:abc", EVERYTHING)
    assert changed is not None
    assert (changed.auto_fix, changed.fail_on) == (AutoFix.OFF, Severity.HIGH)
    assert changed.monthly_budget_usd == Decimal("2.5")
    (event,) = (await stores.audit.page(PageRequest())).items
    assert (event.actor, event.action) == ("key:abc", Action.REPOSITORY_CHANGED)
    assert (event.target, event.detail) == (NAME, {"auto_fix": "off", "monthly_budget_usd": "2.5"})
    removal = RepositoryChange(named=frozenset({"monthly_budget_usd"}))
    changed = await stores.repositories.change(NAME, removal, "key:abc", EVERYTHING)
    assert changed is not None
    assert changed.monthly_budget_usd is None


async def test_a_change_of_an_unknown_repository_is_recorded_nowhere(stores: AllStores) -> None:
    change = RepositoryChange(named=frozenset({"auto_fix"}), auto_fix=AutoFix.OFF)
    assert await stores.repositories.change("octo/none", change, "cli", EVERYTHING) is None
    assert (await stores.audit.page(PageRequest())).items == ()


async def test_settings_survive_what_github_says_again(stores: AllStores) -> None:
    info = repository_info()
    await stores.repositories.save(info)
    change = RepositoryChange(named=frozenset({"fail_on"}), fail_on=Severity.LOW)
    await stores.repositories.change(NAME, change, "cli", EVERYTHING)
    assert (await stores.repositories.save(info)).fail_on is Severity.LOW


async def test_open_errors_are_counted_by_severity(stores: AllStores) -> None:
    repository = await new_repository(stores)
    await apply_files(stores, repository, SHA, {"a.py": "BAD(x)\nBAD(y)", "b.py": "BAD(z)"})
    counts = {"critical": 0, "high": 3, "medium": 0, "low": 0}
    current = await stores.repositories.get(NAME, EVERYTHING)
    assert current is not None
    assert current.open_errors == counts
    await apply_files(stores, repository, "b" * 40, {"a.py": "BAD(x)\nBAD(y)", "b.py": ""})
    (listed,) = (await stores.repositories.page(PageRequest(), EVERYTHING)).items
    assert listed.open_errors == {**counts, "high": 2}


async def test_pages_are_newest_first_and_whole(stores: AllStores) -> None:
    names = [(await new_repository(stores, f"octo/r{number}")).full_name for number in range(3)]
    first = await stores.repositories.page(PageRequest(limit=2), EVERYTHING)
    rest = await stores.repositories.page(PageRequest(limit=2, after=first.next), EVERYTHING)
    listed = [repository.full_name for repository in (*first.items, *rest.items)]
    assert (listed, rest.next) == (names[::-1], None)


async def test_a_repository_is_found_by_githubs_number(stores: AllStores) -> None:
    info = repository_info(github_id=77)
    repository = await stores.repositories.save(info)
    assert await stores.repositories.find(77) == repository
    assert await stores.repositories.find(78) is None


async def test_only_github_itself_says_that_a_repository_is_archived(stores: AllStores) -> None:
    for archived, expected in ((None, False), (True, True), (None, True), (False, False)):
        row = await stores.repositories.save(repository_info(github_id=77, archived=archived))
        assert row.archived is expected
