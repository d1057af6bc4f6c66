"""Looking whether anything is left. It may import neither the steps nor the run."""
