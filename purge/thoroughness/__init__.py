"""How far it is established that nobody is left, store by store, and what no look of this product reaches."""
