"""Whether the tests of takeovers fail on the first release, as they say: `python -m tests.takeovers_before`."""
