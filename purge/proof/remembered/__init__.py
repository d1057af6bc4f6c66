"""What the database remembers of values beside its rows."""
