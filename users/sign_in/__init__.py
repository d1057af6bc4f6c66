"""Signing in: the form, and what is noted about it."""
