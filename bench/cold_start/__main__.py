"""`python -m bench.cold_start`: what it costs each HTTP function to start, beside a bare one.

A start is a new process that imports the function and answers one event, against a real Postgres,
Valkey and SQS API. Kova's function and the bare one take turns; the ratio is that of their CPU
times (user and system, of the whole process), pair by pair. Modules are those that are loaded when
the answer is there. AWS_LAMBDA_FUNCTION_NAME is set, so that Kova does all that it does on Lambda.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import hmac
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kova.access.api_key import Scope
from kova.adapters.postgres.migrate import migrate
from kova_server.embedded.stack import services
from kova_server.keys import create_key

ROOT: Final = Path(__file__).parents[2]
_SECRET: Final = "cold-start"  # noqa: S105 (of this run's own stack)
_PUSH: Final = {
    "ref": "refs/heads/main",
    "after": "1" * 40,
    "repository": {"id": 1, "full_name": "octo/cold", "default_branch": "main"},
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """One function, the event that it answers, and what it may cost beside the bare one.

    Attributes:
        max_ratio: CPU time of a start, as a multiple of the bare one's.
        max_modules: how many modules more than the bare one it may load; negative for fewer.
    """

    name: str
    method: str
    path: str
    max_ratio: float
    max_modules: int
    status: int = 200
    body: str = ""


TARGETS: Final = (
    Target(
        name="github_webhook",
        method="POST",
        path="/webhooks/github",
        max_ratio=0.5,
        max_modules=-240,
        status=202,
        body=json.dumps(_PUSH),
    ),
    Target(name="docs", method="GET", path="/docs", max_ratio=0.5, max_modules=-260),
    Target(name="health", method="GET", path="/health", max_ratio=1.1, max_modules=118),
    Target(name="metrics", method="GET", path="/metrics", max_ratio=1.1, max_modules=97),
    Target(name="api", method="GET", path="/api/errors", max_ratio=1.3, max_modules=196),
    Target(
        name="ai_command",
        method="POST",
        path="/ai/command",
        max_ratio=1.3,
        max_modules=217,
        status=503,
        body=json.dumps({"command": "why?"}),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Start:
    """One start: CPU seconds of the whole process, and how many modules were loaded."""

    seconds: float
    modules: int


@dataclass(frozen=True, kw_only=True)
class StartComparison:
    """The starts of one function beside those of the bare one, pair by pair."""

    target: Target
    kova: tuple[Start, ...]
    bare: tuple[Start, ...]

    @property
    def ratio(self) -> float:
        """The median of the pairs' ratios of CPU time."""
        pairs = zip(self.kova, self.bare, strict=True)
        return statistics.median(kova.seconds / bare.seconds for kova, bare in pairs)

    @property
    def more_modules(self) -> int:
        """How many modules more than the bare one are loaded."""
        return self.kova[-1].modules - self.bare[-1].modules

    @property
    def holds(self) -> bool:
        """True if the function is as cheap as it must be."""
        return self.ratio <= self.target.max_ratio and self.more_modules <= self.target.max_modules


def event_of(target: Target, api_key: str) -> dict[str, object]:
    """Return the API Gateway HTTP API event (payload version 2.0) of a target's request."""
    signature = hmac.new(_SECRET.encode(), target.body.encode(), hashlib.sha256).hexdigest()
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": target.path,
        "rawQueryString": "",
        "headers": {
            "host": "localhost",
            "content-type": "application/json",
            "content-length": str(len(target.body)),
            "x-api-key": api_key,
            "x-github-event": "push",
            "x-github-delivery": "00000000-0000-4000-8000-000000000001",
            "x-hub-signature-256": f"sha256={signature}",
        },
        "requestContext": {
            "requestId": "cold",
            "http": {
                "method": target.method,
                "path": target.path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
            },
        },
        "body": target.body or None,
        "isBase64Encoded": False,
    }


