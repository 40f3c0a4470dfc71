"""Rules over one statement or function: each module is a family with its own tables."""
