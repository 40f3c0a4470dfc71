"""A stand-in for Slack's incoming webhooks."""

from kova_fakes.slack.server import FakeSlack, serve_slack

__all__ = ["FakeSlack", "serve_slack"]
