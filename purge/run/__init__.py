"""One request through its life."""
