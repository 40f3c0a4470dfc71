"""Kova's own GitHub App: what it asks for, how it is made, whether it has what it needs."""
