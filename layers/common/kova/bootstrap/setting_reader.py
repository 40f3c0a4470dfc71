"""Reads settings from the variables of an environment, each in its form and bounds."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Final, TypeVar
from urllib.parse import quote, urlsplit

from kova.shared.exceptions import InvalidInputError

Value = TypeVar("Value")
_ORIGIN: Final = re.compile(r"https?://[A-Za-z0-9.-]+(?::\d{1,5})?")
_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,10000}")
_HEADER: Final = re.compile(r"[A-Za-z0-9-]{1,100}")
_OWNER: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")
_DOMAIN: Final = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+")
_PEM: Final = re.compile(
    r"-----BEGIN ((?:RSA )?PRIVATE KEY)-----\n([A-Za-z0-9+/=\s]+)-----END \1-----\s*"
)
_MOST_DOLLARS: Final = 1_000_000_000

# User and password, where they are there, hold no `@`, `/`, `#` or lone `%` of their own.
_ENCODED: Final = re.compile(r"\w+://(?:(?:[^@/#?%]|%[0-9A-Fa-f]{2})*@)?[^@#]*")


class SettingReader:
    """Reads the variables of an environment; `problems` names those that are not valid."""

    def __init__(self, environment: Mapping[str, str], *, connects: bool) -> None:
        """`connects` says whether the process uses the database and Redis."""
        self._environment = environment
        self._connects = connects
        self.problems: list[str] = []

    def text(self, name: str) -> str | None:
        """Return a variable without blanks around it; None where nothing is left."""
        return self._environment.get(name, "").strip() or None

    def words(self, name: str) -> tuple[str, ...]:
        """Return what stands between commas."""
        parts = (self.text(name) or "").split(",")
        return tuple(part.strip() for part in parts if part.strip())

    def token(self, name: str) -> str | None:
        """Return a secret that can stand in a header."""
        return self._parsed(name, None, _visible_ascii)

    def header_secrets(self, name: str, least: int) -> tuple[str, ...]:
        """Return secrets with commas between them, each of at least so many characters."""
        secrets = self.words(name)
        fit = all(_TOKEN.fullmatch(secret) and len(secret) >= least for secret in secrets)
        if not fit or (self.text(name) and not secrets):
            self.problems.append(
                f"{name} is not a list of secrets of {least} or more visible characters each"
            )
        return secrets

    def header_name(self, name: str) -> str | None:
        """Return the name of a header, in lower case."""
        return self._parsed(name, None, _checked_header)

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        """Return one of the allowed words, which are in lower case; any case is read."""
        return self._parsed(name, default, lambda text: allowed[allowed.index(text.lower())])

    def number(self, name: str, default: int, most: int) -> int:
        """Return a whole number from 1 to `most`."""
        number = self.optional_number(name, most)
        return default if number is None else number

    def optional_number(self, name: str, most: int) -> int | None:
        """Return a whole number from 1 to `most`, or None."""
        try:
            return self._parse(name, None, lambda text: _whole(text, 1, most))
        except ValueError:
            self.problems.append(f"{name} is not a whole number from 1 to {most}")
            return None

    def proxies(self, name: str, most: int) -> int | tuple[str, ...]:
        """Return a whole number from 0 to `most`, or addresses and networks."""
        words = self.words(name)
        if not words:
            return 0
        try:
            if len(words) == 1 and words[0].isdecimal():
                return _whole(words[0], 0, most)
            import ipaddress  # Only here: no other process pays for it.

            return tuple(str(ipaddress.ip_network(word)) for word in words)
        except ValueError:
            self.problems.append(
                f"{name} is not a number from 0 to {most}, nor a list of addresses and networks"
            )
            return 0

    def origins(self, name: str) -> tuple[str, ...]:
        """Return the origins of web pages."""
        origins = self.words(name)
        if not all(origin == "*" or _ORIGIN.fullmatch(origin) for origin in origins):
            self.problems.append(f"{name} is not a list of origins such as https://example.com")
        return origins

    def owners(self, name: str) -> tuple[str, ...]:
        """Return names of accounts on GitHub."""
        owners = self.words(name)
        if not all(_OWNER.fullmatch(owner) for owner in owners) or (self.text(name) and not owners):
            self.problems.append(f"{name} is not a list of owners such as octo, without `/`")
        return owners

    def domain(self, name: str) -> str | None:
        """Return a domain, in lower case."""
        return self._parsed(name, None, _checked_domain)

    def sign_in_rules(self, name: str) -> tuple[str, ...]:
        """Return rules that name people, with commas between them."""
        # Only here: the webhook function has no such rules and reads nothing of them.
        if self.text(name) is None:
            return ()
        from kova.access.sign_in_rules import is_rule

        rules = self.words(name)
        if not rules or not all(is_rule(rule) for rule in rules):
            self.problems.append(
                f"{name} is not a list of ann@example.com, @example.com and github:login"
            )
        return rules

    def url(self, name: str) -> str | None:
        """Return an address of HTTP."""
        return self._parsed(name, None, lambda text: _checked_url(text, ("http", "https")))

    def database_url(self, name: str) -> str | None:
        """Return an address of Postgres, with user and password where they are set apart."""
        user = self.text("KOVA_DATABASE_USER")
        password = self._environment.get("KOVA_DATABASE_PASSWORD")  # A space may be part of it.
        text = self.text(name)
        if not self._connects or text is None:
            return None
        if text.startswith("postgres") and not _ENCODED.fullmatch(text):
            self.problems.append(
                f"{name} is not valid: percent-encode its password, "
                "or leave it out and set KOVA_DATABASE_PASSWORD"
            )
            return None
        # Only here: the webhook function, which has no database, pays for no driver.
        from kova.adapters.postgres.address import check_address

        def parse(text: str) -> str:
            address = _with_credentials(text, user, password)
            check_address(address)
            return address

        return self._parsed(name, None, parse)

    def redis_url(self, name: str) -> str | None:
        """Return an address of Redis, with the password where it is set apart."""
        password = self._environment.get("KOVA_REDIS_PASSWORD")
        if not self._connects or self.text(name) is None:
            return None
        from kova.adapters.redis.connection import check_address

        def parse(text: str) -> str:
            address = _with_credentials(_checked_url(text, ("redis", "rediss")), None, password)
            check_address(address)
            return address

        return self._parsed(name, None, parse)

    def money(self, name: str) -> Decimal | None:
        """Return an amount of US dollars."""
        return self._parsed(name, None, _dollars)

    def prices(self, name: str) -> dict[str, tuple[Decimal, Decimal]]:
        """Return dollars for a million tokens, input and output, by model."""

        def parse(text: str) -> dict[str, tuple[Decimal, Decimal]]:
            prices: dict[str, tuple[Decimal, Decimal]] = {}
            for part in text.split(","):
                model, _, price = part.strip().rpartition("=")
                input_price, _, output_price = price.partition("/")
                if not model:
                    raise ValueError
                prices[model] = (_dollars(input_price), _dollars(output_price))
            return prices

        return self._parsed(name, {}, parse)

    def slack_channel(self, name: str) -> str | None:
        """Return the id of a channel in Slack."""
        return self._parsed(name, None, _checked_channel)

    def quiet_hours(self, name: str) -> str | None:
        """Return hours of the day with a time zone."""
        if self.text(name) is None:
            return None
        from kova.notifications.quiet_hours import parse_quiet_hours

        return self._checked(name, parse_quiet_hours)

    def time_of_day(self, name: str) -> str | None:
        """Return a time of the day with a time zone."""
        if self.text(name) is None:
            return None
        from kova.notifications.daily_digest import parse_time_of_day

        return self._checked(name, parse_time_of_day)

    def _checked(self, name: str, check: Callable[[str], object]) -> str | None:
        text = self.text(name)
        try:
            if text is not None:
                check(text)
        except InvalidInputError as exc:
            self.problems.append(f"{name} is not valid: {exc.message}")
            return None
        return text

    def private_key(self, name: str) -> str | None:
        """Return a key in PEM, with real ends of lines."""
        return self._parsed(name, None, _checked_pem)

    def _parse(self, name: str, default: Value, parse: Callable[[str], Value]) -> Value:
        text = self.text(name)
        return default if text is None else parse(text)

    def _parsed(self, name: str, default: Value, parse: Callable[[str], Value]) -> Value:
        try:
            return self._parse(name, default, parse)
        except (ValueError, IndexError):
            # The value is not repeated: it may be a secret.
            self.problems.append(f"{name} is not valid")
            return default


def _checked_url(text: str, schemes: tuple[str, ...]) -> str:
    parts = urlsplit(text)
    # urlsplit leaves out tabs and ends of lines; a bad port raises ValueError where it is read.
    if any(character.isspace() or not character.isprintable() for character in text):
        raise ValueError
    if parts.scheme not in schemes or not parts.hostname or parts.port == 0:
        raise ValueError
    return text


def _checked_domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text.lower()):
        raise ValueError
    return text.lower()


def _checked_header(text: str) -> str:
    if not _HEADER.fullmatch(text):
        raise ValueError
    return text.lower()


def _checked_channel(text: str) -> str:
    from kova.shared.repository import SLACK_CHANNEL_PATTERN

    if not re.fullmatch(SLACK_CHANNEL_PATTERN, text):
        raise ValueError
    return text


def _visible_ascii(text: str) -> str:
    if not _TOKEN.fullmatch(text):
        raise ValueError
    return text


def _checked_pem(text: str) -> str:
    """Return the text of a private key; that it is one of RSA is seen where it is used."""
    pem = text.replace("\\n", "\n").replace("\r\n", "\n")
    match = _PEM.search(pem)
    if match is None or not base64.b64decode("".join(match[2].split()), validate=True):
        raise ValueError
    return pem


def _with_credentials(url: str, user: str | None, password: str | None) -> str:
    """Return a URL that names no password with this one, percent-encoded."""
    parts = urlsplit(url)
    if not password or parts.password is not None:
        return url
    account, _, host = parts.netloc.rpartition("@")
    account = account or quote(user or "", safe="")
    return parts._replace(netloc=f"{account}:{quote(password, safe='')}@{host}").geturl()


def _dollars(text: str) -> Decimal:
    try:
        amount = Decimal(text)
    except InvalidOperation as exc:
        raise ValueError from exc
    if not amount.is_finite() or not 0 <= amount <= _MOST_DOLLARS:
        raise ValueError
    return amount


def _whole(text: str, least: int, most: int) -> int:
    number = int(text)
    if not least <= number <= most:
        raise ValueError
    return number
