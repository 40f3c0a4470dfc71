"""A finding with a life: opened, fixed, ignored, and its history."""
