"""Which installation, database and file storage this is."""
