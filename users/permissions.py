"""The permissions that are asked for by name."""

from __future__ import annotations

DELETE_PERMISSION = "users.delete_people"
PURGE_PERMISSION = "purge.purge_people"
