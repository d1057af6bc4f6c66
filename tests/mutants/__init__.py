"""Whether the tests can fail: each rule, route cell and condition of the proof is switched off, one at a time.

`./test --mutants` runs all of them in one process on SQLite. A mutant is a change to the compiled rules, to the route
table or to a function of the proof; it is judged by what :mod:`tests.purge.expected` says must have happened, which was
written by hand. One that nothing notices is a hole in the tests, and the run fails.
"""
