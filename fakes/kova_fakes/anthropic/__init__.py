"""A strict fake of Anthropic's API over real HTTP: messages and their token count."""

from kova_fakes.anthropic.server import application, serve_anthropic

__all__ = ["application", "serve_anthropic"]
