"""Evil archives: whatever GitHub's tarball might hold, nothing is written but the right blobs."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import threading
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from kova.adapters.github.archive import Unpacked, Unpacker
from kova.shared.code_source import TreeFile

ROOT = "octo-sample-abc/"
Member = tuple[tarfile.TarInfo, bytes]


def tree_file(path: str, content: bytes) -> TreeFile:
    blob = b"blob %d\0" % len(content) + content
    return TreeFile(path=path, sha=hashlib.sha1(blob).hexdigest(), size=len(content))  # noqa: S324


def member(name: str, content: bytes = b"", **fields: object) -> Member:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for key, value in fields.items():
        setattr(info, key, value)
    return info, content


def tarball(*members: Member, form: int = tarfile.PAX_FORMAT) -> bytes:
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=form) as tar:
        for info, content in members:
            tar.addfile(info, io.BytesIO(content))
    return gzip.compress(raw.getvalue(), 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "private"
    inside.mkdir()
    return inside


@pytest.fixture
def unpack(folder: Path) -> Callable[..., Unpacked]:
    def run(archive: bytes, *files: TreeFile, total_bytes: int = 10_000_000) -> Unpacked:
        unpacker = Unpacker(
            folder=folder,
            files={file.path: file for file in files},
            total_bytes=total_bytes,
            deadline=100.0,
            stop=threading.Event(),
            clock=lambda: 0.0,
        )
        return unpacker.run(io.BytesIO(archive))

    return run


def list_below(folder: Path) -> set[str]:
    return {
        str(Path(root, name).relative_to(folder))
        for root, _, names in os.walk(folder.parent)
        for name in names
    }


def test_wanted_files_are_written_and_others_are_not(
    folder: Path, unpack: Callable[..., Unpacked]
) -> None:
    deep = "/".join(["folder" * 8] * 10) + "/x.py"
    archive = tarball(
        member("octo-sample-abc", type=tarfile.DIRTYPE),
        member(ROOT + "a.py", b"a\n"),
        member(ROOT + "not_wanted", b"n" * 100_000),
        member(ROOT + deep, b"deep"),
        member(ROOT + "empty", b""),
    )
    result = unpack(
        archive, tree_file("a.py", b"a\n"), tree_file(deep, b"deep"), tree_file("empty", b"")
    )

    assert result == Unpacked(written={"a.py", deep, "empty"})
    assert list_below(folder) == {"a.py", deep, "empty"}
    assert (folder / deep).read_bytes() == b"deep"
    assert (folder / "a.py").stat().st_mode & 0o777 == 0o600


def test_gnu_and_pax_long_names_are_read(unpack: Callable[..., Unpacked]) -> None:
    long = "n" * 200 + "/" + "m" * 200
    for form in (tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        archive = tarball(member(ROOT + long, b"x"), form=form)
        result = unpack(archive, tree_file(long, b"y"))
        assert result.changed == {long}


def test_names_that_climb_are_not_written(folder: Path, unpack: Callable[..., Unpacked]) -> None:
    names = ["../../out", "/etc/out", ROOT + "../out", ROOT + "a/../../out", "out", "", "/", ROOT]
    archive = tarball(*(member(name, b"evil") for name in names))

    result = unpack(archive, tree_file("out", b"evil"))

    assert result.stopped is None
    assert list_below(folder) <= {"out"}


def test_links_and_devices_are_not_made(folder: Path, unpack: Callable[..., Unpacked]) -> None:
    archive = tarball(
        member(ROOT + "dir", type=tarfile.SYMTYPE, linkname="/tmp"),
        member(ROOT + "dir/a.py", b"through the link"),
        member(ROOT + "hard", type=tarfile.LNKTYPE, linkname="/etc/passwd"),
        member(ROOT + "fifo", type=tarfile.FIFOTYPE),
        member(ROOT + "null", type=tarfile.CHRTYPE, devmajor=1, devminor=3),
        member(ROOT + "disk", type=tarfile.BLKTYPE),
    )
    files = [tree_file(path, b"") for path in ("dir", "hard", "fifo", "null", "disk")]

    result = unpack(archive, *files, tree_file("dir/a.py", b"through the link"))

    assert result.written == {"dir/a.py"}
    assert not (folder / "dir").is_symlink()
    assert list_below(folder) == {"dir/a.py"}


def test_a_link_that_stands_in_the_folder_is_not_followed(
    folder: Path, unpack: Callable[..., Unpacked]
) -> None:
    victim = folder.parent / "victim"
    victim.write_bytes(b"mine")
    (folder / "a.py").symlink_to(victim)

    result = unpack(tarball(member(ROOT + "a.py", b"evil")), tree_file("a.py", b"evil"))

    assert result.written == set()
    assert victim.read_bytes() == b"mine"


def test_the_first_of_two_equal_names_counts(folder: Path, unpack: Callable[..., Unpacked]) -> None:
    archive = tarball(member(ROOT + "a", b"one"), member(ROOT + "a", b"two"))

    assert unpack(archive, tree_file("a", b"one")).written == {"a"}
    assert (folder / "a").read_bytes() == b"one"


@pytest.mark.parametrize("content", [b"$Id: abc$", b"$Id$ and more", b""])
def test_a_content_that_is_not_the_blobs_leaves_nothing(
    folder: Path, unpack: Callable[..., Unpacked], content: bytes
) -> None:
    result = unpack(tarball(member(ROOT + "a", content)), tree_file("a", b"$Id:    $"))

    assert result == Unpacked(changed={"a"})
    assert list_below(folder) == set()


def test_a_file_where_a_folder_is_needed_is_a_failure_of_that_file(
    unpack: Callable[..., Unpacked],
) -> None:
    archive = tarball(
        member(ROOT + "a", b"1"), member(ROOT + "a/b", b"2"), member(ROOT + "c", b"3")
    )

    result = unpack(archive, tree_file("a", b"1"), tree_file("a/b", b"2"), tree_file("c", b"3"))

    assert (result.written, result.failed) == ({"a", "c"}, {"a/b"})


def test_a_wrong_checksum_is_seen(unpack: Callable[..., Unpacked]) -> None:
    archive = bytearray(tarball(member(ROOT + "a", b"one")))
    archive[-8] ^= 0xFF

    result = unpack(bytes(archive), tree_file("a", b"one"))

    assert (result.written, result.stopped) == ({"a"}, "broken")


@pytest.mark.parametrize("end", [-1, -8, -20, 40, 12, 3, 0])
def test_a_cut_archive_is_broken(folder: Path, unpack: Callable[..., Unpacked], end: int) -> None:
    content = os.urandom(50_000)

    result = unpack(tarball(member(ROOT + "a", content))[:end], tree_file("a", content))

    # An empty file is an empty stream to gzip: nothing in it, and so everything is missing.
    assert result.stopped == ("broken" if end else result.stopped)
    assert list_below(folder) == result.written


@pytest.mark.parametrize(
    "junk",
    [b"<html>", gzip.compress(b"junk" * 5_000), gzip.compress(b"\xff" * 512), b"\0" * 2_000],
    # gzip writes the time: without names, processes that collect in different seconds disagree.
    ids=["html", "text", "bytes", "nul"],
)
def test_junk_is_broken_and_no_traceback(unpack: Callable[..., Unpacked], junk: bytes) -> None:
    assert unpack(junk, tree_file("a", b"x")).written == set()


def test_a_bomb_stops_at_the_cap(unpack: Callable[..., Unpacked]) -> None:
    archive = tarball(member(ROOT + "bomb", b"\0" * 30_000_000), member(ROOT + "a", b"x"))

    result = unpack(archive, tree_file("a", b"x"))

    assert (result.written, result.stopped) == (set(), "total_size_limit")


def test_a_bomb_after_the_end_of_the_archive_stops_at_the_cap(
    unpack: Callable[..., Unpacked],
) -> None:
    archive = tarball(member(ROOT + "a", b"x")) + gzip.compress(b"\0" * 30_000_000)

    result = unpack(archive, tree_file("a", b"x"))

    assert (result.written, result.stopped) == ({"a"}, "total_size_limit")


def test_a_declared_size_over_the_cap_is_believed(unpack: Callable[..., Unpacked]) -> None:
    info, _ = member(ROOT + "huge")
    info.size = 1 << 40
    raw = info.tobuf(tarfile.GNU_FORMAT)

    assert unpack(gzip.compress(raw + b"x" * 5_000)).stopped == "total_size_limit"


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME])
def test_a_header_of_a_gigabyte_is_not_held_in_memory(
    unpack: Callable[..., Unpacked], kind: bytes
) -> None:
    info = tarfile.TarInfo("x")
    info.type, info.size = kind, 200_000_000
    archive = gzip.compress(info.tobuf(tarfile.GNU_FORMAT) + b"\0" * 20_000_000, 1)

    tracemalloc.start()
    result = unpack(archive, total_bytes=1_000_000_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert result.stopped == "broken"
    assert peak < 5_000_000


def test_a_sparse_file_does_not_unfold(unpack: Callable[..., Unpacked]) -> None:
    info = tarfile.TarInfo(ROOT + "a")
    info.pax_headers = {
        "GNU.sparse.major": "1",
        "GNU.sparse.minor": "0",
        "GNU.sparse.realsize": "99999999999",
        "GNU.sparse.name": ROOT + "a",
    }
    content = b"1\n0\n0\n".ljust(512, b"\0")
    info.size = len(content)

    result = unpack(tarball((info, content), member(ROOT + "b", b"x")), tree_file("b", b"x"))

    assert "a" not in result.written


def test_time_is_kept(folder: Path) -> None:
    ticks = iter(range(1_000_000))
    file = tree_file("a", os.urandom(2_000_000))
    unpacker = Unpacker(
        folder=folder,
        files={},
        total_bytes=10_000_000,
        deadline=5,
        stop=threading.Event(),
        clock=lambda: float(next(ticks)),
    )

    assert unpacker.run(io.BytesIO(tarball(member(ROOT + "a", b"x" * file.size)))) == Unpacked(
        stopped="time_limit"
    )


def test_a_cancelled_download_stops_its_thread(folder: Path) -> None:
    stop = threading.Event()
    stop.set()
    unpacker = Unpacker(
        folder=folder,
        files={},
        total_bytes=10_000_000,
        deadline=5,
        stop=stop,
        clock=lambda: 0.0,
    )

    assert unpacker.run(io.BytesIO(tarball(member(ROOT + "a")))).stopped == "time_limit"
