"""Practice models, used with KOVA_PRACTICE_MODELS when no provider is configured."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Final

import httpx

from kova_server.embedded.service import Service, plain_environment

_MODULE: Final = "kova_fakes.models"
_CONFIGURED_BY: Final = ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY")
_KEY: Final = "practice-models-need-no-secret"


def wants_practice_models(outside: Mapping[str, str]) -> bool:
    """True if practice models are enabled, installed, and no provider is configured."""
    enabled = outside.get("KOVA_PRACTICE_MODELS", "").lower() in {"1", "true", "yes"}
    configured = any(outside.get(name) for name in _CONFIGURED_BY)
    return enabled and not configured and find_spec(_MODULE.partition(".")[0]) is not None


def models_service(port: int) -> Service:
    """Return the service."""

    def is_ready() -> bool:
        try:
            httpx.get(f"http://127.0.0.1:{port}/", timeout=1)
        except httpx.TransportError:
            return False
        return True

    command = [sys.executable, "-m", _MODULE, "--port", str(port), "--key", _KEY]
    return Service(
        name="models", command=command, environment=plain_environment(), is_ready=is_ready
    )


def models_settings(port: int) -> dict[str, str]:
    """Return the settings that make Kova ask the practice models."""
    return {
        "OPENAI_API_KEY": _KEY,
        "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "ANTHROPIC_API_KEY": _KEY,
        "ANTHROPIC_BASE_URL": f"http://127.0.0.1:{port}",
    }
