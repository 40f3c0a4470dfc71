"""What the fakes of model providers share: scripts, validation, answers, server-sent events."""

from kova_fakes.models.script import Call, Reply, Script

__all__ = ["Call", "Reply", "Script"]
