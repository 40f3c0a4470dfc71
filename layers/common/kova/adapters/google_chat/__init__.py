"""Google Chat: its cards, and the webhook of a space."""
