"""What `make check` holds beside lint, types and contracts."""
