"""Whose a mailbox is, where rows of earlier releases share one; and keys that the present rules make anew."""
