"""Reading a database's catalogue: what there is, and what of it can hold something of a person."""
