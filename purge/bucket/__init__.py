"""Buckets of an object store: where one is, and who speaks to it.

What is erased in one is for :mod:`purge.steps.erasing`, what is left there for :mod:`purge.proof.stored`.
"""
