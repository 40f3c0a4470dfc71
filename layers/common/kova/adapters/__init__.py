"""The only room that knows a vendor."""
