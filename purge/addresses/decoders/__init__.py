"""Addresses that stand in a text in another code, and everyday writings of them that no index can hold.

The definition in :mod:`purge.addresses.matching` is also a function of the database, which runs whenever anybody
writes: it decodes nothing that could fail. What has to be decoded is found by whoever reads texts anyway, a pass at a
time, and taken out by the treatments, which is what these readings are for.
"""
