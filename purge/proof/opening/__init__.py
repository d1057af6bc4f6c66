"""The proof's own way into stored files. It shares neither code nor blind spots with the treatments' (the same files
are taken apart in another manner), only the libraries that know the formats, and what an address is.
"""
