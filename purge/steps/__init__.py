"""A rule's query, counted and made empty: one room per kind of step."""
