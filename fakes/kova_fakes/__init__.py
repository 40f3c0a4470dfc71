"""Strict stand-ins for the services that Kova speaks to: they refuse what the real ones refuse."""
