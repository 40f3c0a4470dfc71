"""The check of the public workflows sees what it is there for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checks.workflows import ACTIONLINT, WORKFLOWS, check_workflows, lint_workflows

CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2"
SAYS_WHERE_FROM = "      - name: Say where the image comes from\n        uses: actions/attest@"
needs_actionlint = pytest.mark.skipif(
    not ACTIONLINT.exists(), reason="`make test` without T= sets actionlint up"
)


def plant(folder: Path, name: str, part: str, planted: str) -> None:
    text = (WORKFLOWS / name).read_text()
    assert part in text
    (folder / name).write_text(text.replace(part, planted))


def test_the_workflows_are_clean() -> None:
    assert check_workflows() == []


@needs_actionlint
def test_actionlint_finds_nothing_in_the_workflows() -> None:
    assert lint_workflows() == []


@pytest.mark.parametrize(
    ("part", "planted"),
    [
        (CHECKOUT, "actions/checkout@v4"),
        ("# v4.2.2", ""),
        ("permissions: {}", "permissions: write-all"),
        ('make "$TARGET"', 'echo "${{ github.event.pull_request.title }}"'),
    ],
)
def test_a_planted_mistake_is_seen(tmp_path: Path, part: str, planted: str) -> None:
    plant(tmp_path, "checks.yml", part, planted)
    assert check_workflows(tmp_path)


@pytest.mark.parametrize(
    ("part", "planted", "problem"),
    [
        (
            "      contents: read\n",
            "      contents: read\n      id-token: write\n",
            "build uses actions/checkout",
        ),
        ("docker load --input", "make image; docker load --input", "publish runs `make image`"),
        (SAYS_WHERE_FROM, "      - name: Other\n        uses: actions/other@", "publish pushes"),
    ],
)
def test_a_release_that_is_not_signed_apart_is_seen(
    tmp_path: Path, part: str, planted: str, problem: str
) -> None:
    plant(tmp_path, "release.yml", part, planted)
    assert [line for line in check_workflows(tmp_path) if f"release.yml: {problem}" in line]


LOAD = 'docker load --input "build/dist/kova-image-$ARCHITECTURE.tar.gz"'
PUSH = 'docker push "$tag"'


@pytest.mark.parametrize(
    ("part", "planted", "problem"),
    [
        (LOAD, f"{LOAD}\n          python3 build/x.py && bash build/run.sh", "publish runs `python3 build/x.py`"),
        (LOAD, f"{LOAD}\n          docker run kova", "publish runs `docker run kova`"),
        (LOAD, f"{LOAD} && ./build/run.sh", "publish runs `./build/run.sh`"),
        (LOAD, f"{LOAD}; $(cat build/command)", "publish runs `cat build/command`"),
        (LOAD, f"{LOAD}\n          echo `build/run`", "publish runs what cannot be read"),
        (LOAD, f"{LOAD} | tee <(build/run)", "publish runs `tee`"),
        (LOAD, f"PATH=build:$PATH {LOAD}", "publish runs `PATH=build:$PATH docker"),
        ('>> "$GITHUB_OUTPUT"\n      - name', '>> "$GITHUB_PATH"\n      - name', "publish writes to $GITHUB_PATH"),
        ("        id: image\n", "        id: image\n        shell: python\n", "publish runs a shell of its own"),
        ("        env:\n          GITHUB_TOKEN", "        env:\n          BASH_ENV: build/run.sh\n          GITHUB_TOKEN", "publish sets BASH_ENV"),
        ("    needs: build\n", "    needs: build\n    container: other\n", "publish has container"),
        ("actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "other/run@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c", "publish uses other/run"),
        (PUSH, f'{PUSH}\n          docker image push "$tag-2"', "publish pushes an image"),
        (PUSH, f'{PUSH}\n          docker  \\\n            push "$tag-2"', "publish pushes an image"),
        ("gh release create", "gh release  delete", "release runs `gh release delete"),
    ],
)  # fmt: skip
def test_what_a_job_that_signs_may_not_do_is_seen(
    tmp_path: Path, part: str, planted: str, problem: str
) -> None:
    plant(tmp_path, "release.yml", part, planted)
    assert [line for line in check_workflows(tmp_path) if f"release.yml: {problem}" in line]


def test_a_job_that_may_write_everything_is_seen(tmp_path: Path) -> None:
    writes = "    permissions:\n      contents: write # makes the release\n"
    plant(tmp_path, "release.yml", writes, "    permissions: write-all\n")
    assert [line for line in check_workflows(tmp_path) if "release may write everything" in line]


def test_a_file_of_the_other_ending_is_read(tmp_path: Path) -> None:
    plant(tmp_path, "checks.yml", CHECKOUT, "actions/checkout@v4")
    (tmp_path / "checks.yml").rename(tmp_path / "checks.yaml")
    pinned = "checks.yaml: actions/checkout@v4 is not pinned to a commit with its version"
    assert pinned in check_workflows(tmp_path)


@needs_actionlint
def test_actionlint_reads_a_file_of_the_other_ending(tmp_path: Path) -> None:
    plant(tmp_path, "checks.yml", "runs-on: ubuntu", "run-on: ubuntu")
    (tmp_path / "checks.yml").rename(tmp_path / "checks.yaml")
    assert lint_workflows(tmp_path)


@needs_actionlint
@pytest.mark.parametrize(
    ("part", "planted", "kind"),
    [
        ("runs-on: ubuntu", "run-on: ubuntu", "syntax-check"),
        ("matrix.target }}", "matrix.targets }}", "expression"),
        ("    branches: [main]", "    branch: [main]", "syntax-check"),
        ("  pull_request:", "  pull_requests:", "events"),
        ("17 4 * * 1", "77 4 * * 1", "events"),
        ("contents: read", "content: read", "permissions"),
        ("ubuntu-24.04", "ubuntu-4.04", "runner-label"),
        # It knows an action's inputs by its tag, not by a commit.
        (f"{CHECKOUT}\n        with:\n          persist", "actions/checkout@v4\n        with:\n          p", "action"),
        ("fail-fast: false", "fail-fast: maybe", "syntax-check"),
        ('make "$TARGET"', "make $TARGET", "shellcheck"),
        ("    steps:", "    needs: nothing\n    steps:", "job-needs"),
    ],
)  # fmt: skip
def test_actionlint_finds_what_github_would_refuse(
    tmp_path: Path, part: str, planted: str, kind: str
) -> None:
    """It is a wheel of one person: a release that finds less must not pass."""
    plant(tmp_path, "checks.yml", part, planted)
    assert [line for line in lint_workflows(tmp_path) if line.endswith(f"[{kind}]")]


def test_every_bill_of_materials_is_signed_for() -> None:
    text = Path("Makefile").read_text().replace("\\\n", "")
    (shipped,) = [line for line in text.splitlines() if line.startswith("SHIPPED :=")]
    files = {lock.replace("/", "-").replace(".txt", ".json") for lock in shipped.split()[2:]}
    release = (WORKFLOWS / "release.yml").read_text()
    assert files
    assert {file for file in files if f"sbom-path: build/sbom/{file}" not in release} == set()
