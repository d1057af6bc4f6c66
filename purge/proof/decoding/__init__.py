"""The proof's own decoding of texts: it shares nothing with the readings of the treatments but what an address is."""
