"""Values and pure rules: no I/O, no vendor, no clock of its own."""
