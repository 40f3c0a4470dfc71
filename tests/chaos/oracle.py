"""The oracle: what must be there at the end. It knows nothing of how Kova works.

Nothing of `kova` is imported here: what people did (the world) is all that it stands on.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.chaos.actual import Actual, GitHubView, Row
from tests.chaos.changes import SETTINGS
from tests.chaos.world import FIX_BRANCH, MAIN, RepositoryModel, World

_REF: Final = f"refs/heads/{MAIN}"
_BRANCH_CHECK: Final = "kova/branch"
# The further ones are for when people have committed to the first.
_FIX_BRANCHES: Final = re.compile(rf"kova/fix\d*-{MAIN}")


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One demand that is not met, and the steps that concern it."""

    demand: str
    repository: str
    subject: str
    expected: str
    actual: str
    steps: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ScanDemand:
    """What must be there of one ref and commit.

    Attributes:
        rows: the fewest and the most scans.
        must_succeed: it is the newest of its branch or open pull request.
        optional: nothing needs to be there: the pull request is Kova's own.
    """

    ref: str
    sha: str
    rows: tuple[int, int]
    must_succeed: bool
    optional: bool = False

    @property
    def external_id(self) -> str:
        """The check run's external id."""
        if self.ref == _REF:
            return _BRANCH_CHECK
        return f"kova/pull/{self.ref.split('/')[2]}"


