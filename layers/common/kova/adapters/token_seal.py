"""Tokens of people, sealed by AES-GCM: whoever reads Redis alone cannot read them."""

from __future__ import annotations

import base64
import binascii
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE_BYTES: Final = 12


class AesTokenSeal:
    """Implements access.ports.TokenSeal."""

    def seal(self, text: str, *, key: bytes, about: str) -> str:
        """Return nonce and sealed text, for JSON."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = AESGCM(key).encrypt(nonce, text.encode(), about.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, *, key: bytes, about: str) -> str | None:
        """Return the text."""
        try:
            octets = base64.b64decode(sealed, validate=True)
            nonce, rest = octets[:_NONCE_BYTES], octets[_NONCE_BYTES:]
            return AESGCM(key).decrypt(nonce, rest, about.encode()).decode()
        except (binascii.Error, InvalidTag, ValueError):
            return None
