"""One repository's objects and refs."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping

from kova_fakes.github.objects import (
    BLOB,
    TREE,
    Commit,
    Entry,
    GitPerson,
    make_commit,
    now,
    object_sha,
    tree_content,
)


class Git:
    """Objects by id, and refs by full name without `refs/`."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.trees: dict[str, dict[str, Entry]] = {}
        self.commits: dict[str, Commit] = {}
        self.refs: dict[str, str] = {}

    def add_blob(self, content: bytes) -> str:
        """Store a blob and return its id."""
        sha = object_sha("blob", content)
        self.blobs[sha] = content
        return sha

    def add_tree(self, entries: dict[str, Entry]) -> str:
        """Store one level of a tree and return its id."""
        sha = object_sha("tree", tree_content(entries))
        self.trees[sha] = entries
        return sha

    def add_files(self, files: Mapping[str, Entry]) -> str:
        """Store a tree, given by paths, and return its id."""
        level: dict[str, Entry] = {}
        folders: dict[str, dict[str, Entry]] = {}
        for path, entry in files.items():
            head, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(head, {})[rest] = entry
            else:
                level[head] = entry
        for name, inner in folders.items():
            level[name] = Entry(mode=TREE, sha=self.add_files(inner))
        return self.add_tree(level)

    def files(self, tree: str, prefix: str = "") -> Iterator[tuple[str, Entry]]:
        """Yield every entry of a tree, folders left out, in git's order."""
        for name, entry in sorted(self.trees[tree].items()):
            if entry.mode == TREE:
                yield from self.files(entry.sha, f"{prefix}{name}/")
            else:
                yield prefix + name, entry

    def walk(self, tree: str, prefix: str = "") -> Iterator[tuple[str, Entry]]:
        """Yield every entry of a tree, folders too."""
        for name, entry in sorted(self.trees[tree].items()):
            yield prefix + name, entry
            if entry.mode == TREE:
                yield from self.walk(entry.sha, f"{prefix}{name}/")

    def commit(
        self,
        tree: str,
        parents: Iterable[str],
        message: str,
        author: GitPerson | None = None,
        committer: GitPerson | None = None,
    ) -> Commit:
        """Store a commit and return it."""
        someone = GitPerson(name="Octo Cat", email="octo@example.com", date=now())
        commit = make_commit(
            tree, tuple(parents), author or someone, committer or author or someone, message
        )
        self.commits[commit.sha] = commit
        return commit

    def resolve(self, ref: str) -> str | None:
        """Return the commit that a branch, tag, full ref name or id names."""
        for name in (ref.removeprefix("refs/"), f"heads/{ref}", f"tags/{ref}"):
            if name in self.refs:
                return self.refs[name]
        if ref in self.commits:
            return ref
        matches = [sha for sha in self.commits if len(ref) > 6 and sha.startswith(ref)]  # noqa: PLR2004
        return matches[0] if len(matches) == 1 else None

    def ancestors(self, sha: str) -> dict[str, int]:
        """Return every ancestor with its distance, the commit itself included."""
        distance = {sha: 0}
        queue = deque([sha])
        while queue:
            current = queue.popleft()
            for parent in self.commits[current].parents:
                if parent not in distance:
                    distance[parent] = distance[current] + 1
                    queue.append(parent)
        return distance

    def merge_base(self, first: str, second: str) -> str | None:
        """Return the nearest common ancestor."""
        first_ancestors, second_ancestors = self.ancestors(first), self.ancestors(second)
        common = [sha for sha in second_ancestors if sha in first_ancestors]
        return min(common, key=lambda sha: second_ancestors[sha]) if common else None

    def changes(self, base: str, head: str) -> list[dict[str, object]]:
        """Return GitHub's list of changed files between two commits."""
        before = dict(self.files(self.commits[base].tree))
        after = dict(self.files(self.commits[head].tree))
        added = {path for path in after if path not in before}
        removed = {path for path in before if path not in after}
        changed: list[dict[str, object]] = []
        for path in sorted(added):
            same = [old for old in sorted(removed) if before[old].sha == after[path].sha]
            extra: dict[str, object] = {"status": "added"}
            if same:
                removed.discard(same[0])
                extra = {"status": "renamed", "previous_filename": same[0]}
            changed.append({"filename": path, "sha": after[path].sha, **extra})
        changed += [
            {"filename": path, "sha": before[path].sha, "status": "removed"}
            for path in sorted(removed)
        ]
        changed += [
            {"filename": path, "sha": after[path].sha, "status": "modified"}
            for path in sorted(after.keys() & before.keys())
            if before[path] != after[path]
        ]
        for change in changed:
            change |= {"additions": 0, "deletions": 0, "changes": 0}
        return sorted(changed, key=lambda change: str(change["filename"]))

    def write(self, parent: str | None, files: Mapping[str, bytes], deletes: Iterable[str]) -> str:
        """Return the tree of a commit with files written and deleted."""
        entries = dict(self.files(self.commits[parent].tree)) if parent else {}
        for path in deletes:
            del entries[path]
        for path, content in files.items():
            mode = entries[path].mode if path in entries else BLOB
            entries[path] = Entry(mode=mode, sha=self.add_blob(content))
        return self.add_files(entries)
