"""Kova in containers and on a laptop."""