class Oracle:
    """Compares the world with what is there."""

    def __init__(self, world: World, actual: Actual) -> None:
        self._world = world
        self._actual = actual
        self._views = {view.id: view for view in actual.github}
        # Kova's rows are found by the name that it has of a repository.
        self._names = {row["full_name"].lower(): row for row in actual.repositories}

    def compare(self) -> list[Difference]:
        """Return every difference."""
        differences = list(self._compare_whole())
        demands: tuple[Callable[[RepositoryModel, GitHubView], Iterator[Difference]], ...] = (
            self._compare_name,
            self._compare_errors,
            self._compare_scans,
            self._compare_checks,
            self._compare_pulls,
            self._compare_fix_rows,
            self._compare_comments,
        )
        for model in self._world.repositories.values():
            for demand in demands:
                differences += demand(model, self._views[model.id])
        return differences

    def _compare_whole(self) -> Iterator[Difference]:
        if not self._actual.alive:
            yield _whole("processes", "kova up", "runs", "it has ended")
        for queue, depth in self._actual.depths.items():
            if depth:
                yield _whole("queues", queue, "no message", f"{depth} messages")
        for guid in self._actual.unanswered:
            yield _whole("deliveries", guid, "an answer of 202", "none")
        names = Counter(row["full_name"].lower() for row in self._actual.repositories)
        known = {model.name.lower() for model in self._world.repositories.values()}
        for name in names - Counter(known):
            yield _whole("repositories", name, "no row", "a row")

    def _compare_name(self, model: RepositoryModel, _: GitHubView) -> Iterator[Difference]:
        if model.name.lower() not in self._names:
            yield _difference("repositories", model, "", model.name, "no row of this name")

    def _compare_errors(self, model: RepositoryModel, _: GitHubView) -> Iterator[Difference]:
        expected = Counter(
            (path, rule) for path, state in model.files.items() for rule in state.rules
        )
        rows = Counter(
            (row["path"], row["rule_id"]) for row in self._rows(self._actual.errors, model)
        )
        for pair in sorted((expected | rows).keys()):
            if expected[pair] != rows[pair]:
                yield _difference(
                    "errors",
                    model,
                    f"{pair[0]} {pair[1]}",
                    f"{expected[pair]} open",
                    f"{rows[pair]} open",
                    model.head,
                )

    def _compare_scans(self, model: RepositoryModel, _: GitHubView) -> Iterator[Difference]:
        rows: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for row in self._rows(self._actual.scans, model):
            rows[row["ref"], row["commit_sha"]].append(row)
        for demand in demanded_scans(model):
            scans = rows.pop((demand.ref, demand.sha), [])
            yield from self._judge_scans(model, demand, scans)
        for (ref, sha), scans in rows.items():
            subject = f"{ref} {sha[:9]}"
            yield _difference("scans", model, subject, "no scan", f"{len(scans)} scans", sha)

    def _judge_scans(
        self, model: RepositoryModel, demand: ScanDemand, scans: list[Row]
    ) -> Iterator[Difference]:
        subject = f"{demand.ref} {demand.sha[:9]}"
        least, most = demand.rows
        if demand.optional and not scans:
            return
        if not least <= len(scans) <= most:
            wish = f"{least} scans" if least == most else f"{least} to {most} scans"
            yield _difference("scans", model, subject, wish, f"{len(scans)}", demand.sha)
        statuses = sorted(row["status"] for row in scans)
        failures = [row["failure"] for row in scans if row["failure"]]
        shown = f"{', '.join(statuses)} {'; '.join(failures)[:90]}".strip()
        allowed = {"succeeded"} if demand.must_succeed and most == 1 else {"succeeded", "skipped"}
        if not set(statuses) <= allowed:
            wish = " or ".join(sorted(allowed))
            yield _difference("scans", model, subject, wish, shown, demand.sha)
        elif demand.must_succeed and scans and "succeeded" not in statuses:
            yield _difference("scans", model, subject, "a success", shown, demand.sha)

    def _compare_checks(self, model: RepositoryModel, view: GitHubView) -> Iterator[Difference]:
        runs: dict[tuple[str, str], list[Row]] = defaultdict(list)
        for run in view.check_runs:
            runs[run["external_id"], run["head_sha"]].append(run)
        statuses: dict[tuple[str, str], set[str]] = defaultdict(set)
        for row in self._rows(self._actual.scans, model):
            statuses[row["ref"], row["commit_sha"]].add(row["status"])
        for demand in demanded_scans(model):
            checks = runs.pop((demand.external_id, demand.sha), [])
            ends = statuses[demand.ref, demand.sha]
            if demand.optional and not ends and not checks:
                continue
            subject = f"{demand.external_id} {demand.sha[:9]}"
            shown = ", ".join(f"{run['status']}/{run['conclusion']}" for run in checks) or "none"
            if len(checks) != 1 or checks[0]["status"] != "completed":
                wish = "1 completed check run"
                yield _difference("check runs", model, subject, wish, shown, demand.sha)
            elif ends == {"skipped"} and checks[0]["conclusion"] != "neutral":
                yield _difference("check runs", model, subject, "neutral", shown, demand.sha)
        for (external_id, sha), checks in runs.items():
            subject = f"{external_id} {sha[:9]}"
            yield _difference("check runs", model, subject, "none", f"{len(checks)}", sha)

    def _compare_pulls(self, model: RepositoryModel, view: GitHubView) -> Iterator[Difference]:
        kova = [pull for pull in model.pulls.values() if pull.kova]
        opened = [pull for pull in view.pulls if pull["state"] == "open" and _is_kovas(pull)]
        if len(opened) > 1 and not model.meddled:
            yield _difference("pull requests", model, FIX_BRANCH, "1 open", f"{len(opened)} open")
        for name in sorted(view.branches):
            if not name.startswith("kova/") or _FIX_BRANCHES.fullmatch(name):
                continue
            yield _difference("pull requests", model, name, "no such branch", "a branch")
        if len(kova) != sum(map(_is_kovas, view.pulls)):
            yield _difference("pull requests", model, "", "those that were seen", "others")
        if model.overwritten:
            yield _difference(
                "pull requests", model, FIX_BRANCH, "a person's commits stay", "overwritten"
            )
        if not model.meddled:
            yield from self._judge_offer(model, view, bool(opened))
        yield from _judge_repetition(model)

    def _judge_offer(
        self, model: RepositoryModel, view: GitHubView, is_open: bool
    ) -> Iterator[Difference]:
        due, allowed = due_repairs(model)
        # Where one of two errors of a file counts as closed, the other one alone is mended.
        partial = {
            path: [state.encode() for state in model.files[path].partial_repairs()]
            for path in allowed
        }
        sha = view.branches.get(FIX_BRANCH)
        offered: dict[str, str] = {}
        if is_open and sha is not None:
            (parent,) = view.parents[sha]
            files, base = model.commits.get(sha, {}), model.commits.get(parent, {})
            offered = {
                path: state.encode() for path, state in files.items() if base.get(path) != state
            }
            moved = [path for path in offered if base.get(path) != model.files.get(path)]
            if moved or parent not in view.history:
                place = f"on {model.head[:9]}, or on one before with the same files"
                yield _difference("pull requests", model, FIX_BRANCH, place, f"on {parent[:9]}")
                return
        missing = {path: text for path, text in due.items() if offered.get(path) != text}
        surplus = {
            path: text
            for path, text in offered.items()
            if {**due, **allowed}.get(path) != text and text not in partial.get(path, ())
        }
        if missing:
            yield _difference(
                "pull requests", model, FIX_BRANCH, f"offers {missing}", f"offers {offered}"
            )
        elif surplus:
            yield _difference(
                "pull requests", model, FIX_BRANCH, f"offers {due} only", f"offers {offered}"
            )
        elif is_open and not offered:
            yield _difference("pull requests", model, FIX_BRANCH, "none open", "an empty one")

    def _compare_fix_rows(self, model: RepositoryModel, view: GitHubView) -> Iterator[Difference]:
        """A fix's row says what became of its pull request."""
        states = {
            str(pull["number"]): (
                "merged" if pull["merged_at"] else "closed" if pull["state"] == "closed" else "open"
            )
            for pull in view.pulls
        }
        errors = {row["id"] for row in self._rows(self._actual.errors, model)}
        for row in self._actual.fixes:
            url = row.get("pull_request_url") or ""
            if not any(f"/{name}/pull/" in url.lower() for name in model.names):
                continue
            state = states.get(url.rpartition("/")[2], "gone")
            if row["status"] == "published" and state != "open":
                subject = f"fix {row['id'][:8]} of {'an open' if row['error_id'] in errors else 'a fixed'} error"
                yield _difference("fixes", model, subject, state, "published")

    def _compare_comments(self, model: RepositoryModel, view: GitHubView) -> Iterator[Difference]:
        bodies = Counter((comment["issue"], comment["body"]) for comment in view.comments)
        for (issue, body), count in bodies.items():
            if count > 1:
                yield _difference("comments", model, f"#{issue} {body[:40]}", "1", f"{count}")

    def _rows(self, rows: Any, model: RepositoryModel) -> Iterator[Row]:
        return (row for row in rows if row["repository"].lower() in model.names)


