"""What people did on GitHub, as the log tells it: the ground that the oracle stands on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from tests.chaos.samples import SampleState, decode_state

Fact: TypeAlias = Mapping[str, Any]
"""One line of the log's `facts`: `fact` names its kind, the rest is JSON."""
Files: TypeAlias = dict[str, SampleState]
FIX_BRANCH: Final = "kova/fix-main"
MAIN: Final = "main"


@dataclass(kw_only=True)
class PullModel:
    """A pull request. `state` is open, closed or merged; `kova`: it is one of Kova's fixes."""

    number: int
    branch: str
    kova: bool
    state: str = "open"
    head: str = ""
    base: str = ""


@dataclass(kw_only=True)
class RepositoryModel:
    """One repository.

    Attributes:
        commits: the files of each commit.
        branches: where each branch ends.
        history: where the default branch ended after each push.
        moves: the pushes of the default branch, as pairs of before and after.
        proposals: what was opened or pushed to pull requests: number, base and head.
        declined: the changes that people closed: path, and the blobs before and after.
        unforgotten: those of them whose error has stayed itself ever since: where it left its file,
            and one of the same rule came to another file or left one, it may have moved there, and
            what comes back is another error.
        absent: those whose error has left its file since.
        mobile: those of whose rule an error came to another file, or left one, since.
        declined_rules: the rules that they mend.
        commits_of_people: what people have committed to the branch of fixes.
        overwritten: Kova wrote over such commits.
        repeated: pull request and path of changes that were offered after a person closed them.
        names: the names that it had, in small letters.
        reruns: how often a check was run again, by external id and commit.
        steps: which steps concern a commit, a pull request, or (by "") the repository.
    """

    id: int
    name: str
    commits: dict[str, Files] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    moves: list[tuple[str, str]] = field(default_factory=list)
    proposals: list[tuple[int, str, str]] = field(default_factory=list)
    pulls: dict[int, PullModel] = field(default_factory=dict)
    declined: set[tuple[str, str, str]] = field(default_factory=set)
    unforgotten: set[tuple[str, str, str]] = field(default_factory=set)
    absent: set[tuple[str, str, str]] = field(default_factory=set)
    mobile: set[tuple[str, str, str]] = field(default_factory=set)
    declined_rules: set[str] = field(default_factory=set)
    commits_of_people: set[str] = field(default_factory=set)
    overwritten: bool = False
    repeated: list[tuple[int, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    reruns: Counter[tuple[str, str]] = field(default_factory=Counter)
    steps: dict[str, list[int]] = field(default_factory=dict)

    @property
    def meddled(self) -> bool:
        """Whether a person has ever committed to the branch of fixes."""
        return bool(self.commits_of_people)

    @property
    def head(self) -> str:
        """Where the default branch ends."""
        return self.branches[MAIN]

    @property
    def files(self) -> Files:
        """The files of the default branch."""
        return self.commits[self.head]

    def open_pulls(self) -> list[PullModel]:
        """Return the open pull requests of people."""
        return [pull for pull in self.pulls.values() if pull.state == "open" and not pull.kova]

    def fix_pull(self) -> PullModel | None:
        """Return the open pull request of Kova's fixes."""
        pulls = [pull for pull in self.pulls.values() if pull.state == "open" and pull.kova]
        return pulls[-1] if pulls else None


class World:
    """All repositories, by GitHub's number; made by applying facts in their order."""

    def __init__(self) -> None:
        self.repositories: dict[int, RepositoryModel] = {}
        self.steps: dict[int, str] = {}

    def apply(self, step: int, kind: str, facts: list[Fact]) -> None:
        """Take over what a step did."""
        self.steps[step] = kind
        for fact in facts:
            if fact["fact"] == "created":
                model = RepositoryModel(id=fact["repository"], name=fact["name"])
                self.repositories[model.id] = model
            else:
                model = self.repositories[fact["repository"]]
            getattr(self, f"_{fact['fact']}")(model, fact)
            model.names.add(model.name.lower())
            concerns = ("", fact.get("after", ""), f"#{fact['number']}" if "number" in fact else "")
            for subject in {*concerns}:
                model.steps.setdefault(subject, []).append(step)

    def _created(self, model: RepositoryModel, fact: Fact) -> None:
        self._pushed(model, fact)

    def _pushed(self, model: RepositoryModel, fact: Fact) -> None:
        branch, after = fact["branch"], fact["after"]
        if "files" in fact:
            model.commits[after] = {
                path: decode_state(text) for path, text in fact["files"].items()
            }
        files = model.files if MAIN in model.branches else {}
        model.branches[branch] = after
        if branch == MAIN:
            model.history.append(after)
            model.moves.append((fact["before"], after))
            self._forget(model, files)
        if branch == FIX_BRANCH and not fact.get("kova"):
            model.commits_of_people.add(after)
        model.overwritten |= bool(fact.get("overwrites"))

    def _forget(self, model: RepositoryModel, files: Files) -> None:
        """Forget the declined changes whose error may be another by now, given the files before."""
        for change in list(model.unforgotten):
            path, rules = change[0], set(decode_state(change[1]).rules)
            if not rules <= set(_rules_at(model.files, path)):
                model.absent.add(change)
            if any(
                _only(rules, files, other) != _only(rules, model.files, other)
                for other in (files.keys() | model.files.keys()) - {path}
            ):
                model.mobile.add(change)
            if path not in model.files or change in model.absent & model.mobile:
                model.unforgotten.discard(change)

    def _opened(self, model: RepositoryModel, fact: Fact) -> None:
        pull = PullModel(number=fact["number"], branch=fact["branch"], kova=bool(fact.get("kova")))
        model.pulls[pull.number] = pull

    def _proposed(self, model: RepositoryModel, fact: Fact) -> None:
        pull = model.pulls[fact["number"]]
        pull.state, pull.base, pull.head = "open", fact["base"], fact["head"]
        model.proposals.append((pull.number, pull.base, pull.head))
        if pull.kova and not model.meddled:
            self._find_repetition(model, pull)

    def _find_repetition(self, model: RepositoryModel, pull: PullModel) -> None:
        before, after = model.commits.get(pull.base, {}), model.commits.get(pull.head, {})
        for path, state in after.items():
            if path in before and before[path] != state:
                change = (path, before[path].encode(), state.encode())
                if change in model.unforgotten:
                    model.repeated.append((pull.number, path))

    def _closed(self, model: RepositoryModel, fact: Fact) -> None:
        model.pulls[fact["number"]].state = "merged" if fact.get("merged") else "closed"

    def _declined(self, model: RepositoryModel, fact: Fact) -> None:
        changes = {(path, before, after) for path, before, after in fact["changes"]}
        model.declined |= changes
        model.unforgotten |= {change for change in changes if change[0] in model.files}
        for _, before, _ in fact["changes"]:
            model.declined_rules |= set(decode_state(before).rules)

    def _renamed(self, model: RepositoryModel, fact: Fact) -> None:
        model.name = fact["name"]

    def _deleted(self, model: RepositoryModel, fact: Fact) -> None:
        model.branches.pop(fact["branch"], None)

    def _noted(self, model: RepositoryModel, fact: Fact) -> None:
        """Note a re-run, or a delivery that is asked for again."""
        if fact.get("suite"):
            numbers = {number for number, _, head in model.proposals if head == fact["after"]}
            model.reruns.update((f"kova/pull/{number}", fact["after"]) for number in numbers)
        elif "rerun" in fact:
            model.reruns[fact["rerun"], fact["after"]] += 1


def _rules_at(files: Files, path: str) -> Sequence[str]:
    return files[path].rules if path in files else ()


def _only(rules: set[str], files: Files, path: str) -> list[str]:
    """Return some rules of a file, each as often as it is broken there."""
    return [rule for rule in _rules_at(files, path) if rule in rules]
