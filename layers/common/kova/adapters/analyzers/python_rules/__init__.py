"""Rules of our own for Python, over `ast`, in a child process: one file a family.

They are where the tools are wrong both ways, because the context decides: what a random number is
for, whether a string reaches a query, where a value came from.
"""
