"""Who may sign in, and as what."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kova.access.identity import Identity, SignInRefusedError
from kova.access.sign_in import LOCAL_OWNER
from kova.access.sign_in_rules import SignInRules, admit_person, is_rule, rules_of
from kova.access.subject import EVERYTHING, Role
from kova.shared.reach import reach_of

RULES = SignInRules(
    admins=rules_of(["Ann@Example.com", "github:Octo"]),
    members=rules_of(["@example.com", "github:cat"]),
    viewers=rules_of(["guest@gmail.com"]),
)


def google(address: str, hosted_domain: str | None = None) -> Identity:
    return Identity(
        provider="google",
        actor=f"google:{address.lower()}",
        name="x",
        hosted_domain=hosted_domain,
    )


@pytest.mark.parametrize(
    ("address", "role"),
    [
        ("ann@example.com", Role.ADMIN),
        ("ANN@EXAMPLE.COM", Role.ADMIN),
        ("bob@example.com", Role.MEMBER),
        ("guest@gmail.com", Role.VIEWER),
        ("else@gmail.com", None),
        ("bob@sub.example.com", None),
        ("bob@example.com.evil.net", None),
        ("bob@evilexample.com", None),
        ("github:octo", None),
    ],
)
def test_without_a_hosted_domain_only_those_that_are_named_sign_in(
    address: str, role: Role | None
) -> None:
    assert RULES.role_of(google(address)) is role


def test_with_a_hosted_domain_its_people_are_viewers_and_nobody_else_signs_in() -> None:
    rules = SignInRules(admins=RULES.admins, members=RULES.members, hosted_domain="example.org")
    assert rules.role_of(google("zoe@example.org", "example.org")) is Role.VIEWER
    assert rules.role_of(google("bob@example.com", "example.org")) is Role.MEMBER
    for domain in (None, "example.com", "evil.org", "example.org.evil.net", ""):
        assert rules.role_of(google("ann@example.com", domain)) is None


def test_somebody_of_github_is_a_viewer_unless_a_rule_names_them() -> None:
    for login, role in (("Octo", Role.ADMIN), ("CAT", Role.MEMBER), ("dog", Role.VIEWER)):
        identity = Identity(provider="github", actor=f"github:{login}", name=login)
        assert RULES.role_of(identity) is role
    # An address of Google never stands for a login, nor the other way round.
    assert RULES.role_named("github:ann@example.com") is None
    assert RULES.role_named("google:octo") is None
    assert RULES.role_named("slack:T/U") is None


@pytest.mark.parametrize("text", ["ann@example.com", "@example.com", "github:octo-cat", "GitHub:A"])
def test_a_rule_names_an_address_a_domain_or_a_login(text: str) -> None:
    assert is_rule(text)


@pytest.mark.parametrize(
    "text", ["", "@", "ann", "ann@", "a b@c.d", "github:", "github:-a", "*", "*@example.com", "x:y"]
)
def test_anything_else_is_no_rule(text: str) -> None:
    assert not is_rule(text)


def github(login: str) -> Identity:
    reach = reach_of(["octo/a"])
    return Identity(provider="github", actor=f"github:{login}", name="x", reach=reach)


def role_today(identity: Identity, rules: SignInRules) -> Role | None:
    try:
        return admit_person(identity, rules).role
    except SignInRefusedError:
        return None


def test_a_recorded_identity_has_the_role_of_today() -> None:
    ann = admit_person(replace(google("ann@example.com"), reach=reach_of(["octo/a"])), RULES)
    assert (ann.role, ann.reach) == (Role.ADMIN, EVERYTHING)
    assert role_today(google("gone@gmail.com"), RULES) is None
    demoted = admit_person(github("dog"), RULES)
    assert (demoted.role, demoted.reach) == (Role.VIEWER, reach_of(["octo/a"]))
    assert admit_person(github("octo"), RULES).reach == EVERYTHING
    assert role_today(LOCAL_OWNER, SignInRules()) is Role.ADMIN


def test_a_provider_s_name_is_not_read_from_an_actor() -> None:
    """An address may begin like the name of another provider."""
    pretender = Identity(provider="google", actor="local:owner", name="x")
    assert role_today(pretender, RULES) is None
    assert role_today(replace(pretender, actor="github:octo"), SignInRules()) is None


def test_who_signed_in_from_a_domain_that_is_no_longer_the_hosted_one_is_out() -> None:
    """Rules that name somebody do not help: nobody of another domain may sign in now."""
    before = google("ann@example.com", "example.com")
    for domain, role in (("example.com", Role.ADMIN), (None, Role.ADMIN), ("example.org", None)):
        assert role_today(before, replace(RULES, hosted_domain=domain)) is role
    gmail = google("guest@gmail.com")
    assert role_today(gmail, RULES) is Role.VIEWER
    assert role_today(gmail, replace(RULES, hosted_domain="example.com")) is None


def test_an_address_that_google_does_not_vouch_for_and_no_repository_at_all_are_refused() -> None:
    assert role_today(replace(google("ann@example.com"), address_verified=False), RULES) is None
    assert role_today(replace(github("dog"), reach=reach_of([])), RULES) is None
    assert role_today(replace(github("octo"), reach=reach_of([])), RULES) is Role.ADMIN
