"""The steps of a run: what people do, drawn by the seed and the step's number."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, Final

from kova_fakes.github import FakeGitHub, people
from tests.chaos.changes import change_files, first_files, merge_files, write_and_delete
from tests.chaos.outgoing import Outgoing
from tests.chaos.practice import DurableState, RandomFaults
from tests.chaos.world import MAIN, Fact, Files, PullModel, RepositoryModel, World

WEIGHTS: Final = {
    "push": 36,
    "force_known": 6,
    "force_new": 6,
    "open": 8,
    "synchronize": 8,
    "force_pull": 3,
    "close": 3,
    "reopen": 3,
    "merge": 4,
    "rename": 2,
    "delete": 3,
    "merge_fix": 5,
    "close_fix": 2,
    "meddle": 1,
    "redeliver": 4,
    "rerun": 4,
}
"""How often each kind of step is drawn. A kind that is not possible becomes a push."""
FIXES: Final = "fixes"
"""Without these, the settings of every repository ask for no pull requests of fixes."""
_MOST_PULLS: Final = 3


@dataclass(kw_only=True)
class ChaosStep:
    """What happened in a step, and the deliveries that it makes."""

    number: int
    kind: str
    facts: list[Fact] = field(default_factory=list)
    outgoing: list[Outgoing] = field(default_factory=list)


class StepMaker:
    """Does steps on the practice GitHub; the world follows when a step is applied to it."""

    def __init__(
        self,
        *,
        seed: int,
        world: World,
        github: FakeGitHub,
        faults: RandomFaults,
        repositories: int,
        without: Collection[str] = (),
    ) -> None:
        """`without` names kinds of steps that do not happen."""
        assert isinstance(github.state, DurableState)
        self._seed = seed
        self._world = world
        self._github = github
        self._state = github.state
        self._faults = faults
        self._repositories = repositories
        self._fixes = FIXES not in without
        self._weights = {kind: WEIGHTS[kind] for kind in WEIGHTS if kind not in without}

    def make(self, number: int) -> ChaosStep:
        """Do the step with this number."""
        chance = random.Random(f"{self._seed}:{number}")
        models = list(self._world.repositories.values())
        with self._state.lock:
            if len(models) < self._repositories and (not models or chance.random() < 0.25):
                return self._create(chance, number)
            model = chance.choice(models)
            (kind,) = chance.choices(list(self._weights), list(self._weights.values()))
            step = ChaosStep(number=number, kind=kind)
            act: Callable[[random.Random, RepositoryModel, ChaosStep], bool] = getattr(
                self, f"_{kind}"
            )
            if not act(chance, model, step):
                step = ChaosStep(number=number, kind="push")
                self._push(chance, model, step)
            self._state.save(self._state.name_of(model.id))
            return step

    def _create(self, chance: random.Random, number: int) -> ChaosStep:
        step = ChaosStep(number=number, kind="create")
        name, files = f"octo/r{number}", first_files(chance, number, fixes=self._fixes)
        sha = self._state.create_repository(
            name, files={path: state.content for path, state in files.items()}
        )
        repository = self._state.repository(name)
        step.facts.append(
            {
                "fact": "created",
                "repository": repository.id,
                "name": name,
                "branch": MAIN,
                "before": people.NOWHERE,
                "after": sha,
                "files": _encode(files),
            }
        )
        self._faults.note_push(name, sha)
        created = people.repository_event(self._github.context, repository, "created")
        step.outgoing += [
            Outgoing(event="repository", payload=created),
            Outgoing(event="push", payload=self._github.push_event(name)),
        ]
        return step

    def _push(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        self._commit(model, step, MAIN, change_files(chance, model.files, step.number))
        return True

    def _force_known(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        earlier = sorted({sha for sha in model.history if sha != model.head})
        if not earlier:
            return False
        self._move(model, step, MAIN, chance.choice(earlier))
        return True

    def _force_new(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        start = chance.choice(model.history)
        files = change_files(chance, model.commits[start], step.number)
        self._commit(model, step, MAIN, files, start=start)
        return True

    def _open(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        if len(model.open_pulls()) >= _MOST_PULLS:
            return False
        branch = f"topic-{step.number}"
        self._commit(model, step, branch, change_files(chance, model.files, step.number))
        name = self._name(model)
        number = self._state.open_pull(
            name, head=branch, base=MAIN, title=f"ChaosStep {step.number}"
        )
        step.facts.append(_fact(model, "opened", number=number, branch=branch))
        self._propose(model, step, number, "opened")
        return True

    def _synchronize(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        pull = _choose(chance, model.open_pulls())
        if pull is None:
            return False
        files = change_files(chance, model.commits[pull.head], step.number)
        self._commit(model, step, pull.branch, files)
        self._propose(model, step, pull.number, "synchronize")
        return True

    def _force_pull(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        pull = _choose(chance, model.open_pulls())
        if pull is None:
            return False
        files = change_files(chance, model.files, step.number)
        self._commit(model, step, pull.branch, files, start=model.head)
        self._propose(model, step, pull.number, "synchronize")
        return True

    def _close(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        pull = _choose(chance, model.open_pulls())
        if pull is None:
            return False
        self._end(model, step, pull, merged=False)
        return True

    def _reopen(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        closed = [
            pull
            for pull in model.pulls.values()
            if pull.state == "closed" and pull.branch in model.branches and not pull.kova
        ]
        pull = _choose(chance, closed)
        if pull is None or len(model.open_pulls()) >= _MOST_PULLS:
            return False
        people.reopen_pull(self._state.by_number(model.id), pull.number)
        self._propose(model, step, pull.number, "reopened")
        return True

    def _merge(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        pull = _choose(chance, model.open_pulls())
        return pull is not None and self._merge_pull(model, step, pull)

    def _merge_fix(self, _chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        pull = self._open_fix_pull(model)
        return pull is not None and self._merge_pull(model, step, pull)

    def _open_fix_pull(self, model: RepositoryModel) -> PullModel | None:
        """Return the open pull request of fixes; None where Kova has changed it a moment ago.

        What is known of it is a look old, and people act on what GitHub shows them.
        """
        pull = model.fix_pull()
        if pull is None:
            return None
        repository = self._state.by_number(model.id)
        is_open = repository.pulls[pull.number - 1]["state"] == "open"
        head = repository.git.refs.get(f"heads/{pull.branch}")
        return pull if is_open and head == model.branches.get(pull.branch) else None

    def _close_fix(self, _chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        pull = self._open_fix_pull(model)
        if pull is None or pull.branch not in model.branches:
            return False
        if model.meddled:
            self._end(model, step, pull, merged=False)
            return True
        head = model.commits[model.branches[pull.branch]]
        (start,) = self._parents(model, model.branches[pull.branch])
        base = model.commits[start]
        mended = {path: state for path, state in head.items() if base.get(path) != state}
        changes = [[path, base[path].encode(), mended[path].encode()] for path in mended]
        step.facts.append(_fact(model, "declined", changes=changes))
        self._end(model, step, pull, merged=False)
        return True

    def _meddle(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        pull = self._open_fix_pull(model)
        if pull is None or pull.branch not in model.branches:
            return False
        head = model.commits[model.branches[pull.branch]]
        self._commit(model, step, pull.branch, change_files(chance, head, step.number))
        self._propose(model, step, pull.number, "synchronize")
        return True

    def _rename(self, _chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        old, new = self._name(model), f"octo/r{step.number}"
        self._state.transfer(old, new)
        step.facts.append(_fact(model, "renamed", name=new))
        changes = {"repository": {"name": {"from": old.partition("/")[2]}}}
        payload = people.repository_event(
            self._github.context, self._state.repository(new), "renamed", changes
        )
        step.outgoing.append(Outgoing(event="repository", payload=payload))
        return True

    def _delete(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        pulls = [
            pull for pull in model.pulls.values() if pull.branch in model.branches and not pull.kova
        ]
        pull = _choose(chance, pulls)
        if pull is None:
            return False
        repository = self._state.by_number(model.id)
        before = people.delete_branch(repository, pull.branch)
        step.facts.append(_fact(model, "deleted", branch=pull.branch))
        context = self._github.context
        if pull.state == "open":
            step.facts.append(_fact(model, "closed", number=pull.number))
            self._deliver_pull(model, step, pull.number, "closed")
        payload = people.deleted_event(context, repository, pull.branch, before)
        step.outgoing.append(Outgoing(event="push", payload=payload))
        return True

    def _redeliver(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        attempts = [row for row in self._state.deliveries if row["repository_id"] == model.id]
        attempt = _choose(chance, attempts)
        if attempt is None:
            return False
        step.facts.append(_fact(model, "noted", guid=attempt["guid"]))
        step.outgoing.append(
            Outgoing(
                event=attempt["event"],
                payload=attempt["payload"],
                guid=attempt["guid"],
                asked=True,
            )
        )
        return True

    def _rerun(self, chance: random.Random, model: RepositoryModel, step: ChaosStep) -> bool:
        runs = [run for run in self._state.check_runs(self._name(model)) if run["conclusion"]]
        run = _choose(chance, runs)
        if run is None:
            return False
        suite = chance.random() < 0.3
        step.facts.append(self.press_rerun(model, run, step, suite=suite))
        return True

    def press_rerun(
        self, model: RepositoryModel, run: dict[str, Any], step: ChaosStep, *, suite: bool = False
    ) -> Fact:
        """Press "Re-run" at a check run, or at its suite; return the fact."""
        payload = self._github.rerequest_event(self._name(model), run["id"], suite=suite)
        event = "check_suite" if suite else "check_run"
        step.outgoing.append(Outgoing(event=event, payload=payload))
        return _fact(model, "noted", after=run["head_sha"], rerun=run["external_id"], suite=suite)

    def _merge_pull(self, model: RepositoryModel, step: ChaosStep, pull: PullModel) -> bool:
        git = self._state.by_number(model.id).git
        head = model.branches.get(pull.branch, "")
        start = git.merge_base(model.head, head) if head in git.commits else None
        if start is None or start not in model.commits or head not in model.commits:
            return False
        files = merge_files(model.commits[start], model.commits[head], model.files)
        if files is None or any(state.sample == "unknown" for state in files.values()):
            return False
        self._end(model, step, pull, merged=True)
        self._commit(model, step, MAIN, files)
        return True

    def _end(
        self, model: RepositoryModel, step: ChaosStep, pull: PullModel, *, merged: bool
    ) -> None:
        people.close_pull(self._state.by_number(model.id), pull.number, merged=merged)
        step.facts.append(_fact(model, "closed", number=pull.number, merged=merged))
        self._deliver_pull(model, step, pull.number, "closed")

    def _commit(
        self,
        model: RepositoryModel,
        step: ChaosStep,
        branch: str,
        files: Files,
        *,
        start: str | None = None,
    ) -> None:
        """Push a commit to a branch; `start` is where it begins, if that is not its end."""
        repository = self._state.by_number(model.id)
        git, name = repository.git, f"heads/{branch}"
        before = git.refs.get(name, people.NOWHERE)
        parent = start or (before if before in model.commits else model.head)
        writes, deletes = write_and_delete(model.commits[parent], files)
        tree = git.write(parent, writes, deletes)
        sha = git.commit(tree, [parent], f"ChaosStep {step.number}").sha
        # At once, as on GitHub: the branch is never at a commit in between.
        people.force_push(repository, branch, sha)
        forced = before not in {people.NOWHERE, parent}
        self._note_push(model, step, branch, before, sha, forced=forced, files=files)

    def _move(self, model: RepositoryModel, step: ChaosStep, branch: str, sha: str) -> None:
        before = people.force_push(self._state.by_number(model.id), branch, sha)
        self._note_push(model, step, branch, before, sha, forced=True)

    def _note_push(
        self,
        model: RepositoryModel,
        step: ChaosStep,
        branch: str,
        before: str,
        after: str,
        *,
        forced: bool,
        files: Files | None = None,
    ) -> None:
        name = self._name(model)
        fact = _fact(model, "pushed", branch=branch, before=before, after=after, forced=forced)
        step.facts.append({**fact, "files": _encode(files)} if files is not None else fact)
        self._faults.note_push(name, after)
        payload = {**self._github.push_event(name, branch), "forced": forced}
        step.outgoing.append(Outgoing(event="push", payload=payload))

    def _propose(self, model: RepositoryModel, step: ChaosStep, number: int, action: str) -> None:
        payload = self._deliver_pull(model, step, number, action)
        pull = payload["pull_request"]
        step.facts.append(
            _fact(
                model,
                "proposed",
                number=number,
                base=pull["base"]["sha"],
                head=pull["head"]["sha"],
            )
        )

    def _deliver_pull(
        self, model: RepositoryModel, step: ChaosStep, number: int, action: str
    ) -> dict[str, Any]:
        payload = self._github.pull_request_event(self._name(model), number, action)
        step.outgoing.append(Outgoing(event="pull_request", payload=payload))
        return payload

    def _name(self, model: RepositoryModel) -> str:
        return self._state.by_number(model.id).full_name

    def _parents(self, model: RepositoryModel, sha: str) -> tuple[str, ...]:
        return self._state.by_number(model.id).git.commits[sha].parents


def _fact(model: RepositoryModel, kind: str, **values: Any) -> Fact:
    return {"fact": kind, "repository": model.id, **values}


def _encode(files: Files) -> dict[str, str]:
    return {path: state.encode() for path, state in files.items()}


def _choose(chance: random.Random, choices: list[Any]) -> Any:
    return chance.choice(choices) if choices else None
