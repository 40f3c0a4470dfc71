"""What it costs a function to start, beside a bare function with the same clients."""
