"""Deliveries of webhooks: verified, read and queued."""
