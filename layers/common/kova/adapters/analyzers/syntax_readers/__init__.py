"""Readers of JSON, YAML and TOML that tell where a file is broken; they run in a child process."""
