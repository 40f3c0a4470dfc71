"""Where the locations of SARIF lie: relative ones, and those of the machine of the tool."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.scans.sarif_places import SarifPlaces

CHECKOUT = "/home/runner/work/r/r"
URI = f"file://{CHECKOUT}"


def place(uri: str, base: str = "", checkouts: tuple[str, ...] = (), **run: Any) -> str | None:
    location = {"uri": uri, "uriBaseId": base} if base else {"uri": uri}
    return SarifPlaces(run, checkouts).path(location)


@pytest.mark.parametrize(
    ("uri", "path"),
    [
        ("src/a%20b.py", "src/a b.py"),
        ("./src/a.py", "src/a.py"),
        ("src/../a.py", "a.py"),
        ("src\\a.py", "src/a.py"),
        ("caf%C3%A9.py", "café.py"),
    ],
)
def test_a_relative_path_is_one_of_the_repository(uri: str, path: str) -> None:
    assert place(uri) == path
    assert place(uri, base="%SRCROOT%") == path
    # A base that says no path of a machine stands for the repository.
    for base in ({}, {"uri": "https://code.example/octo/r/blob/main/"}):
        assert place(uri, base="ROOT", originalUriBaseIds={"ROOT": base}) == path


@pytest.mark.parametrize(
    ("uri", "checkout"),
    [
        (f"{URI}/src/a.py", URI),
        (f"{URI}/src/a.py", f"{URI}/"),
        (f"{URI}/src/a.py", CHECKOUT),
        (f"{CHECKOUT}/src/a.py", URI),
        (f"file:{CHECKOUT}/src/a.py", URI),
        (f"file://localhost{CHECKOUT}/src/a.py", URI),
        (f"{URI}/lib/../src/a.py", URI),
        ("file:///D:/a/r/src/a.py", "D:\\a\\r"),
        ("file:///d%3A/a/R/src/a.py", "file:///D:/a/r"),
        ("D:\\a\\r\\src\\a.py", "D:/a/r"),
        ("D:/a/r/src/a.py", "file:///d:/a/r/"),
        ("file:///w/c%23/src/a.py", "/w/c#"),
        ("file:///w/c%23/src/a.py", "file:///w/c%23"),
        ("file:///w/q%3Fx/src/a.py", "/w/q?x/"),
        ("file:///w/a%2520b/src/a.py", "/w/a%20b"),
        ("file:///w/100%25/src/a.py", "/w/100%"),
    ],
)
def test_a_path_of_the_tool_s_machine_is_placed_below_the_checkout(uri: str, checkout: str) -> None:
    assert place(uri, checkouts=(checkout,)) == "src/a.py"
    assert place(uri) is None
    assert place(uri, checkouts=("/elsewhere",)) is None


@pytest.mark.parametrize(
    "run",
    [
        {"originalUriBaseIds": {"%SRCROOT%": {"uri": f"{URI}/"}}},
        {"originalUriBaseIds": {"ROOT": {"uri": f"{URI}/"}}},
        {
            "originalUriBaseIds": {
                "HOME": {"uri": "file:///home/runner/"},
                "PROJECTROOT": {"uri": "work/r/r/", "uriBaseId": "HOME"},
                "SRCROOT": {"uri": f"{URI}/"},
            }
        },
        {
            "originalUriBaseIds": {
                "HOME": {"uri": "file:///home/runner/"},
                "CODE": {"uri": f"{URI}/"},
            },
            "versionControlProvenance": [{"mappedTo": {"uriBaseId": "CODE"}}],
        },
        {"invocations": [{"workingDirectory": {"uri": f"{URI}/"}}]},
    ],
)
def test_a_run_tells_its_own_root(run: dict[str, Any]) -> None:
    assert place(f"{URI}/src/a.py", **run) == "src/a.py"
    assert place("file:///home/runner/.cache/a.py", **run) is None


def test_a_base_may_stand_below_another_one() -> None:
    bases = {
        "ROOT": {"uri": f"{URI}/"},
        "API": {"uri": "api/", "uriBaseId": "ROOT"},
        "WEB": {"uri": "web/", "uriBaseId": "NOWHERE"},
    }
    assert place("a.py", base="API", originalUriBaseIds=bases) == "api/a.py"
    assert place("../a.py", base="API", originalUriBaseIds=bases) == "a.py"
    assert place("../../a.py", base="API", originalUriBaseIds=bases) is None
    assert place("a.py", base="WEB", originalUriBaseIds=bases) == "web/a.py"


def test_of_several_roots_without_a_usual_name_none_is_guessed() -> None:
    bases = {"HOME": {"uri": "file:///home/runner/"}, "CODE": {"uri": f"{URI}/"}}
    assert place(f"{URI}/src/a.py", originalUriBaseIds=bases) is None
    assert place("src/a.py", base="HOME", originalUriBaseIds=bases) is None


def test_bases_in_a_circle_and_the_root_of_a_machine_place_nothing() -> None:
    circle = {"A": {"uri": "a/", "uriBaseId": "B"}, "B": {"uri": "b/", "uriBaseId": "A"}}
    assert place("a.py", base="A", originalUriBaseIds=circle) is None
    machine = {"ROOT": {"uri": "file:///"}}
    assert place("file:///etc/passwd", originalUriBaseIds=machine) is None


@pytest.mark.parametrize("uri", ["", "/", "file:///", "src", "../r", "https://x/r", "C:", "//h/r"])
def test_a_checkout_is_an_absolute_folder(uri: str) -> None:
    assert place(f"{URI}/a.py", checkouts=(uri,)) is None
    assert place(f"{URI}/a.py", checkouts=(uri, URI)) == "a.py"


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_any_text_is_a_clean_path_or_none(uri: str, base: str, checkout: str) -> None:
    run = {"originalUriBaseIds": {"A": {"uri": base}, "B": base}}
    for name in ("", "A", "B"):
        path = SarifPlaces(run, [checkout]).path({"uri": uri, "uriBaseId": name})
        if path is not None:
            names = path.split("/")
            assert path.isprintable() or "\x00" not in path
            assert not {"", ".", ".."} & set(names)
            assert "\\" not in path
