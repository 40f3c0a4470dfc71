"""A strict fake GitHub over real HTTP."""

from kova_fakes.github.faults import Fault
from kova_fakes.github.record import RecordedRequest
from kova_fakes.github.server import FakeGitHub, serve_github

__all__ = ["FakeGitHub", "Fault", "RecordedRequest", "serve_github"]
