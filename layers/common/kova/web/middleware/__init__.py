"""What stands around every request, from the outside in."""
