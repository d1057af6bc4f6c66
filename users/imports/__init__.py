"""The bulk user import: a file as companies have it, into one account.

``reading`` makes rows of bytes, ``mapping`` says which column means what, ``parsing`` makes a person of a row,
``loading`` puts batches of them into the database with the bulk statements of ``statements``; ``services`` is what
pages, commands and tasks call.
"""
