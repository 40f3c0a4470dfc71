"""Mutated input at every door, by a seed: `python -m tests.fuzz`."""
