"""Google's OpenID Connect, which refuses what the real one refuses."""

from kova_fakes.google.server import FakeGoogle, serve_google

__all__ = ["FakeGoogle", "serve_google"]
