"""What a process of the site needs: its database's address, what it looks at at the start, its log, its middleware."""
