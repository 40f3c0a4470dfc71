"""Google's OpenID Connect, OAuth and Sheets, which refuse what the real ones refuse."""

from kova_fakes.google.server import FakeGoogle, serve_google

__all__ = ["FakeGoogle", "serve_google"]
