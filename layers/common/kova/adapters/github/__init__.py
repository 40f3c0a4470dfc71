"""GitHub: the wire, authentication, sources and publishing."""
