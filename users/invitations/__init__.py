"""Inviting somebody: a mail with a link by which a new user sets the first password."""
