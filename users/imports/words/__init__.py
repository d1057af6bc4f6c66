"""The words of real files: what columns can mean, how headings and cells say it, and the exports that are known.

Tables alone; ``mapping`` reads the headings by them, ``parsing`` and ``evidence`` the cells.
"""
