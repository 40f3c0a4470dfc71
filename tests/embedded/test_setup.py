"""From an empty folder to a watched repository, with an App that a person makes."""

from __future__ import annotations

import os
import re
import signal
import stat
from pathlib import Path
from typing import Any

import httpx

from kova.adapters.env_file import read_environment
from kova_fakes.github import serve_github
from tests.embedded.test_up import Up, run_up
from tests.support.eventually import eventually
from tests.support.setup import Browser


def printed_token(up: Up) -> str:
    output = eventually(lambda: up.output() if "kova scan ." in up.output() else "")
    link = re.search(rf"http://127\.0\.0\.1:{up.port}/setup#(\S+)", output)
    assert link is not None, output
    return link[1]


def control(up: Up, path: str, body: dict[str, Any]) -> Any:
    answer = httpx.post(
        f"{up.settings['KOVA_GITHUB_API_URL']}/_control{path}", json=body, timeout=30
    )
    assert answer.is_success, answer.text
    return answer.json()


def ended_scans(up: Up) -> list[Any]:
    answer = up.get("/api/scans")
    scans = answer.json()["items"] if answer is not None and answer.status_code == 200 else []
    return [scan for scan in scans if scan["status"] in {"succeeded", "failed"}]


def test_from_an_empty_folder_to_a_scan_by_the_new_app(tmp_path: Path) -> None:
    with run_up(tmp_path / "data", arguments=("--setup",)) as up:
        token, address = printed_token(up), f"http://127.0.0.1:{up.port}"
        health = httpx.get(f"{address}/health", timeout=5).json()
        assert health["checks"]["github_app"]["status"] == "not_configured"
        unsigned = httpx.post(f"{address}/webhooks/github", content=b"{}", timeout=5)
        assert unsigned.status_code == 503  # Without a secret nothing is accepted.

        person = Browser(address)
        pids = {part: up.pid(part) for part in ("api", "worker")}
        assert person.set_up(token, name="Mine").status_code == 200
        file = up.folder / "github-app.env"
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        stored = read_environment(file)

        files = {"a.py": "ZGVmIGYoeCk6CiAgICByZXR1cm4geCBpcyAnYScK"}
        control(up, "/repositories", {"full_name": "octo/sample", "files": files})
        page = httpx.get(stored["KOVA_GITHUB_APP_PAGE"], headers={"user-agent": "b"}, timeout=5)
        assert person.submit(page).status_code == 200  # Installed on all repositories.

        def deliver() -> Any:
            answers = control(up, "/deliver", {"repository": "octo/sample", "event": "push"})
            return answers if [answer["status_code"] for answer in answers] == [202] else None

        eventually(deliver, 30)
        (scan,) = eventually(lambda: ended_scans(up), 60)
        assert scan["status"] == "succeeded", scan
        shown = httpx.get(
            f"{up.settings['KOVA_GITHUB_API_URL']}/_control/repositories/octo/sample", timeout=5
        ).json()
        assert [run["app"]["slug"] for run in shown["check_runs"]] == ["mine"]
        assert {part: up.pid(part) for part in pids} == pids  # They began anew by themselves.

        def is_complete() -> bool:
            checks = httpx.get(f"{address}/health", timeout=5).json()["checks"]
            return checks.get("github_app", {}).get("status") == "ok"

        eventually(is_complete, 30)
        assert person.get("/setup").status_code == 404
        output = eventually(lambda: up.output() if "/installations/new" in up.output() else "")
        assert stored["KOVA_GITHUB_APP_PAGE"] in output
        assert up.settings["KOVA_GITHUB_WEBHOOK_SECRET"] == stored["KOVA_GITHUB_WEBHOOK_SECRET"]
        logs = "".join(log.read_text() for log in (up.folder / "logs").glob("*.log"))
        for secret in (token, stored["KOVA_GITHUB_WEBHOOK_SECRET"]):
            assert secret not in logs
        person.close()

    with run_up(tmp_path / "data", port=up.port) as again:  # Without --setup, it is still there.
        eventually(is_complete, 30)
        assert deliver() is not None
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
