"""The pure rules of commands: routing, prices, prompts, breakers, markup, redaction."""

from __future__ import annotations

import hashlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kova.bootstrap.models import PRICES, UNKNOWN, price_of
from kova.bootstrap.settings import SettingsError, load_settings
from kova.commands.assemble_prompt import assemble, read_template
from kova.commands.command import CommandRequest
from kova.commands.routing import providers_for, task_of
from kova.models.breaker import Breaker
from kova.models.markup import MarkupFilter, escape_markup
from kova.models.model_answer import AnswerText
from kova.models.price import estimate_tokens, max_tokens
from kova.models.prompt import Material, Message, fence_materials, fit_materials, trim_history
from kova.models.provider import Provider, Task
from kova.models.redaction import MARK, redact
from kova.models.usage import TokenUsage

# A text that changes is a new version: bump the number in the file and put its hash here.
PINNED = {
    "analyze": (1, "63a69d"),
    "cite": (1, "d16da9"),
    "generate": (1, "6c3bf0"),
    "review": (1, "f64f98"),
    "review_pull_request": (1, "d3e255"),
    "suggest": (1, "3cea44"),
    "system": (1, "cd2cf5"),
}


@pytest.mark.parametrize(
    ("command", "task"),
    [
        ("Write a test for parse()", "generate"),
        ("implement retry", "generate"),
        ("Please review this", "review"),
        ("review and then write", "review"),
        ("suggest a better name", "suggest"),
        ("Could you refactor the loop?", "suggest"),
        ("why does it fail?", "analyze"),
        ("explain how to write it", "analyze"),
        ("how do I create a file", "analyze"),
        ("hmm", "analyze"),
        ("", "analyze"),
    ],
)
def test_the_first_telling_word_decides_an_automatic_task(command: str, task: str) -> None:
    assert task_of(CommandRequest(command=command)) is Task(task)


def test_a_named_task_wins_and_a_pull_request_is_a_review() -> None:
    assert task_of(CommandRequest(command="write", task=Task.SUGGEST)) is Task.SUGGEST
    assert task_of(CommandRequest(command="write", pull_request=3)) is Task.REVIEW


def test_each_provider_is_the_others_fallback() -> None:
    for task in Task:
        assert set(providers_for(task, None)) == set(Provider)
        assert providers_for(task, Provider.OPENAI) == (Provider.OPENAI,)
    assert providers_for(Task.REVIEW, None)[0] is Provider.ANTHROPIC


def test_costs_are_rounded_up_and_bounded() -> None:
    price = PRICES["gpt-6.1-sol"]
    assert price.cost(TokenUsage(input_tokens=1, output_tokens=0)) == Decimal("0.000002")
    assert price.cost(TokenUsage(input_tokens=1_000_000, output_tokens=1_000_000)) == 12
    assert max_tokens(100, 50) == TokenUsage(input_tokens=1_100, output_tokens=50)
    assert all(
        price.input <= UNKNOWN.input and price.output <= UNKNOWN.output for price in PRICES.values()
    )
    assert price_of("unheard", {}) == UNKNOWN
    assert price_of("mine", {"mine": (Decimal(0), Decimal(1))}).output == 1


def test_settings_of_the_models_are_read_and_bad_ones_told_together() -> None:
    good = load_settings(
        {"KOVA_MODEL_PRICES": "a=0.5/2, b:c=0/0", "KOVA_MONTHLY_BUDGET_USD": "7.5"}
    )
    assert good.ai.prices == {"a": (Decimal("0.5"), Decimal(2)), "b:c": (Decimal(0), Decimal(0))}
    assert good.ai.monthly_budget_usd == Decimal("7.5")
    with pytest.raises(SettingsError) as error:
        load_settings({"KOVA_MODEL_PRICES": "x", "KOVA_MONTHLY_BUDGET_USD": "-1"})
    assert "KOVA_MODEL_PRICES" in error.value.message
    assert "KOVA_MONTHLY_BUDGET_USD" in error.value.message


@pytest.mark.parametrize("name", PINNED)
def test_a_prompt_keeps_its_words_or_gets_a_new_version(name: str) -> None:
    template = read_template(name)
    digest = hashlib.sha256(template.text.encode()).hexdigest()[:6]
    assert (template.version, digest) == PINNED[name]


def test_the_shape_of_a_prompt() -> None:
    material = Material(kind="file", name="a.py", lines=("x = 1", "y = 2"), start_line=9)
    note = Material(kind="note", name="the error", lines=("it is wrong",))
    history = (Message(role="user", text="before"), Message(role="assistant", text="yes"))
    request = CommandRequest(command="why?")
    prompt, shown = assemble(request, Task.ANALYZE, (material, note), history)
    assert shown == (material, note)
    assert [message.role for message in prompt.messages] == ["user", "assistant", "user"]
    fence = prompt.messages[-1].text.split('"')[1]
    assert prompt.messages[-1].text == (
        f'<material id="{fence}" kind="file" name="a.py">\n'
        " 9| x = 1\n"
        "10| y = 2\n"
        f'</material id="{fence}">\n'
        f'<material id="{fence}" kind="note" name="the error">\n'
        "> it is wrong\n"
        f'</material id="{fence}">\n\n'
        "Question:\nwhy?"
    )
    again, _ = assemble(request, Task.ANALYZE, (material, note), history)
    other_prompt, _ = assemble(request, Task.ANALYZE, (note, material), history)
    assert again.identity == prompt.identity != other_prompt.identity


