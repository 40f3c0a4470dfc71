"""What the fakes of model providers share: scripts, validation, answers, server-sent events."""

from kova_fakes.models.script import ReceivedCall, Reply, Script

__all__ = ["ReceivedCall", "Reply", "Script"]
