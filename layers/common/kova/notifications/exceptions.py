"""What chats answer instead of taking a message."""

from __future__ import annotations

from kova.shared.exceptions import KovaError, UnavailableError


class MessengerError(UnavailableError):
    """The chat does not answer; the message may have arrived."""

    reason = "chat_unavailable"


class MessengerBusyError(MessengerError):
    """The chat takes no message for a while; `retry_after` is in seconds."""

    reason = "chat_rate_limited"


class ChannelRefusedError(KovaError):
    """The chat does not let Kova into the channel. People can change that."""

    reason = "chat_channel_refused"


class MessageRefusedError(KovaError):
    """The chat refuses the message; trying again does not help."""

    reason = "chat_message_refused"


class MessageFaultError(KovaError):
    """A fault of Kova's own, which its log describes, keeps the message from being sent."""

    reason = "message_fault"
