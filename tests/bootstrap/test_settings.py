"""Settings are read in one way, and what is wrong with them is said at the start."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hypothesis import given
from hypothesis import strategies as st

from kova.bootstrap.settings import SettingsError, fill_from_secret, load_settings

BLANKS = ["", " ", "\t", "\n", " \r\n ", "\u00a0"]


@pytest.mark.parametrize("blank", BLANKS)
@pytest.mark.parametrize("name", ["KOVA_SECRETS_KEY", "KOVA_DATABASE_URL", "KOVA_SCAN_QUEUE_URL"])
def test_a_needed_setting_that_is_blank_is_missing(name: str, blank: str) -> None:
    """A blank key of secrets once passed this check, and the public one of local runs was used."""
    with pytest.raises(SettingsError, match=rf"^{name} is missing\.$"):
        load_settings({name: blank}, needed_in_production=(name,))
    with pytest.raises(SettingsError, match=rf"^{name} is missing\.$"):
        load_settings({name: blank, "KOVA_ENV": "local"}, needed=(name,))


@pytest.mark.parametrize("blank", BLANKS)
def test_a_secret_fills_a_variable_that_is_blank(blank: str) -> None:
    variables = fill_from_secret({"KOVA_SECRETS_KEY": blank}, '{"KOVA_SECRETS_KEY": "k"}', "arn")
    assert load_settings(variables).secrets_key == "k"


BAD = {
    "KOVA_DATABASE_URL": [
        "mysql://h/d",
        "postgresql://h:99999/d",
        "postgresql://h:x/d",
        "postgresql://h/d%00",
        "postgresql://h/d?unknown=1",
        "postgresql://h/d?sslmode=bogus",
        "postgresql://h/d?connect_timeout=soon",
        "postgresql://h/d?sslmode=verify-full&sslrootcert=/none",
        "postgresql://a:1,b:2,c:3/d?port=1,2",
        "postgresql://u:p@ss@h/d",
    ],
    "KOVA_REDIS_URL": [
        "redis://h:99999/0",
        "redis://h:x/0",
        "redis://:0/0",
        "redis:///0",
        "redis://h/0?unknown=1",
        "http://h",
    ],
    "AWS_ENDPOINT_URL_SQS": ["http://h:99999", "http://h:x", "h:1", "http://h\n.example"],
    "KOVA_SCAN_QUEUE_URL": ["http://h:99999/q", "http://h/q q", "http://[::1/q"],
    "KOVA_TRUSTED_PROXIES": ["-1", "11", "1.0", "1,2", "10.0.0.1/8", "nginx", "10.0.0.0/8,x"],
    "KOVA_SCANS_PER_REPOSITORY": ["-1", "4.5", "many"],
    "KOVA_WORKER_CONCURRENCY": ["0", "-1", "100000000", "9" * 5_000, "1.5", "x"],
    "KOVA_WORKER_VISIBILITY_SECONDS": ["99999999999", "43201"],
    "KOVA_DELETED_REPOSITORY_DAYS": ["-1", "3651", "x y"],
    "KOVA_GITHUB_TOKEN": ["ghp_a\nb", "ghp_ä", "a b"],
    "KOVA_METRICS_TOKEN": ["a\nb"],
    "KOVA_ORIGIN_SECRET": [",", "short", "a" * 24 + ",short", "a b" * 12, "ä" * 24],
    "KOVA_CLIENT_ADDRESS_HEADER": ["a:b", "a b", "a\nb"],
    "OPENAI_API_KEY": ["a\r\nb"],
    "KOVA_MONTHLY_BUDGET_USD": ["inf", "nan", "-1", "1e300", "1e999999999"],
    "KOVA_MODEL_PRICES": ["m=1e300/1"],
    "KOVA_LOG_LEVEL": ["loud"],
}


@pytest.mark.parametrize(("name", "value"), [(name, text) for name in BAD for text in BAD[name]])
def test_what_is_not_valid_is_said_at_the_start_by_its_name_alone(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load_settings({name: value})
    message = caught.value.message
    assert message.startswith(f"{name} is not ")
    assert "\n" not in message
    assert value not in message


@pytest.mark.parametrize("key", ["x", "-----BEGIN PRIVATE KEY-----", "BEGIN PRIVATE KEY-----\n"])
def test_a_private_key_that_is_none_is_said_at_the_start(key: str) -> None:
    with pytest.raises(SettingsError, match=r"^KOVA_GITHUB_PRIVATE_KEY is not valid"):
        load_settings({"KOVA_GITHUB_PRIVATE_KEY": key, "KOVA_GITHUB_APP_ID": "1"})


@pytest.mark.parametrize(
    "form", [serialization.PrivateFormat.PKCS8, serialization.PrivateFormat.TraditionalOpenSSL]
)
@pytest.mark.parametrize("end", ["\n", "\\n", "\r\n"])
def test_a_private_key_has_its_ends_of_lines_afterwards(
    form: serialization.PrivateFormat, end: str
) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()
    variables = {"KOVA_GITHUB_APP_ID": "1", "KOVA_GITHUB_PRIVATE_KEY": pem.replace("\n", end)}
    read = load_settings(variables).github_private_key
    assert read is not None
    serialization.load_pem_private_key(read.encode(), None)


GOOD_ADDRESSES = [
    "postgresql://u:p@h:5432/d?channel_binding=prefer&keepalives=1&gssencmode=disable",
    "postgres://h",
    "postgresql://u:p@a:5432,b:5433/d?target_session_attrs=read-write",
    "postgresql:///d?host=/run/postgresql",
    "postgresql://[::1]:5432/d",
    "postgresql://u:%40%2F%23@h/d?application_name=x",
]


@pytest.mark.parametrize("address", GOOD_ADDRESSES)
def test_an_address_that_libpq_reads_is_valid(address: str) -> None:
    assert load_settings({"KOVA_DATABASE_URL": address}).database_url == address


def test_words_are_read_in_any_case() -> None:
    variables = {"KOVA_LOG_LEVEL": "DEBUG", "KOVA_ENV": "Local", "KOVA_WHOLE_PROGRAM": "ON"}
    settings = load_settings(variables)
    assert (settings.log_level, settings.environment) == ("debug", "local")
    assert settings.whole_program


NAMES = st.sampled_from(
    [
        *BAD,
        *("KOVA_DATABASE_READ_URL", "KOVA_GITHUB_API_URL", "KOVA_CORS_ORIGINS", "KOVA_MAX_FILES"),
        *("KOVA_GITHUB_WEBHOOK_SECRET", "KOVA_ENV", "KOVA_DATABASE_PASSWORD", "KOVA_DATABASE_USER"),
    ]
)
TEXTS = st.text() | st.from_regex(r"(postgresql|redis|http)://[\x20-\x7e]{0,30}", fullmatch=True)


@given(st.dictionaries(NAMES, TEXTS))
def test_any_environment_is_read_or_refused_in_one_line(variables: dict[str, str]) -> None:
    message = ""
    try:
        load_settings(variables)
    except SettingsError as exc:
        message = exc.message
    assert "\n" not in message


def test_a_header_is_trusted_only_with_the_secret_of_the_cdn() -> None:
    with pytest.raises(SettingsError, match="KOVA_ORIGIN_SECRET only, which is missing"):
        load_settings({"KOVA_CLIENT_ADDRESS_HEADER": "True-Client-IP"})
    cdn = load_settings(
        {"KOVA_CLIENT_ADDRESS_HEADER": "True-Client-IP", "KOVA_ORIGIN_SECRET": "s" * 24}
    ).cdn
    assert (cdn.client_address_header, cdn.origin_secrets) == ("true-client-ip", ("s" * 24,))
    assert "s" * 24 not in repr(cdn)
