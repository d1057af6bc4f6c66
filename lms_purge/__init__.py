"""The site: settings, URLs, the admin site, and the host that tells the purge who is who."""

from typing import Final

#: The release, as pyproject.toml and CHANGELOG.md have it.
VERSION: Final = "0.1.0"
