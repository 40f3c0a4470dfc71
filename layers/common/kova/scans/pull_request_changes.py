"""Which files a pull request changed, and where they were before."""

from __future__ import annotations

from dataclasses import dataclass

from kova.errors.trace_history import match_blobs
from kova.shared.code_source import Comparison, Tree


@dataclass(frozen=True, kw_only=True)
class PullRequestChanges:
    """The files that differ between the merge base and the head.

    Attributes:
        changed: paths at the head.
        renamed: old path by new path.
        unknown: changed files of which is not known what they were at the merge base.
        complete: False where files may have changed that are not in `changed`.
    """

    changed: frozenset[str]
    renamed: dict[str, str]
    unknown: frozenset[str]
    complete: bool

    @property
    def old_paths(self) -> frozenset[str]:
        """The paths at the merge base."""
        return frozenset(self.renamed.get(path, path) for path in self.changed)


def find_changes(base: Tree, head: Tree, compared: Comparison) -> PullRequestChanges:
    """Return what differs between two trees.

    GitHub's list of changed files is cut at 300 or 3,000 and leaves some without a patch; trees
    name each blob. The list only tells which files were renamed and edited at once, and what is
    new where the base's tree was cut short.
    """
    before = {file.path: file.sha for file in base.files}
    after = {file.path: file.sha for file in head.files}
    changed = {path for path, sha in after.items() if before.get(path) != sha}
    if not base.complete:
        # What the listing of the base does not hold may be unchanged.
        changed -= after.keys() - before.keys() - compared.changed
    deleted = before.keys() - after.keys() if head.complete else frozenset[str]()
    renamed = {new: old for old, new in match_blobs(before, after, frozenset(deleted)).items()}
    moved = set(renamed.values())
    for new, old in compared.renamed.items():
        if new in changed and new not in renamed and old in deleted and old not in moved:
            renamed[new] = old
            moved.add(old)
    unknown: frozenset[str] = frozenset()
    if not base.complete:
        unknown = frozenset(
            path for path in changed - compared.added if renamed.get(path, path) not in before
        )
    return PullRequestChanges(
        changed=frozenset(changed),
        renamed=renamed,
        unknown=unknown,
        complete=head.complete and (base.complete or compared.complete),
    )
