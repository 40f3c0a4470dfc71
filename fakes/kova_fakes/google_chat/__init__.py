"""A stand-in for the webhook of a space in Google Chat."""

from kova_fakes.google_chat.server import FakeGoogleChat, serve_google_chat

__all__ = ["FakeGoogleChat", "serve_google_chat"]
