"""The purge log outside the database: its chains, its lines, and noticing that a database is older than it."""
