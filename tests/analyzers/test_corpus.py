"""The labelled examples: what must be found is found, and nothing where nothing is."""

import pytest

from tests.quality import LEAST_RECALL, Quality, measure


@pytest.fixture(scope="module")
def quality() -> Quality:
    return measure()


def test_the_corpus_has_enough_of_both_kinds_and_every_language(quality: Quality) -> None:
    flagged = [example for example in quality.examples if example.rule]
    assert len(flagged) >= 150
    assert len(quality.examples) - len(flagged) >= 150
    assert {example.tool for example in flagged} == {
        *("ruff", "kova", "oxlint", "betterleaks", "zizmor", "syntax", "shellcheck", "hadolint")
    }


def test_nearly_everything_is_found(quality: Quality) -> None:
    assert quality.recall >= LEAST_RECALL, [
        (example.place, example.rule) for example in quality.missed
    ]


def test_no_clean_example_is_flagged(quality: Quality) -> None:
    assert not [(finding.path, finding.rule_id) for finding in quality.false_alarms]
