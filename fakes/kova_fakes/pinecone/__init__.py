"""A strict fake of Pinecone's data plane over real HTTP."""

from kova_fakes.pinecone.server import FakePinecone, serve_pinecone

__all__ = ["FakePinecone", "serve_pinecone"]
