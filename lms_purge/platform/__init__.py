"""The platform behind the purge's port: who is who, and whose an address is."""
