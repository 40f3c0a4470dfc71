"""The Git data API, contents of commits, comparisons."""

from __future__ import annotations

import base64
import binascii
import io
import tarfile
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from kova_fakes.github import bodies, people
from kova_fakes.github.context import GitHubContext, answer, context_of, readable, writable
from kova_fakes.github.errors import ApiError, invalid_request, not_found, validation_failed
from kova_fakes.github.objects import EXECUTABLE, LINK, SUBMODULE, Entry, GitPerson, now
from kova_fakes.github.state import RepositoryState
from kova_fakes.github.views import commit_view, git_commit_view, ref_view


async def get_tree(request: Request) -> Response:
    """GET git/trees/{sha}."""
    repository = readable(request)
    git, sha = repository.git, request.path_params["sha"]
    commit = git.resolve(sha)
    tree = git.commits[commit].tree if commit else sha
    if tree not in git.trees:
        raise not_found()
    recursive = "recursive" in request.query_params
    tree_entries = git.walk(tree) if recursive else iter(sorted(git.trees[tree].items()))
    limit = context_of(request).state.tree_limit
    entries: list[dict[str, Any]] = []
    truncated = False
    for path, entry in tree_entries:
        if recursive and len(entries) >= limit:
            truncated = True
            break
        view: dict[str, Any] = {
            "path": path,
            "mode": entry.mode,
            "type": entry.type,
            "sha": entry.sha,
        }
        if entry.type == "blob":
            view["size"] = len(git.blobs[entry.sha])
        entries.append(view)
    return answer(
        request, {"sha": tree, "url": str(request.url), "tree": entries, "truncated": truncated}
    )


async def get_blob(request: Request) -> Response:
    """GET git/blobs/{sha}."""
    repository = readable(request)
    sha = request.path_params["sha"]
    content = repository.git.blobs.get(sha)
    if content is None:
        raise not_found()
    if "raw" in request.headers.get("accept", ""):
        return Response(content, media_type="application/vnd.github.raw+json")
    text = base64.encodebytes(content).decode()
    view = {"sha": sha, "node_id": sha, "size": len(content), "url": str(request.url)}
    return answer(request, {**view, "content": text, "encoding": "base64"})


async def get_tarball(request: Request) -> Response:
    """GET tarball/{ref}: 302 to another path that needs no further authorisation."""
    repository = readable(request)
    commit = repository.git.resolve(request.path_params.get("ref") or repository.default_branch)
    if commit is None:
        raise not_found()
    place = f"{context_of(request).url}/_codeload/{repository.full_name}/{commit}?token=AAAA"
    return RedirectResponse(place, status_code=302)


async def codeload(request: Request) -> Response:
    """Return the archive of a commit."""
    if request.query_params.get("token") != "AAAA":
        raise not_found()
    name = f"{request.path_params['owner']}/{request.path_params['repo']}"
    context = context_of(request)
    repository = context.state.repository(name)
    commit = request.path_params["commit"]
    if commit not in repository.git.commits:
        raise not_found()
    return StreamingResponse(
        _stream_archive(context, repository, commit), media_type="application/x-gzip"
    )


