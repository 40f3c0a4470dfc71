"""Push a real repository to a practice GitHub and watch what Kova makes of it."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.syntax import Syntax

from examples.demo.source import DemoError, source_distribution
from examples.demo.stack import running_stack

DATA = Path(".kova/demo")
REPOSITORY = "octo/sample"
_SCAN_SECONDS = 300


def main() -> int:
    """Run the demo and return an exit code."""
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--repository", type=Path, help="a folder to push instead")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end")
    options = parser.parse_args()
    console = Console(highlight=False)
    try:
        folder = options.repository or _download(console)
        if not folder.is_dir():
            raise DemoError(f"{folder} is not a folder.")
        console.print(
            "[bold]2.[/] starting Postgres, Valkey, SQS, the server, the worker and GitHub"
        )
        with running_stack(DATA) as (address, settings):
            done = Demo(console, address, settings).run(folder)
            if options.keep:
                _keep(console)
        return 0 if done else 1
    except DemoError as exc:
        sys.stderr.write(f"demo: {exc}\n")
        return 2


def _download(console: Console) -> Path:
    console.print("[bold]1.[/] a real repository: ", end="")
    folder = source_distribution(DATA.parent / "cache")
    console.print(folder.name)
    return folder


def _keep(console: Console) -> None:
    console.print("Everything is still running; Ctrl-C stops it.")
    try:
        while True:
            time.sleep(3_600)
    except KeyboardInterrupt:
        return


class Demo:
    """The steps from the push to the pull request."""

    def __init__(self, console: Console, address: str, settings: dict[str, str]) -> None:
        """Take where to print, the server's address and the stack's settings."""
        self._console = console
        self._address = address
        self._github = httpx.Client(base_url=settings["KOVA_GITHUB_API_URL"], timeout=60)
        key = {"Authorization": f"Bearer {settings['KOVA_API_KEY']}"}
        self._kova = httpx.Client(base_url=address, headers=key, timeout=30)

    def run(self, folder: Path) -> bool:
        """Run every step; True when an error was found, a fix proved, a pull request opened."""
        say = self._console.print
        name = f"{REPOSITORY}-{int(time.time())}"
        created = self._github.post(
            "/_control/repositories", json={"full_name": name, "folder": str(folder.resolve())}
        )
        _expect(created, "create the repository")
        say(f"[bold]3.[/] pushed to {name}; GitHub delivers the webhook")
        delivered = self._github.post(
            "/_control/deliver",
            json={
                "url": f"{self._address}/webhooks/github",
                "event": "push",
                "repository": name,
                "branch": "main",
            },
        )
        _expect(delivered, "deliver the webhook")
        say(f"   delivery answered {delivered.json().get('status_code', delivered.status_code)}")
        scan = self._wait(name)
        stats = scan["stats"]
        say(
            f"[bold]4.[/] scan {scan['status']}: {stats['files_analyzed']} files analysed, "
            f"{stats['files_skipped']} skipped, {stats['errors']} errors, "
            f"{stats['duration_ms']} ms"
        )
        if scan["status"] != "succeeded":
            raise DemoError(f"The scan ended as {scan['status']}: {scan['failure']}")
        errors = self._all("/api/errors", name)
        counts = Counter(error["severity"] for error in errors)
        say("   " + ", ".join(f"{counts[one]} {one}" for one in _SEVERITIES if counts[one]))
        return self._show_fixes(name) and bool(errors)

    def _show_fixes(self, name: str) -> bool:
        say = self._console.print
        fixes = self._all("/api/fixes", name)
        published = [fix for fix in fixes if fix["status"] == "published"]
        outcomes = Counter(fix["status"] for fix in fixes)
        told = ", ".join(f"{number} {status}" for status, number in sorted(outcomes.items()))
        say(f"[bold]5.[/] {len(fixes)} fixes tried: {told}")
        for fix in sorted(published, key=lambda one: (one["path"], one["id"])):
            say(f"   [green]proved[/] {fix['rule_id']} in {fix['path']}")
            for step in fix["verification"]:
                say(f"     {'✓' if step['passed'] else '✗'} {step['step']}: {step['detail']}")
        rejected = [fix for fix in fixes if fix["status"] == "rejected"]
        for fix in rejected[:3]:
            say(f"   [yellow]rejected[/] {fix['rule_id']} in {fix['path']}: {fix['rejection']}")
        state = self._github.get(f"/_control/repositories/{name}").json()
        if not state["pulls"]:
            say("[bold]6.[/] no fix was safe enough for a pull request")
            return False
        (pull,) = state["pulls"]
        say(f"[bold]6.[/] pull request #{pull['number']}: {pull['title']}")
        diff = self._github.get(f"/_control/repositories/{name}/pulls/{pull['number']}/diff").text
        self._console.print(Syntax(diff, "diff", background_color="default"))
        say("[bold]7.[/] to look at while it runs (`python -m examples.demo --keep`):")
        say(f"   the pull request  {pull['html_url']}")
        say(f"   errors            {self._address}/api/errors?repository={name}")
        return bool(published)

    def _wait(self, name: str) -> dict[str, Any]:
        end = time.monotonic() + _SCAN_SECONDS
        with self._console.status("scanning ..."):
            while time.monotonic() < end:
                scans = self._kova.get("/api/scans", params={"repository": name}).json()["items"]
                if scans and scans[0]["status"] in {"succeeded", "failed", "skipped"}:
                    scan: dict[str, Any] = scans[0]
                    return scan
                time.sleep(0.1)
        raise DemoError(f"The scan did not end in {_SCAN_SECONDS} s.")

    def _all(self, path: str, name: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {"repository": name, "limit": "100"} | ({"cursor": cursor} if cursor else {})
            page = self._kova.get(path, params=query).json()
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items


_SEVERITIES = ("critical", "high", "medium", "low")


def _expect(answer: httpx.Response, what: str) -> None:
    if answer.is_error:
        raise DemoError(f"Could not {what}: {answer.status_code} {answer.text[:300]}")


if __name__ == "__main__":
    sys.exit(main())
