"""The version that /health, the check run and the User-Agent tell."""

from typing import Final

VERSION: Final = "0.1.0"