@given(st.lists(st.text(), min_size=1, max_size=8), st.text())
def test_no_text_and_no_name_breaks_out_of_its_fence(lines: list[str], name: str) -> None:
    text = fence_materials(
        [Material(kind="file", name=name, lines=tuple("".join(lines).split("\n")))]
    )
    fence = text.split('"')[1]
    assert text.split("\n")[0].endswith('">')
    assert text.count(f'</material id="{fence}">') == 1


@given(st.lists(st.text(max_size=80), max_size=60), st.integers(0, 400))
def test_what_is_shown_fits_the_budget(lines: list[str], budget: int) -> None:
    given_lines = tuple("".join(line.split("\n")) for line in lines)
    shown = fit_materials([Material(kind="file", name="a", lines=given_lines)] * 2, budget)
    assert (
        sum(estimate_tokens(line) for material in shown for line in material.render_lines())
        <= budget
    )


def test_the_latest_exchanges_are_kept_whole() -> None:
    turns = [Message(role=role, text="x" * 30) for _ in range(5) for role in ("user", "assistant")]
    assert len(trim_history(turns, 45)) == 4
    assert trim_history(turns, 19) == ()


def test_a_breaker_lets_one_trial_through_after_its_pause() -> None:
    now = 0.0
    breaker = Breaker(clock=lambda: now, failures=2, pause=10)
    breaker.record_failure()
    assert breaker.allows_call()
    breaker.record_failure()
    assert breaker.is_open
    assert not breaker.allows_call()
    now = 11.0
    assert breaker.allows_call()
    assert not breaker.allows_call()
    breaker.record_failure()
    assert not breaker.allows_call()
    now = 22.0
    assert breaker.allows_call()
    breaker.record_success()
    assert not breaker.is_open
    assert breaker.allows_call()


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a < b and c > d", "a < b and c > d"),
        ("a <b> c", "a &lt;b> c"),
        ("`List<int>` and <int>", "`List<int>` and &lt;int>"),
        ("```cpp\nvector<int> v;\n```\n<p>", "```cpp\nvector<int> v;\n```\n&lt;p>"),
        ("```\n<p>", "```\n<p>\n```"),
        ("~~~\n```\n<p>\n~~~\n<p>", "~~~\n```\n<p>\n~~~\n&lt;p>"),
        ("``a ` <b>`` <c>", "``a ` <b>`` &lt;c>"),
        ("[a](https://example.com/x?y=1)", "[a](https://example.com/x?y=1)"),
        ("[a](src/a.py#L3)", "[a](src/a.py#L3)"),
        ("[a](JavaScript:x)", "[a](#)"),
        ("[a]( data:x )", "[a]( # )"),
        ("[a]: javascript:x", "[a]: #"),
        ("&lt;script&gt;", "&amp;lt;script&amp;gt;"),
        ("R&D", "R&D"),
    ],
)
def test_markup_is_made_harmless_and_code_is_left_alone(text: str, shown: str) -> None:
    assert escape_markup(text) == shown


@given(st.text(alphabet="`<a>~\\\n ![](x:&;", max_size=60))
def test_a_tag_outside_of_code_never_passes(text: str) -> None:
    markup = MarkupFilter()
    for line in text.split("\n"):
        shown = markup.filter_line(line)
        if markup._fence is None and "`" not in shown and "~" not in shown:
            assert "<a" not in shown


@pytest.mark.parametrize(
    "secret",
    [
        "sk-proj-abcdefghijklmnopqrstuv",
        "sk-ant-api03-abcdefghijklmnop",
        "ghs_0123456789abcdefghijklmnopqrstuvwxyz",
        "github_pat_11ABCDEFG0123456789_abcdefghijklmnop",
        "AKIAIOSFODNN7EXAMPLE",
        "xoxb-1234567890-abcdef",
        "AIza" + "a" * 35,
        "pcsk_" + "a1B2" * 10,
        "sk_live_0123456789abcdef",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLXRleHQ",
    ],
)
def test_secrets_are_known_by_their_form(secret: str) -> None:
    assert redact(f"x = f({secret})") == f"x = f({MARK})"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----\nx", f"\n{MARK}\n"),
        ("-----BEGIN PRIVATE KEY-----\nMIIEabcdefghijklmnop\nx = 1", f"\n{MARK}\nx = 1"),
        ("m = '-----BEGIN PRIVATE KEY-----'\nx = 1", "'\nx = 1"),
        ("'-----BEGIN PRIVATE KEY-----'\n-----BEGIN PRIVATE KEY-----\n" + "M" * 20, f"\n{MARK}"),
    ],
)
def test_a_private_key_is_taken_out_and_the_mere_mark_of_one_is_not(text: str, shown: str) -> None:
    redacted = redact(text)
    assert shown in redacted
    assert "MII" not in redacted
    assert "MMM" not in redacted


@given(st.text(), st.lists(st.text(min_size=1, max_size=20), max_size=3))
def test_redaction_keeps_the_number_of_lines(text: str, secrets: list[str]) -> None:
    assert redact(text, secrets).count("\n") == text.count("\n")


@given(st.text(max_size=80), st.integers(1, 7))
def test_the_text_of_an_answer_is_the_same_in_pieces(text: str, size: int) -> None:
    import json

    document = json.dumps({"answer": text, "citations": []}, ensure_ascii=bool(size % 2))
    reader = AnswerText()
    pieces = [
        reader.feed(document[start : start + size]) for start in range(0, len(document), size)
    ]
    assert "".join(pieces) == text
