"""Push a real repository to a practice GitHub and show what Kova does with it."""

from __future__ import annotations

import argparse
import signal
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape

from examples.demo.source import DemoError, source_distribution
from examples.demo.stack import running_stack
from kova.shared.markdown import plural
from kova.shared.text import visible
from kova_server.cli.ending import end, exit_code
from kova_server.local.show_fixes import print_diff

DATA = Path(".kova/demo")
REPOSITORY = "octo/sample"
_SCAN_SECONDS = 300


def main() -> int:
    """Run the demo and return the exit code: 0, also where there is nothing to fix.

    Raises:
        DemoError: a step failed.
    """
    parser = argparse.ArgumentParser(prog="make demo")
    parser.add_argument("--repository", type=Path, help="a folder to push instead")
    parser.add_argument("--keep", action="store_true", help="leave everything running at the end")
    parser.add_argument(
        "--lambda", dest="on_lambda", action="store_true", help="run the functions of `make build`"
    )
    options = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True)
    folder = options.repository or _download(console)
    if not folder.is_dir():
        raise DemoError(f"{folder} is not a folder.")
    if options.repository:
        console.print(f"[bold]1.[/] a folder of yours: {escape(visible(str(folder)))}")
    if not any(path.is_file() for path in folder.rglob("*")):
        console.print("nothing to fix: there are no files")
        return 0
    parts = "the functions" if options.on_lambda else "the server, the worker"
    console.print(f"[bold]2.[/] starting Postgres, Valkey, SQS, {parts} and GitHub")
    arguments = ["--folder", str(folder.resolve()), *(["--lambda"] if options.on_lambda else [])]
    with ExitStack() as cleanup:
        with console.status("starting ..."):
            address, settings = cleanup.enter_context(running_stack(DATA, arguments=arguments))
        demo = Demo(console, address, settings)
        try:
            demo.run(folder)
        except httpx.HTTPError as exc:
            raise DemoError(f"A service does not answer: {exc}") from exc
        if options.keep:
            demo.keep()
    console.print(f"Everything is stopped again; `{_AGAIN}` leaves it running to look at.")
    return 0


def _download(console: Console) -> Path:
    with console.status("downloading a real repository ..."):
        folder = source_distribution(DATA.parent / "cache")
    console.print(f"[bold]1.[/] a real repository: {folder.name}")
    return folder


