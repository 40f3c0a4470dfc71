"""What works without being asked over HTTP: jobs of queues, and tasks of schedules."""
