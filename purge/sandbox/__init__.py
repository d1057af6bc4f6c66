"""A child process that reads what strangers have uploaded, with limits of processor time and memory.

Plumbing alone, for the steps and for the proof, each of which has a reader of its own: what a file says, and what of it
could not be read, only a reader knows. Needs neither database nor Django.
"""
