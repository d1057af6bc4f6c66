"""Delivery, and whoever watches it."""
