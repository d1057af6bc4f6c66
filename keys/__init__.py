"""The installation's keys, in one folder outside the database, and what is encrypted with them."""
