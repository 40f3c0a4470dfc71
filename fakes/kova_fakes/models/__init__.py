"""What the fakes of model providers share: scripts, validation, answers, server-sent events."""

from kova_fakes.models.script import ModelReply, ReceivedCall, Script

__all__ = ["ModelReply", "ReceivedCall", "Script"]
