"""Redaction of secrets in texts, by their form or by their value.

Line ends are kept: a redacted file has the same lines.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

MARK: Final = "[redacted]"
_SHORTEST: Final = 8
_FORMS: Final = re.compile(
    r"""
    kova_[a-z2-7]{12}_[a-z2-7]{52}                       # Kova
    | \bsk-(?:ant-|proj-|svcacct-)?[A-Za-z0-9_-]{16,}    # OpenAI, Anthropic
    | \bgh[pousr]_[A-Za-z0-9]{30,}                       # GitHub
    | \bgithub_pat_[A-Za-z0-9_]{30,}
    | \bglpat-[A-Za-z0-9_-]{20,}                         # GitLab
    | \b(?:AKIA|ASIA)[A-Z0-9]{16}\b                      # AWS
    | \bxox[abeprs]-[A-Za-z0-9-]{10,}                    # Slack
    | \bAIza[A-Za-z0-9_-]{35}                            # Google
    | \bya29\.[A-Za-z0-9_-]{20,}
    | \bpcsk_[A-Za-z0-9_]{20,}                           # Pinecone
    | \b(?:sk|rk|pk)_(?:live|test)_[A-Za-z0-9]{16,}      # Stripe
    | \bnpm_[A-Za-z0-9]{36}
    | \bpypi-[A-Za-z0-9_-]{40,}
    """,
    re.VERBOSE,
)
# A JSON web token; or what begins as one and is none, which is passed over whole: it may hold
# thousands of begins.
_WEB_TOKEN: Final = re.compile(
    r"\beyJ(?:([A-Za-z0-9_-]{10,}+\.eyJ[A-Za-z0-9_-]{10,}+\.[A-Za-z0-9_-]{10,})|[A-Za-z0-9_-]*+)"
)
_PASSWORD_IN_URL: Final = re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://[^\s/:@]{0,80}:)[^\s/@]{3,200}@")
_ASSIGNED: Final = re.compile(
    r"""(?ix)
    (\b[a-z0-9_.-]{0,40}(?:password|passwd|secret|api_?key|access_?token|auth_?token|private_?key)
    [a-z0-9_]{0,20}["']?\s{0,4}[:=]\s{0,4}["'])
    ([^"'\s]{8,200})(["'])"""
)
_KEY_BEGINS: Final = re.compile(r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----")
_KEY_ENDS: Final = re.compile(r"-----END [A-Z ]{0,40}PRIVATE KEY-----")
_KEY_LINES: Final = re.compile(r"(?:[ \t]*[A-Za-z0-9+/=]{16,}[ \t]*(?:\r?\n|\Z)|[ \t]*\r?\n)+")
_LINE_TEXT: Final = re.compile(r"[^\r\n]+")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """Return the text without secrets.

    Args:
        text: any text.
        secrets: secret values to redact wherever they stand, such as the service's own keys.
    """
    for line in (line.strip() for secret in secrets for line in secret.splitlines()):
        if len(line) >= _SHORTEST:
            text = text.replace(line, MARK)
    text = _redact_private_keys(text)
    # First: a part of a web token may look like another one's form.
    text = _WEB_TOKEN.sub(lambda match: MARK if match[1] else match[0], text)
    text = _FORMS.sub(MARK, text)
    text = _PASSWORD_IN_URL.sub(rf"\1{MARK}@", text)
    return _ASSIGNED.sub(rf"\1{MARK}\3", text)


def _redact_private_keys(text: str) -> str:
    """Redact the bodies of private keys in one pass.

    Without an end mark only lines that look like a key are redacted: source code may contain the
    begin mark alone.
    """
    pieces: list[str] = []
    position, has_end = 0, True
    while (begin := _KEY_BEGINS.search(text, position)) is not None:
        # After a search without result there is no second one: the time stays linear.
        end = _KEY_ENDS.search(text, begin.end()) if has_end else None
        has_end = end is not None
        if end is None:
            lines = _KEY_LINES.match(text, begin.end())
            stop = lines.end() if lines else begin.end()
        else:
            stop = end.start()
        pieces += (text[position : begin.end()], _LINE_TEXT.sub(MARK, text[begin.end() : stop]))
        position = stop
    return "".join([*pieces, text[position:]])
