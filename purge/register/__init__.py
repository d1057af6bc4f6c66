"""The register: which purges there were, who asked for them, why, by which letter, and how long they took."""
