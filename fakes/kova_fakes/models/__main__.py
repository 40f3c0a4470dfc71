"""`python -m kova_fakes.models --port P --key K`: practice models of both providers."""

from __future__ import annotations

import argparse

import uvicorn
from starlette.applications import Starlette

from kova_fakes.anthropic.server import application as anthropic_application
from kova_fakes.models.script import Script
from kova_fakes.openai.server import application as openai_application


def main() -> None:
    """Serve until SIGTERM: OpenAI's API below /v1, Anthropic's below /."""
    parser = argparse.ArgumentParser(prog="kova_fakes.models")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", required=True)
    options = parser.parse_args()
    script = Script(api_key=options.key)
    routes = [*anthropic_application(script).routes, *openai_application(script).routes]
    app = Starlette(routes=routes)
    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", lifespan="off")


if __name__ == "__main__":
    main()
