"""What Kova itself did on GitHub: the events that GitHub sends of it, and the facts."""

from __future__ import annotations

from typing import Any

from kova_fakes.github import FakeGitHub, people
from kova_fakes.github.state import RepositoryState
from tests.chaos.outgoing import Outgoing
from tests.chaos.practice import DurableState
from tests.chaos.samples import unknown_state
from tests.chaos.steps import ChaosStep
from tests.chaos.world import FIX_BRANCH, Fact, Files, RepositoryModel, World


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
                moved = self._look_at_branch(model, repository, step)
                self._look_at_pulls(model, repository, step, moved=moved)
        return step if step.facts else None

    def _look_at_branch(
        self, model: RepositoryModel, repository: RepositoryState, step: ChaosStep
    ) -> bool:
        """Return whether the branch of fixes is at another commit."""
        before = model.branches.get(FIX_BRANCH)
        after = repository.git.refs.get(f"heads/{FIX_BRANCH}")
        if before == after:
            return False
        if after is None:
            assert before is not None
            step.facts.append({"fact": "deleted", "repository": model.id, "branch": FIX_BRANCH})
            payload = people.deleted_event(self._github.context, repository, FIX_BRANCH, before)
        else:
            step.facts.append(
                {
                    "fact": "pushed",
                    "repository": model.id,
                    "kova": True,
                    "branch": FIX_BRANCH,
                    "before": before,
                    "after": after,
                    "overwrites": before in model.commits_of_people,
                    "files": _encode(_files_of(model, repository, after)),
                }
            )
            repository.pushes[f"heads/{FIX_BRANCH}"] = (before or people.NOWHERE, after)
            payload = self._github.push_event(repository.full_name, FIX_BRANCH)
        step.outgoing.append(Outgoing(event="push", payload=payload))
        return after is not None

    def _look_at_pulls(
        self, model: RepositoryModel, repository: RepositoryState, step: ChaosStep, *, moved: bool
    ) -> None:
        for pull in repository.pulls:
            known, action = model.pulls.get(pull["number"]), ""
            if known is None:
                step.facts.append(_fact(model, pull, "opened", branch=pull["head_ref"], kova=True))
                action = "opened"
            elif known.kova and known.state == "open" and pull["state"] == "open" and moved:
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
