"""The chaos suite: what people do, what breaks meanwhile, and what must be there at the end."""
