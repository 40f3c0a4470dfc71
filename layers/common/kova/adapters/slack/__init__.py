"""Slack: its messages, its Web API, and the people in it."""