class _Pipe(io.RawIOBase):
    """Collects the output of tarfile until it is sent."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        self.parts.append(bytes(content))
        return len(content)

    def take(self) -> bytes:
        content = b"".join(self.parts)
        self.parts.clear()
        return content


def _stream_archive(
    context: GitHubContext, repository: RepositoryState, commit: str
) -> Iterator[bytes]:
    """Yield the archive of a commit. The last one is cached, as GitHub caches archives."""
    cached = context.archive.get(commit)
    if cached is None:
        parts: list[bytes] = []
        for part in _build_archive(repository, commit):
            parts.append(part)
            yield part
        context.archive = {commit: parts}
    else:
        yield from cached


def _build_archive(repository: RepositoryState, commit: str) -> Iterator[bytes]:
    git, pipe = repository.git, _Pipe()
    top = f"{repository.full_name.replace('/', '-')}-{commit[:7]}"
    headers = {"comment": commit}
    with tarfile.open(
        fileobj=pipe, mode="w|gz", format=tarfile.PAX_FORMAT, pax_headers=headers
    ) as archive:
        folder = tarfile.TarInfo(top)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o775
        archive.addfile(folder)
        for path, entry in git.files(git.commits[commit].tree):
            member = tarfile.TarInfo(f"{top}/{path}")
            if entry.mode == SUBMODULE:
                member.type = tarfile.DIRTYPE
                archive.addfile(member)
                continue
            content = git.blobs[entry.sha]
            member.mode = 0o775 if entry.mode == EXECUTABLE else 0o664
            if entry.mode == LINK:
                member.type = tarfile.SYMTYPE
                member.linkname = content.decode("utf-8", "surrogateescape")
                archive.addfile(member)
                continue
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
            yield pipe.take()
    yield pipe.take()


async def get_commit(request: Request) -> Response:
    """GET commits/{ref}."""
    repository = readable(request)
    ref = request.path_params["ref"]
    sha = _stale_head(request, repository, ref) or repository.git.resolve(ref)
    if sha is None:
        raise ApiError(422, f"No commit found for SHA: {request.path_params['ref'][:80]}")
    view = commit_view(context_of(request).url, repository, repository.git.commits[sha])
    if request.headers.get("accept", "").startswith("application/vnd.github.sha"):
        return Response(sha, media_type="application/vnd.github.sha")
    return answer(
        request, view | {"stats": {"additions": 0, "deletions": 0, "total": 0}, "files": []}
    )


def _stale_head(request: Request, repository: RepositoryState, ref: str) -> str | None:
    """Return where a branch was before its last push, if the answer to this request is stale."""
    name = ref if ref.startswith("heads/") else f"heads/{ref}"
    before, after = repository.pushes.get(name, ("", ""))
    is_last = repository.git.refs.get(name) == after
    return before if request.state.stale and is_last and before.strip("0") else None


async def compare(request: Request) -> Response:
    """GET compare/{base}...{head}."""
    repository = readable(request)
    git = repository.git
    first, mark, second = request.path_params["basehead"].partition("...")
    base, head = git.resolve(first), git.resolve(second)
    if not mark or base is None or head is None:
        raise not_found()
    merge_base = git.merge_base(base, head)
    if merge_base is None:
        raise not_found()
    url = context_of(request).url
    ahead = len(git.ancestors(head).keys() - git.ancestors(base).keys())
    behind = len(git.ancestors(base).keys() - git.ancestors(head).keys())
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    comparison = {
        "url": str(request.url),
        "html_url": f"{url}/{repository.full_name}/compare",
        "permalink_url": f"{url}/{repository.full_name}/compare",
        "diff_url": f"{url}/diff",
        "patch_url": f"{url}/patch",
        "base_commit": commit_view(url, repository, git.commits[base]),
        "merge_base_commit": commit_view(url, repository, git.commits[merge_base]),
        "status": status.get((bool(ahead), bool(behind)), "diverged"),
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": [],
        "files": git.changes(merge_base, head)[:300],
    }
    return answer(request, comparison)


async def get_git_commit(request: Request) -> Response:
    """GET git/commits/{sha}."""
    repository = readable(request)
    commit = repository.git.commits.get(request.path_params["sha"])
    if commit is None:
        raise not_found()
    return answer(request, git_commit_view(context_of(request).url, repository, commit))


async def create_blob(request: Request) -> Response:
    """POST git/blobs."""
    repository = writable(request)
    body = await bodies.read(request, bodies.BlobBody)
    try:
        content = (
            base64.b64decode(body.content) if body.encoding == "base64" else body.content.encode()
        )
    except (binascii.Error, UnicodeEncodeError) as exc:
        raise validation_failed("Blob", "invalid", "content") from exc
    sha = repository.git.add_blob(content)
    return answer(request, {"sha": sha, "url": f"{request.url}/{sha}"}, 201)


async def create_tree(request: Request) -> Response:
    """POST git/trees."""
    repository = writable(request)
    git = repository.git
    body = await bodies.read(request, bodies.TreeBody)
    entries: dict[str, Entry] = {}
    if body.base_tree:
        base = git.commits[body.base_tree].tree if body.base_tree in git.commits else body.base_tree
        if base not in git.trees:
            raise ApiError(422, "base_tree is not a valid tree oid")
        entries = dict(git.files(base))
    for change in body.tree:
        if (
            change.path.startswith("/")
            or ".." in change.path.split("/")
            or ".git" in change.path.split("/")
        ):
            raise ApiError(422, "tree.path contains a malformed path component")
        if change.content is not None and change.sha is not None:
            raise ApiError(422, "Must supply either tree.sha or tree.content")
        if change.content is not None:
            entries[change.path] = Entry(
                mode=change.mode, sha=git.add_blob(change.content.encode())
            )
        elif change.sha is None:
            entries.pop(change.path, None)
        elif change.sha not in git.blobs:
            raise ApiError(422, "tree.sha is not a valid blob")
        else:
            entries[change.path] = Entry(mode=change.mode, sha=change.sha)
    sha = git.add_files(entries)
    shown = [
        {"path": name, "mode": entry.mode, "type": entry.type, "sha": entry.sha}
        for name, entry in sorted(git.trees[sha].items())
    ]
    return answer(
        request, {"sha": sha, "url": f"{request.url}/{sha}", "tree": shown, "truncated": False}, 201
    )


async def create_commit(request: Request) -> Response:
    """POST git/commits."""
    repository = writable(request)
    git = repository.git
    body = await bodies.read(request, bodies.CommitBody)
    if body.tree not in git.trees:
        raise ApiError(422, "Tree SHA does not exist")
    if any(parent not in git.commits for parent in body.parents):
        raise ApiError(422, "Parent SHA does not exist or is not a commit object")
    author = _person(body.author)
    committer = _person(body.committer) if body.committer else author
    commit = git.commit(body.tree, body.parents, body.message, author, committer)
    return answer(request, git_commit_view(context_of(request).url, repository, commit), 201)


def _person(body: bodies.PersonBody | None) -> GitPerson:
    if body is None:
        return GitPerson(name="kova[bot]", email="kova@users.noreply.example.com", date=now())
    try:
        date = datetime.fromisoformat(body.date) if body.date else now()
    except ValueError as exc:
        raise invalid_request("For 'author.date', it is not a date-time.") from exc
    if date.tzinfo is None:
        raise invalid_request("For 'author.date', it is not a date-time.")
    return GitPerson(name=body.name, email=body.email, date=date.replace(microsecond=0))


async def get_ref(request: Request) -> Response:
    """GET git/ref/{ref}."""
    repository = readable(request)
    name = request.path_params["ref"]
    if name not in repository.git.refs:
        raise not_found()
    sha = _stale_head(request, repository, name)
    return answer(request, ref_view(context_of(request).url, repository, name, sha))


async def matching_refs(request: Request) -> Response:
    """GET git/matching-refs/{ref}."""
    repository = readable(request)
    names = [
        name for name in sorted(repository.git.refs) if name.startswith(request.path_params["ref"])
    ]
    return answer(request, [ref_view(context_of(request).url, repository, name) for name in names])


async def create_ref(request: Request) -> Response:
    """POST git/refs."""
    repository = writable(request)
    body = await bodies.read(request, bodies.RefBody)
    name = body.ref.removeprefix("refs/")
    if body.sha not in repository.git.commits:
        raise ApiError(422, "Object does not exist")
    if name in repository.git.refs:
        raise ApiError(422, "Reference already exists")
    repository.git.refs[name] = body.sha
    return answer(request, ref_view(context_of(request).url, repository, name), 201)


async def update_ref(request: Request) -> Response:
    """PATCH git/refs/{ref}."""
    repository = writable(request)
    git, name = repository.git, request.path_params["ref"]
    body = await bodies.read(request, bodies.RefUpdate)
    if name not in git.refs:
        raise ApiError(422, "Reference does not exist")
    if body.sha not in git.commits:
        raise ApiError(422, "Object does not exist")
    if not body.force and git.refs[name] not in git.ancestors(body.sha):
        raise ApiError(422, "Update is not a fast forward")
    git.refs[name] = body.sha
    return answer(request, ref_view(context_of(request).url, repository, name))


async def delete_ref(request: Request) -> Response:
    """DELETE git/refs/{ref}."""
    repository = writable(request)
    name = request.path_params["ref"]
    if name not in repository.git.refs:
        raise ApiError(422, "Reference does not exist")
    if name.startswith("heads/"):
        people.delete_branch(repository, name.removeprefix("heads/"))
    else:
        del repository.git.refs[name]
    return Response(status_code=204)


_R = "/repos/{owner}/{repo}"
ROUTES = [
    Route(_R + "/git/trees/{sha:path}", get_tree),
    Route(_R + "/git/blobs/{sha}", get_blob),
    Route(_R + "/tarball/{ref:path}", get_tarball),
    Route(_R + "/tarball", get_tarball),
    Route("/_codeload/{owner}/{repo}/{commit}", codeload),
    Route(_R + "/compare/{basehead:path}", compare),
    Route(_R + "/git/commits/{sha}", get_git_commit),
    Route(_R + "/git/ref/{ref:path}", get_ref),
    Route(_R + "/git/matching-refs/{ref:path}", matching_refs),
    Route(_R + "/git/blobs", create_blob, methods=["POST"]),
    Route(_R + "/git/trees", create_tree, methods=["POST"]),
    Route(_R + "/git/commits", create_commit, methods=["POST"]),
    Route(_R + "/git/refs", create_ref, methods=["POST"]),
    Route(_R + "/git/refs/{ref:path}", update_ref, methods=["PATCH"]),
    Route(_R + "/git/refs/{ref:path}", delete_ref, methods=["DELETE"]),
]
LAST_ROUTES = [Route(_R + "/commits/{ref:path}", get_commit)]
