"""Which rules of each tool Kova runs, how much each weighs, and why: docs/rules.md shows them."""
