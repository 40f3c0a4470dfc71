"""GitHub's JSON of the state."""

from __future__ import annotations

from typing import Any

from kova_fakes.github.git import Git
from kova_fakes.github.objects import Commit, GitPerson
from kova_fakes.github.state import RepositoryState


def account(login: str) -> dict[str, Any]:
    """Return a simple user."""
    return {"login": login, "id": 583_231, "type": "Organization", "site_admin": False}


def repository_view(url: str, repository: RepositoryState) -> dict[str, Any]:
    """Return a repository."""
    owner, _, name = repository.full_name.partition("/")
    return {
        "id": repository.id,
        "node_id": f"R_{repository.id}",
        "name": name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": account(owner),
        "html_url": f"{url}/{repository.full_name}",
        "url": f"{url}/repos/{repository.full_name}",
        "default_branch": repository.default_branch,
        "fork": False,
        "archived": repository.archived,
        "disabled": False,
        "visibility": "private" if repository.private else "public",
        "permissions": {"admin": False, "push": True, "pull": True},
    }


def person_view(person: GitPerson) -> dict[str, Any]:
    """Return an author or committer."""
    moment = person.date.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"name": person.name, "email": person.email, "date": moment}


def git_commit_view(url: str, repository: RepositoryState, commit: Commit) -> dict[str, Any]:
    """Return a commit of the Git data API."""
    base = f"{url}/repos/{repository.full_name}/git"
    return {
        "sha": commit.sha,
        "node_id": f"C_{commit.sha[:12]}",
        "url": f"{base}/commits/{commit.sha}",
        "html_url": f"{url}/{repository.full_name}/commit/{commit.sha}",
        "author": person_view(commit.author),
        "committer": person_view(commit.committer),
        "message": commit.message,
        "tree": {"sha": commit.tree, "url": f"{base}/trees/{commit.tree}"},
        "parents": [
            {"sha": parent, "url": f"{base}/commits/{parent}", "html_url": f"{url}/{parent}"}
            for parent in commit.parents
        ],
        "verification": {
            "verified": False,
            "reason": "unsigned",
            "signature": None,
            "payload": None,
            "verified_at": None,
        },
    }


def commit_view(url: str, repository: RepositoryState, commit: Commit) -> dict[str, Any]:
    """Return a commit of the repository API."""
    inner = git_commit_view(url, repository, commit)
    base = f"{url}/repos/{repository.full_name}"
    return {
        "sha": commit.sha,
        "node_id": inner["node_id"],
        "url": f"{base}/commits/{commit.sha}",
        "html_url": inner["html_url"],
        "comments_url": f"{base}/commits/{commit.sha}/comments",
        "commit": {
            "author": inner["author"],
            "committer": inner["committer"],
            "message": commit.message,
            "tree": inner["tree"],
            "url": inner["url"],
            "comment_count": 0,
            "verification": inner["verification"],
        },
        "author": None,
        "committer": None,
        "parents": inner["parents"],
    }


def ref_view(
    url: str, repository: RepositoryState, name: str, sha: str | None = None
) -> dict[str, Any]:
    """Return a ref, where it is or at an earlier commit. `name` is without `refs/`."""
    sha = sha or repository.git.refs[name]
    base = f"{url}/repos/{repository.full_name}/git"
    return {
        "ref": f"refs/{name}",
        "node_id": f"R_{name}",
        "url": f"{base}/refs/{name}",
        "object": {"type": "commit", "sha": sha, "url": f"{base}/commits/{sha}"},
    }


def pull_view(url: str, repository: RepositoryState, pull: dict[str, Any]) -> dict[str, Any]:
    """Return a pull request."""
    git: Git = repository.git
    number = pull["number"]
    shown = {key: value for key, value in pull.items() if not key.endswith(("_ref", "_sha"))}

    def side(name: str) -> dict[str, Any]:
        ref = pull[f"{name}_ref"]
        # A closed pull request stays as it was, also where its branch goes on or is deleted.
        sha = pull.get(f"{name}_sha") or git.refs.get(f"heads/{ref}", "0" * 40)
        return {
            "label": f"{repository.owner}:{ref}",
            "ref": ref,
            "sha": sha,
            "user": account(repository.owner),
            "repo": repository_view(url, repository),
        }

    return shown | {
        "url": f"{url}/repos/{repository.full_name}/pulls/{number}",
        "html_url": f"{url}/{repository.full_name}/pull/{number}",
        "head": side("head"),
        "base": side("base"),
        "user": account("kova[bot]"),
        "merged": pull["merged_at"] is not None,
        "locked": False,
    }
