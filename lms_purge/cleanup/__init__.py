"""User Cleanup: the deleted users of an account, the confirmation of a purge, and what is offered around both."""
