"""`python -m bench.commands`: what /ai/command adds to the provider's own time, and a cache hit.

The API is served in this process against a fake of OpenAI that takes 100 ms; the provider's own
time is what the meter told of each call. An absolute time on a shared machine proves nothing; the
figures are for the machine at hand.
"""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

import httpx

import functions.ai_command.app
from kova.access.api_key import Scope
from kova.adapters.postgres.migrate import migrate
from kova.bootstrap.core import Core
from kova.bootstrap.functions import build_roots
from kova.bootstrap.settings import load_settings
from kova.web.app import create_app
from kova_fakes.models.script import ModelReply
from kova_fakes.openai.server import serve_openai
from kova_fakes.serving import serving
from kova_server.embedded.stack import services
from kova_server.keys import create_key

COMMANDS = 100
CODE = "".join(f"def f{number}():\n    return {number}\n\n" for number in range(60))


class CallMeter:
    """A kova.shared.meter.Meter that keeps the durations of calls."""

    def __init__(self) -> None:
        """Start empty."""
        self.calls: list[float] = []

    def count(self, name: str, amount: float = 1.0, /, **labels: str) -> None:
        """Count nothing."""

    def observe(self, name: str, value: float, /, **_labels: str) -> None:
        """Keep a call's duration in seconds."""
        if name == "kova_ai_call_duration_seconds":
            self.calls.append(value)


def ask(client: httpx.Client, number: int) -> float:
    """Ask once and return the milliseconds."""
    body = {"command": f"explain f{number}", "code": CODE, "path": "a.py"}
    started = time.perf_counter()
    answer = client.post("/ai/command", json=body)
    answer.raise_for_status()
    return (time.perf_counter() - started) * 1_000


def main() -> None:
    """Run and print."""
    with tempfile.TemporaryDirectory(prefix="kova-bench-") as name, serve_openai() as gpt:
        gpt.script.always = ModelReply(seconds=0.1)
        with services(Path(name)) as settings:
            migrate(settings["KOVA_DATABASE_URL"])
            names = ("KOVA_DATABASE_URL", "KOVA_REDIS_URL", "KOVA_SCAN_QUEUE_URL")
            variables = {variable: settings[variable] for variable in names}
            variables |= {"OPENAI_API_KEY": gpt.script.api_key, "OPENAI_BASE_URL": gpt.url}
            core = Core(load_settings(variables))
            meter = CallMeter()
            core.__dict__["meter"] = meter
            key = asyncio.run(create_key(settings, "bench", [Scope.AI]))
            function = functions.ai_command.app
            app = create_app(core, build_roots(core, function.ROOTS), function.ROUTERS)
            headers = {"Authorization": f"Bearer {key}"}
            with (
                serving(app, lifespan=True) as url,
                httpx.Client(base_url=url, headers=headers, timeout=30) as client,
            ):
                ask(client, -1)  # The first one imports the SDK.
                meter.calls.clear()
                totals = [ask(client, number) for number in range(COMMANDS)]
                added = [a - b * 1_000 for a, b in zip(totals, meter.calls, strict=True)]
                hits = [ask(client, number) for number in range(COMMANDS)]
    for label, values in (("added to the provider's time", added), ("a cache hit", hits)):
        p95 = statistics.quantiles(values, n=20)[-1]
        print(f"{label:<30} median {statistics.median(values):.1f} ms, p95 {p95:.1f} ms")


if __name__ == "__main__":
    main()
