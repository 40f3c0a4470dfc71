"""Stand-ins for Slack's incoming webhooks and its Web API."""

from kova_fakes.slack.server import FakeSlack, serve_slack
from kova_fakes.slack.web_api import FakeSlackApi, serve_slack_api

__all__ = ["FakeSlack", "FakeSlackApi", "serve_slack", "serve_slack_api"]
