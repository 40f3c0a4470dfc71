"""One commit, from the job to the published result."""
