"""Redis: sessions, caches, rate limits and sums. Everything there has a time to live."""
