"""A patch of ours applies exactly to what it was made from, and to nothing else."""

import subprocess

import pytest
from hypothesis import assume, example, given, seed
from hypothesis import strategies as st

from kova.analysis.source_text import SourceText
from kova.fixes.patch import PatchError, apply_patch
from kova.fixes.proof import unified_diff

line = st.text(st.characters(exclude_characters="\n", exclude_categories=("Cs",)), max_size=6)
text = st.builds(
    lambda lines, ending: "\n".join(lines) + ending,
    st.lists(
        st.one_of(st.sampled_from(["a", "b", "", "@@ -1 +1 @@", "--- x", "\r"]), line), max_size=40
    ),
    st.sampled_from(["", "\n"]),
)


@given(before=text, after=text)
def test_a_patch_turns_one_text_into_the_other(before: str, after: str) -> None:
    assert apply_patch(before, unified_diff("a.py", before, after)) == after


def test_a_text_that_is_another_one_is_refused() -> None:
    patch = unified_diff("a.py", "one\ntwo\nthree\n", "one\nTWO\nthree\n")
    for other_text in ("one\ntwo!\nthree\n", "zero\none\ntwo\nthree\n", "one\n", ""):
        with pytest.raises(PatchError):
            apply_patch(other_text, patch)


@pytest.mark.parametrize("patch", ["@@ nonsense\n", "@@ -9,1 +9,1 @@\n-x\n", "@@ -1 +1 @@\n?x\n"])
def test_a_malformed_patch_is_refused(patch: str) -> None:
    with pytest.raises(PatchError):
        apply_patch("x\n", patch)


@seed(2)
@given(before=text, after=text, bom=st.sampled_from(["", "\ufeff"]))
@example(before="a\x0cb\nc\n", after="a\x0cB\nc\n", bom="\ufeff")
@example(before="a\u2028b\rc\x85d", after="a\u2028b\rC\x85d\n", bom="")
def test_git_applies_a_patch_as_we_do(
    tmp_path_factory: pytest.TempPathFactory, before: str, after: str, bom: str
) -> None:
    assume(before and after and before != after)
    folder = tmp_path_factory.mktemp("apply")
    old, new = SourceText(text=before, bom=bool(bom)), SourceText(text=after, bom=bool(bom))
    (folder / "a.py").write_bytes(old.encode())
    patch = unified_diff("a.py", old.content, new.content)
    subprocess.run(
        ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn", "-"],
        cwd=folder,
        input=patch.encode(),
        check=True,
    )
    assert (folder / "a.py").read_bytes() == new.encode()
