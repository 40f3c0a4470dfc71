"""`python -m kova_fakes.github --port P --data DIR`: the practice GitHub as a process."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path

import uvicorn

from kova_fakes.github.auth import app_key
from kova_fakes.github.context import PersonControl
from kova_fakes.github.control import folder_files
from kova_fakes.github.server import application, new_context


def main() -> None:
    """Serve until SIGTERM. The state is stored in --data and read again at the next start.

    KOVA_GITHUB_WEBHOOK_SECRET is what deliveries are signed with; without it one is made.
    KOVA_PRACTICE_TOKEN opens the routes below /_control; without it they are not there.
    """
    parser = argparse.ArgumentParser(prog="kova_fakes.github")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--repository", action="append", default=[], metavar="OWNER/NAME=FOLDER")
    parser.add_argument("--folder", action="append", default=[], type=Path, metavar="FOLDER")
    options = parser.parse_args()
    options.data.mkdir(parents=True, exist_ok=True)
    app = _app_settings(options.data, options.port, os.environ.get("KOVA_GITHUB_WEBHOOK_SECRET"))
    context = new_context(
        options.data / "state",
        app_id=app["app_id"],
        private_key_pem=Path(app["private_key"]).read_text(),
        token=app["token"],
        webhook_secret=app["webhook_secret"],
        person_control=_person_control(os.environ.get("KOVA_PRACTICE_TOKEN"), options.folder),
    )
    context.url = app["url"]
    context.local_only = True
    for argument in options.repository:
        name, _, folder = argument.partition("=")
        context.state.create_repository(name, files=folder_files(Path(folder)))
    sys.stdout.write(json.dumps(app) + "\n")
    sys.stdout.flush()
    uvicorn.run(
        application(context),
        host="127.0.0.1",
        port=options.port,
        log_level="warning",
        lifespan="off",
    )


def _person_control(token: str | None, folders: Sequence[Path]) -> PersonControl | None:
    roots = tuple(folder.resolve() for folder in folders)
    return PersonControl(token=token, folders=roots) if token else None


def _app_settings(folder: Path, port: int, webhook_secret: str | None) -> dict[str, str]:
    """Return the settings of a client; they are created at the first start."""
    file = folder / "app.json"
    if file.exists():
        app: dict[str, str] = json.loads(file.read_text())
    else:
        key = folder / "app.pem"
        _write(key, app_key())
        app = {
            "app_id": "1",
            "private_key": str(key),
            "token": f"ghp_{secrets.token_hex(18)}",
            "installation_id": "42",
            "webhook_secret": secrets.token_hex(16),
        }
    app["url"] = f"http://127.0.0.1:{port}"
    app["webhook_secret"] = webhook_secret or app["webhook_secret"]
    _write(file, json.dumps(app))
    return app


def _write(file: Path, text: str) -> None:
    temporary = file.with_suffix(".new")
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as stream:
        stream.write(text)
    temporary.replace(file)


if __name__ == "__main__":
    main()
