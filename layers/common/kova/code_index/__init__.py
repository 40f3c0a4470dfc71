"""Pieces of code, to be found by what they do."""
