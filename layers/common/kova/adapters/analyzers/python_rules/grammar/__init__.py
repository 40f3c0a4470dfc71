"""Python source to a tree of the standard library's `ast`, whatever its grammar's version."""
