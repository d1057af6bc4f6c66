"""Purging again whom a restored backup brought back: what became of each purge of the purge log, and asking for it
again as an ordinary request."""
