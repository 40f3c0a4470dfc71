"""The JSON of requests and answers, by capability."""