def start(module: str, event: str, target: Target, environment: Mapping[str, str]) -> Start:
    """Run one start and return what it cost.

    Raises:
        SystemExit: the function did not answer as it should.
    """
    command = [sys.executable, str(Path(__file__).with_name("probe.py"))]
    with subprocess.Popen(
        [*command, module, event, str(target.status)],
        env=dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        output, errors = process.stdout.read(), process.stderr.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(errors.decode(errors="replace")[-2_000:])
    modules = int(output.rpartition(b"modules ")[2])
    return Start(seconds=used.ru_utime + used.ru_stime, modules=modules)


def compare(
    target: Target, event: str, environment: Mapping[str, str], pairs: int, *, uncounted: bool
) -> StartComparison:
    """Start a function and the bare one in turns; by request once before, which is not counted."""
    modules = (f"functions.{target.name}.app", f"bench.cold_start.references.{target.name}")
    if uncounted:
        for module in modules:
            start(module, event, target, environment)
    starts = [
        [start(module, event, target, environment) for module in modules] for _ in range(pairs)
    ]
    kova, bare = zip(*starts, strict=True)
    return StartComparison(target=target, kova=kova, bare=bare)


def compare_all(
    settings: Mapping[str, str],
    pairs: int,
    names: frozenset[str] = frozenset(),
    bytecode: Path | None = None,
) -> list[StartComparison]:
    """Compare each function with its bare one, on the stack that the settings name.

    Args:
        settings: of a stack whose database has today's schema.
        pairs: how many starts of each are counted.
        names: the functions; all if none is named.
        bytecode: an empty folder. A start that is not counted writes the bytecode there, as the
            layers ship it; without a folder each start may compile, which changes no count of
            modules.
    """
    own = {
        "KOVA_GITHUB_WEBHOOK_SECRET": _SECRET,
        "KOVA_GITHUB_TOKEN": "unused",  # Nothing asks GitHub.
    }
    api_key = asyncio.run(create_key(settings, "cold start", tuple(Scope)))
    inherited = {
        key: value for key, value in os.environ.items() if not key.startswith(("KOVA_", "PYTHON"))
    }
    environment = {
        **inherited,
        **settings,
        **own,
        "AWS_LAMBDA_FUNCTION_NAME": "cold-start",
        "PYTHONPATH": str(ROOT),
    }
    if bytecode is not None:
        environment["PYTHONPYCACHEPREFIX"] = str(bytecode)
    return [
        compare(
            target,
            json.dumps(event_of(target, api_key)),
            environment,
            pairs,
            uncounted=bytecode is not None,
        )
        for target in TARGETS
        if not names or target.name in names
    ]


def measure(pairs: int, names: frozenset[str]) -> list[StartComparison]:
    """Compare each function with its bare one, on a stack that lives for the run."""
    with tempfile.TemporaryDirectory(prefix="kova-cold-") as name, services(Path(name)) as settings:
        migrate(settings["KOVA_DATABASE_URL"])
        return compare_all(settings, pairs, names, Path(name, "bytecode"))


def render(comparisons: list[StartComparison]) -> str:
    """Return the table that people read."""
    lines = [f"{'function':16} {'CPU ratio':>9} {'most':>5}  {'modules':>7} {'bare':>5}  holds"]
    lines += [
        f"{row.target.name:16} {row.ratio:9.2f} {row.target.max_ratio:5.1f}  "
        f"{row.kova[-1].modules:7} {row.bare[-1].modules:5}  {'yes' if row.holds else 'NO'}"
        for row in comparisons
    ]
    return "\n".join(lines)


def main() -> None:
    """Print the table; exit 1 when a function costs more than it may."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("names", nargs="*", help="functions to measure; all if none is named")
    parser.add_argument("--pairs", type=int, default=7, help="starts of each (default 7)")
    options = parser.parse_args()
    comparisons = measure(options.pairs, frozenset(options.names))
    print(render(comparisons))
    sys.exit(0 if all(row.holds for row in comparisons) else 1)


if __name__ == "__main__":
    main()