class Demo:
    """The steps from the push to the pull request."""

    def __init__(self, console: Console, address: str, settings: dict[str, str]) -> None:
        self._console = console
        self._address = address
        practice = {"Authorization": f"Bearer {settings['KOVA_PRACTICE_TOKEN']}"}
        self._github = httpx.Client(
            base_url=settings["KOVA_GITHUB_API_URL"], headers=practice, timeout=60
        )
        key = {"Authorization": f"Bearer {settings['KOVA_API_KEY']}"}
        self._kova = httpx.Client(base_url=address, headers=key, timeout=30)
        self._name = f"{REPOSITORY}-{int(time.time())}"
        self._pull_request: str | None = None

    def run(self, folder: Path) -> None:
        """Push a folder, wait for its scan, and show what was found, proved and proposed."""
        say = self._console.print
        self._push(folder)
        scan = self._wait_for_scan()
        stats = scan["stats"]
        say(
            f"[bold]4.[/] scan {scan['status']}: {plural(stats['files_analyzed'], 'file')} "
            f"analysed, {stats['files_skipped']} skipped, {plural(stats['errors'], 'error')}, "
            f"{stats['duration_ms']} ms"
        )
        if scan["status"] != "succeeded":
            raise DemoError(f"The scan ended as {scan['status']}: {scan['failure']}")
        errors = self._fetch_all("/api/errors")
        if not errors:
            say("[bold]5.[/] nothing to fix: no errors")
            return
        counts = Counter(error["severity"] for error in errors)
        say("   " + ", ".join(f"{counts[level]} {level}" for level in _SEVERITIES if counts[level]))
        fixes = self._fetch_all("/api/fixes")
        if not fixes:
            say("[bold]5.[/] nothing to fix: no error here has a fix that could be proved")
            return
        self._show_fixes(fixes)
        self._show_pull_request()

    def keep(self) -> None:
        """Print what there is to look at, and wait for Ctrl-C."""
        say = self._console.print
        say("[bold]7.[/] everything is running; Ctrl-C stops it:")
        if self._pull_request:
            say(f"   the pull request  {self._pull_request}")
        say(f"   errors            {self._address}/api/errors?repository={self._name}")
        say(f"   an API key        in {DATA / 'kova.env'}")
        with suppress(KeyboardInterrupt):
            signal.pause()

    def _push(self, folder: Path) -> None:
        created = self._github.post(
            "/_control/repositories",
            json={"full_name": self._name, "folder": str(folder.resolve())},
        )
        _expect(created, "create the repository")
        self._console.print(f"[bold]3.[/] pushed to {self._name}; GitHub delivers the webhook")
        delivered = self._github.post(
            "/_control/deliver",
            json={
                "url": f"{self._address}/webhooks/github",
                "event": "push",
                "repository": self._name,
                "branch": "main",
            },
        )
        _expect(delivered, "deliver the webhook")
        status = delivered.json().get("status_code", delivered.status_code)
        self._console.print(f"   delivery answered {status}")

    def _show_fixes(self, fixes: list[dict[str, Any]]) -> None:
        say = self._console.print
        outcomes = Counter(fix["status"] for fix in fixes)
        counts = ", ".join(f"{number} {status}" for status, number in sorted(outcomes.items()))
        say(f"[bold]5.[/] {plural(len(fixes), 'fix')} tried: {counts}")
        published = [fix for fix in fixes if fix["status"] == "published"]
        for fix in sorted(published, key=lambda fix: (fix["path"], fix["id"])):
            say(f"   [green]proved[/] {_fix_name(fix)}")
            for step in fix["verification"]:
                mark = "✓" if step["passed"] else "✗"
                say(f"     {mark} {step['step']}: {escape(visible(step['detail']))}")
        rejected = [fix for fix in fixes if fix["status"] == "rejected"]
        for fix in rejected[:3]:
            why = escape(visible(fix["rejection"]))
            say(f"   [yellow]rejected[/] {_fix_name(fix)}: {why}")

    def _show_pull_request(self) -> None:
        state = self._github.get(f"/_control/repositories/{self._name}").json()
        if not state["pulls"]:
            self._console.print("[bold]6.[/] no fix was safe enough for a pull request")
            return
        (pull,) = state["pulls"]
        self._pull_request = pull["html_url"]
        self._console.print(f"[bold]6.[/] pull request #{pull['number']}: {escape(pull['title'])}")
        diff = self._github.get(
            f"/_control/repositories/{self._name}/pulls/{pull['number']}/diff"
        ).text
        print_diff(diff, self._console)

    def _wait_for_scan(self) -> dict[str, Any]:
        end = time.monotonic() + _SCAN_SECONDS
        if not self._console.is_terminal:
            self._console.print("   scanning ...")
        with self._console.status("scanning ..."):
            while time.monotonic() < end:
                scans = self._kova.get("/api/scans", params={"repository": self._name}).json()[
                    "items"
                ]
                if scans and scans[0]["status"] in {"succeeded", "failed", "skipped"}:
                    scan: dict[str, Any] = scans[0]
                    return scan
                time.sleep(0.1)
        raise DemoError(f"The scan did not end in {_SCAN_SECONDS} s.")

    def _fetch_all(self, path: str) -> list[dict[str, Any]]:
        results: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            query = {"repository": self._name, "limit": "100"} | (
                {"cursor": cursor} if cursor else {}
            )
            page = self._kova.get(path, params=query).json()
            results += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return results


_AGAIN = ".venv/bin/python -m examples.demo --keep"
_SEVERITIES = ("critical", "high", "medium", "low")


def _fix_name(fix: dict[str, Any]) -> str:
    return escape(visible(f"{fix['rule_id']} in {fix['path']}"))


def _expect(answer: httpx.Response, what: str) -> None:
    if answer.is_error:
        raise DemoError(f"Could not {what}: {answer.status_code} {answer.text[:300]}")


if __name__ == "__main__":
    end(exit_code(main))
