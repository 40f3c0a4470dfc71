"""A strict fake of OpenAI's API over real HTTP: responses, chat completions, embeddings."""

from kova_fakes.openai.server import application, serve_openai

__all__ = ["application", "serve_openai"]
