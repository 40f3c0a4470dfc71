"""Asking a model: providers, prompt, deadlines, breaker and budget."""
