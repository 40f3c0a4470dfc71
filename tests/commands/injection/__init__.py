"""Prompt injections and what an obedient model would answer to them."""
