"""From an empty folder to a watched repository, with an App that a person makes."""

from __future__ import annotations

import os
import re
import shlex
import signal
import stat
import subprocess
from pathlib import Path
from typing import Any

import httpx

from kova.adapters.env_file import read_environment
from kova_fakes.github import serve_github
from tests.embedded.test_up import Up, run_up
from tests.support.eventually import eventually
from tests.support.setup import Browser

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "getting-started.md"


def printed_token(up: Up) -> str:
    link = rf"http://127\.0\.0\.1:{up.port}/setup#(\S+)\n"
    match = eventually(lambda: re.search(link, up.output()), otherwise=up.output)
    assert match is not None
    return match[1]


def control(up: Up, path: str, body: dict[str, Any]) -> Any:
    answer = httpx.post(
        f"{up.settings['KOVA_GITHUB_API_URL']}/_control{path}",
        json=body,
        headers=up.practice,
        timeout=30,
    )
    assert answer.is_success, answer.text
    return answer.json()


class Walkthrough:
    """docs/getting-started.md: its commands, by the number of their step."""

    def __init__(self) -> None:
        self._text = PAGE.read_text()

    def commands(self, step: int) -> str:
        _, _, rest = self._text.partition(f"\n## {step}. ")
        (block,) = re.findall(r"```sh\n(.*?)```", rest.partition("\n## ")[0], re.DOTALL)
        return str(block)

    def run(self, up: Up, *steps: int) -> str:
        """Run steps in one shell, as a person's second terminal; return what they print."""
        script = "".join(self.commands(step) for step in steps)
        script = script.replace("http://127.0.0.1:8000", f"http://127.0.0.1:{up.port}")
        process = subprocess.run(
            ["bash", "-eu", "-c", script.replace(".kova/", f"{shlex.quote(str(up.folder))}/")],
            env=os.environ | {"HOME": str(up.folder.parent)},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert (process.returncode, process.stderr) == (0, "")
        return process.stdout

    def arguments_of_up(self, home: Path) -> list[str]:
        """Return what the command of the first step hands to `kova up`."""
        command = self.commands(1).replace("make ", "make --dry-run ")
        # As in a person's shell, not as part of the `make` that runs the tests.
        own = {name: text for name, text in os.environ.items() if not name.startswith("MAKE")}
        recipe = subprocess.run(
            ["bash", "-c", command],
            cwd=ROOT,
            env=own | {"HOME": str(home)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.replace("\\\n", "")
        (line,) = [line for line in recipe.splitlines() if "kova up" in line]
        return shlex.split(line.partition("kova up")[2])


def test_from_an_empty_folder_to_a_scan_by_the_new_app(tmp_path: Path) -> None:
    mine = tmp_path / "src" / "mine"
    mine.mkdir(parents=True)
    (mine / "a.py").write_text("def f(x):\n    return x is 'a'\n")
    page = Walkthrough()
    with run_up(tmp_path / "data", arguments=page.arguments_of_up(tmp_path)) as up:
        token, address = printed_token(up), f"http://127.0.0.1:{up.port}"
        health = httpx.get(f"{address}/health", timeout=5).json()
        assert health["checks"]["github_app"]["status"] == "not_configured"
        unsigned = httpx.post(f"{address}/webhooks/github", content=b"{}", timeout=5)
        assert unsigned.status_code == 503  # Without a secret nothing is accepted.

        person = Browser(address)
        pids = {part: up.pid(part) for part in ("api", "worker")}
        ready = person.set_up(token, name="Mine")
        assert (ready.status_code, "Choose repositories" in ready.text) == (200, True)
        file = up.folder / "github-app.env"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        stored = read_environment(file)

        app_page = httpx.get(stored["KOVA_GITHUB_APP_PAGE"], headers={"user-agent": "b"}, timeout=5)
        assert "Install on all repositories" in app_page.text
        assert person.submit(app_page).status_code == 200

        output = page.run(up, 4, 5)
        assert '"status":"succeeded"' in output
        assert '"rule_id": "F632"' in output
        assert re.search(r"/octo/mine/pull/1\"$", output.strip())
        shown = httpx.get(
            f"{up.settings['KOVA_GITHUB_API_URL']}/_control/repositories/octo/mine",
            headers=up.practice,
            timeout=5,
        ).json()
        assert [run["app"]["slug"] for run in shown["check_runs"]] == ["mine"]
        assert {part: up.pid(part) for part in pids} == pids  # They began anew by themselves.

        def is_complete() -> bool:
            checks = httpx.get(f"{address}/health", timeout=5).json()["checks"]
            return bool(checks.get("github_app", {}).get("status") == "ok")

        eventually(is_complete, 30)
        assert person.get("/setup").status_code == 404
        output = eventually(lambda: up.output() if "/installations/new" in up.output() else "")
        assert stored["KOVA_GITHUB_APP_PAGE"] in output
        assert up.settings["KOVA_GITHUB_WEBHOOK_SECRET"] == stored["KOVA_GITHUB_WEBHOOK_SECRET"]
        logs = "".join(log.read_text() for log in (up.folder / "logs").glob("*.log"))
        for secret in (token, stored["KOVA_GITHUB_WEBHOOK_SECRET"]):
            assert secret not in logs
        person.close()

    # Without --setup, it is still there.
    with run_up(tmp_path / "data", port=up.port, arguments=["--sample"]) as again:
        eventually(is_complete, 30)
        answers = control(again, "/deliver", {"repository": "octo/mine", "event": "push"})
        assert [answer["status_code"] for answer in answers] == [202]
        assert "/setup#" not in again.output()


def test_a_killed_server_still_knows_the_session_and_the_spent_token(tmp_path: Path) -> None:
    with serve_github() as github, run_up(tmp_path / "data", KOVA_GITHUB_API_URL=github.url) as up:
        token = printed_token(up)
        assert "github" not in {file.stem for file in (up.folder / "run").iterdir()}
        person, stranger = (
            Browser(f"http://127.0.0.1:{up.port}"),
            Browser(f"http://127.0.0.1:{up.port}"),
        )
        form = person.enter_token(token)
        before = up.pid("api")
        os.kill(before, signal.SIGKILL)
        eventually(lambda: up.pid("api") != before and up.is_healthy(), 30)
        assert stranger.enter_token(token).status_code == 404
        redirect = person.create_on_github(person.choose(form, name="Mine"))
        assert person.come_back(redirect).status_code == 200
        person.close()
        stranger.close()


def test_an_interrupted_setup_is_said_at_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    progress = folder / "github-app.env.setup"
    progress.write_text('{"KOVA_SETUP_EXCHANGED_CODE": "abc"}')
    with run_up(folder, arguments=("--setup",)) as up:
        printed_token(up)
        assert "interrupted" in up.output()