def demanded_scans(model: RepositoryModel) -> list[ScanDemand]:
    """Return what must be there of each ref and commit that was pushed or opened."""
    moves: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for before, after in model.moves:
        moves[after].append((before, after))
    demands = [
        ScanDemand(
            ref=_REF,
            sha=sha,
            rows=(len(set(pairs)), len(pairs)),
            must_succeed=sha == model.head,
        )
        for sha, pairs in moves.items()
    ]
    bases: dict[tuple[int, str], set[str]] = defaultdict(set)
    for number, base, head in model.proposals:
        bases[number, head].add(base)
    for (number, head), different in bases.items():
        pull = model.pulls[number]
        reruns = model.reruns[f"kova/pull/{number}", head]
        demands.append(
            ScanDemand(
                ref=f"refs/pull/{number}/head",
                sha=head,
                rows=(len(different), len(different) + reruns),
                must_succeed=pull.state == "open" and pull.head == head and not pull.kova,
                optional=pull.kova,
            )
        )
    return demands


def due_repairs(model: RepositoryModel) -> tuple[dict[str, str], dict[str, str]]:
    """Return the mended files that must be offered, and those that may be.

    What a person closed is not offered again. An error may move to another file, so that an error
    of the same rule may count as closed, too.
    """
    if SETTINGS in model.files:
        return {}, {}
    due: dict[str, str] = {}
    allowed: dict[str, str] = {}
    for path, state in model.files.items():
        repair = state.repair
        change = (path, state.encode(), repair.encode()) if repair else None
        if repair is None or change in model.unforgotten:
            continue
        is_known = change in model.declined or model.declined_rules.intersection(state.rules)
        group = allowed if is_known else due
        group[path] = repair.encode()
    return due, allowed


def _judge_repetition(model: RepositoryModel) -> Iterator[Difference]:
    for number, path in model.repeated:
        yield _difference(
            "pull requests", model, f"#{number} {path}", "not offered again", "offered again"
        )


def _is_kovas(pull: Row) -> bool:
    return str(pull["head_ref"]).startswith("kova/")


def _difference(
    demand: str, model: RepositoryModel, subject: str, expected: str, actual: str, *about: str
) -> Difference:
    """Return a difference; the steps are those about a commit, or else the repository's."""
    steps = [step for sha in about for step in model.steps.get(sha, [])] or model.steps.get("", [])
    return Difference(
        demand=demand,
        repository=model.name,
        subject=subject,
        expected=expected,
        actual=actual,
        steps=tuple(steps[-8:]),
    )


def _whole(demand: str, subject: str, expected: str, actual: str) -> Difference:
    return Difference(
        demand=demand, repository="", subject=subject, expected=expected, actual=actual
    )


__all__ = ["Difference", "Oracle", "demanded_scans", "due_repairs"]
