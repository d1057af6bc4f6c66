"""The site: settings, URLs, the admin site, and the host that tells the purge who is who."""
