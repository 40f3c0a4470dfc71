"""Kova: code health for GitHub repositories."""
