"""The address at which CloudFormation hears of a custom resource: a signed one, in a bucket."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


@dataclass
class Bucket:
    """Takes one signed address as S3 does: a PUT without content type."""

    url: str = ""
    status: int = 200
    answers: list[dict[str, Any]] = field(default_factory=list)


@contextmanager
def serve_bucket() -> Iterator[Bucket]:
    state = Bucket()

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            # The signature covers an empty content type.
            signed = not self.headers.get("Content-Type") and self.path.endswith("?signature=x")
            if signed and state.status == 200:
                state.answers.append(json.loads(body))
            self.send_response(state.status if signed else 403)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    state.url = f"http://127.0.0.1:{server.server_port}/answer?signature=x"
    yield state
    server.shutdown()
    server.server_close()
