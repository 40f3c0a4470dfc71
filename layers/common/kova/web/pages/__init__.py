"""Pages for people: who is signed in, and what they see."""
