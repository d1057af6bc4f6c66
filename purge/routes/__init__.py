"""Where a purge begins decides where it reaches."""
