"""One verb per file: what Kova does."""
