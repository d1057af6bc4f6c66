"""What a purge must have done, written by hand from the specification and compared with the database.

``table`` says for every column what must have happened to it where it is concerned, ``routes`` says who goes and where
addresses are taken out; ``planting`` makes rows that each line concerns, with survivors beside them; ``judging`` works
out from the two what the database must look like and compares every row. None of them reads a purge rule.
"""
