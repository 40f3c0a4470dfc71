"""What every capability stands on: values, pages, retries, and the ports that all share."""
