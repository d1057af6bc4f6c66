"""A shop: customers, their orders, reviews and photos. It shows what a project needs to purge people."""
