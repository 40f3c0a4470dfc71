"""What people ask: context, citations, sessions, reviews, commands in comments."""
