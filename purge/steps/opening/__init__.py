"""Opening stored files, to see whether they mention an address: text in every encoding that office programs write,
messages, calendars, archives, workbooks, documents.

Plain text is read where it is asked for; everything else in a child process (:mod:`purge.sandbox`), whose program is
:mod:`purge.steps.opening.reader`. What cannot be read is said, by kind, and never passes for clean.
"""
