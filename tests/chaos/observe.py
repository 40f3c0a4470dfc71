"""What Kova itself did on GitHub: the events that GitHub sends of it, and the facts."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from kova_fakes.github import FakeGitHub, people
from kova_fakes.github.state import RepositoryState
from tests.chaos.outgoing import Outgoing
from tests.chaos.practice import DurableState
from tests.chaos.samples import unknown_state
from tests.chaos.steps import ChaosStep
from tests.chaos.world import Fact, Files, RepositoryModel, World

_OWN: Final = "kova/"


class KovaObserver:
    """Compares GitHub with the world: what nobody here did, Kova did."""

    def __init__(self, world: World, github: FakeGitHub) -> None:
        assert isinstance(github.state, DurableState)
        self._world = world
        self._github = github
        self._state = github.state

    def observe(self, number: int) -> ChaosStep | None:
        """Return what Kova did since the last look as a step, None where it did nothing."""
        step = ChaosStep(number=number, kind="kova")
        with self._state.lock:
            for model in self._world.repositories.values():
                repository = self._state.by_number(model.id)
                moved = {
                    branch
                    for branch in _branches_of_kova(model, repository)
                    if self._look_at_branch(model, repository, step, branch)
                }
                self._look_at_pulls(model, repository, step, moved)
        return step if step.facts else None

    def _look_at_branch(
        self, model: RepositoryModel, repository: RepositoryState, step: ChaosStep, branch: str
    ) -> bool:
        """Return whether a branch of fixes is at another commit."""
        before = model.branches.get(branch)
        after = repository.git.refs.get(f"heads/{branch}")
        if before == after:
            return False
        if after is None:
            assert before is not None
            step.facts.append({"fact": "deleted", "repository": model.id, "branch": branch})
            payload = people.deleted_event(self._github.context, repository, branch, before)
        else:
            step.facts.append(
                {
                    "fact": "pushed",
                    "repository": model.id,
                    "kova": True,
                    "branch": branch,
                    "before": before,
                    "after": after,
                    "overwrites": before in model.commits_of_people,
                    "files": _encode(_files_of(model, repository, after)),
                }
            )
            repository.pushes[f"heads/{branch}"] = (before or people.NOWHERE, after)
            payload = self._github.push_event(repository.full_name, branch)
        step.outgoing.append(Outgoing(event="push", payload=payload))
        return after is not None

    def _look_at_pulls(
        self,
        model: RepositoryModel,
        repository: RepositoryState,
        step: ChaosStep,
        moved: Collection[str],
    ) -> None:
        for pull in repository.pulls:
            known, action = model.pulls.get(pull["number"]), ""
            if known is None:
                step.facts.append(_fact(model, pull, "opened", branch=pull["head_ref"], kova=True))
                action = "opened"
            elif known.kova and known.state == "open" and pull["head_ref"] in moved:
                action = "synchronize"
            if action and pull["state"] == "open":
                payload = self._deliver(repository, pull, step, action)
                sides = {side: payload["pull_request"][side]["sha"] for side in ("base", "head")}
                step.facts.append(_fact(model, pull, "proposed", **sides))
            if pull["state"] != "open" and (known is None or known.state == "open"):
                step.facts.append(_fact(model, pull, "closed", kova=True))
                self._deliver(repository, pull, step, "closed")

    def _deliver(
        self, repository: RepositoryState, pull: dict[str, Any], step: ChaosStep, action: str
    ) -> dict[str, Any]:
        payload = self._github.pull_request_event(repository.full_name, pull["number"], action)
        step.outgoing.append(Outgoing(event="pull_request", payload=payload))
        return payload


def _branches_of_kova(model: RepositoryModel, repository: RepositoryState) -> list[str]:
    """Return the branches of fixes that are there, or were at the last look."""
    names = {name.removeprefix("heads/") for name in repository.git.refs} | model.branches.keys()
    return sorted(name for name in names if name.startswith(_OWN))


def _fact(model: RepositoryModel, pull: dict[str, Any], kind: str, **values: Any) -> Fact:
    return {"fact": kind, "repository": model.id, "number": pull["number"], **values}


def _files_of(model: RepositoryModel, repository: RepositoryState, sha: str) -> Files:
    """Return the files of a commit of Kova's: its parent's, and what it changes in them."""
    git = repository.git
    (parent,) = git.commits[sha].parents
    files = dict(model.commits.get(parent, {}))
    for change in git.changes(parent, sha):
        path, blob = str(change["filename"]), str(change.get("sha", ""))
        repair = files[path].repair if path in files else None
        is_right = repair is not None and git.blobs.get(blob) == repair.content
        files[path] = repair if is_right and repair is not None else unknown_state(blob)
    return files


def _encode(files: Files) -> dict[str, str]:
    return {path: state.encode() for path, state in files.items()}
