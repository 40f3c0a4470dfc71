"""Which language a file is in, by its name, for the counts of files that were analysed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Final

_SUFFIXES: Final = {
    "Python": (".py", ".pyi", ".pyw"),
    "JavaScript": (".js", ".jsx", ".mjs", ".cjs"),
    "TypeScript": (".ts", ".tsx", ".mts", ".cts"),
    "Shell": (".sh", ".bash", ".ksh"),
    "JSON": (".json",),
    "YAML": (".yml", ".yaml"),
    "TOML": (".toml",),
    "Go": (".go",),
    "Java": (".java",),
    "Kotlin": (".kt", ".kts"),
    "Ruby": (".rb",),
    "PHP": (".php",),
    "C": (".c", ".h"),
    "C++": (".cc", ".cpp", ".cxx", ".hpp", ".hh"),
    "C#": (".cs",),
    "Rust": (".rs",),
    "Swift": (".swift",),
    "Scala": (".scala",),
    "SQL": (".sql",),
    "Terraform": (".tf",),
    "HTML": (".html", ".htm"),
    "CSS": (".css", ".scss", ".less"),
    "Vue": (".vue",),
    "Svelte": (".svelte",),
}
_BY_SUFFIX: Final = {suffix: name for name, group in _SUFFIXES.items() for suffix in group}
DOCKERFILE: Final = "Dockerfile"
WORKFLOW: Final = "GitHub workflow"
LANGUAGES: Final = frozenset({*_SUFFIXES, DOCKERFILE, WORKFLOW})
BY_LOWER_NAME: Final = {name.lower(): name for name in LANGUAGES}


def language_of(path: str) -> str | None:
    """Return the language of a file, None where its name tells none."""
    name = path.rpartition("/")[2].lower()
    if name in {"dockerfile", "containerfile"} or name.startswith("dockerfile."):
        return DOCKERFILE
    stem, dot, suffix = name.rpartition(".")
    language = _BY_SUFFIX.get(dot + suffix) if stem else None
    if language == "YAML" and path.startswith(".github/workflows/"):
        return WORKFLOW
    return language


def count_languages(paths: Iterable[str]) -> Counter[str]:
    """Return how many files there are in each language."""
    return Counter(language for path in paths if (language := language_of(path)))
