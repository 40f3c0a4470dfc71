"""Bare FastAPI and Mangum functions: each imports what its one answer needs and nothing else.

They are frozen: a figure of today and one of next year are about the same reference.
"""
