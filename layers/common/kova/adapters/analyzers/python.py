"""Our own rules for Python as an analyser: named `kova`, in a child process."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Final

from kova.adapters.analyzers.child import ChildAnalyzer
from kova.adapters.analyzers.rules.python import RULES

# What python_rules/__main__.py asks of a text, in short, without importing LibCST for it.
_WORDS: Final = re.compile(
    rb"\b(?:md5|sha1|MD5|SHA1|sha|requests|httpx|aiohttp|urllib3|CERT_NONE|random|input|argv)\b"
    rb"|\breq(?:uest)?\.\w"
    rb"|\.(?:execute\w*|raw|read_sql\w*)\(|get_\w*argument|@\w+\.(?:route|get|post|put|patch|delete"
    rb"|api_route|websocket)\("
)


class PythonAnalyzer(ChildAnalyzer):
    """Weak randomness and hashes by use, SQL from strings, requests, input that does harm."""

    name = "kova"
    program = "python"
    catalogue = RULES
    batch = 200
    module = "kova.adapters.analyzers.python_rules.__main__"

    def handles(self, path: str) -> bool:
        """Tell whether it is Python that runs."""
        return PurePosixPath(path).suffix in {".py", ".pyw"}

    def may_match(self, path: str, folder: Path) -> bool:
        """Look for the words without which no rule can match."""
        return _WORDS.search((folder / path).read_bytes()) is not None
