"""What a column of a file of people can mean."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy

#: In the order in which people think of it.
FIELDS: dict[str, Any] = {
    "name": gettext_lazy("Name"),
    "first_name": gettext_lazy("First name"),
    "last_name": gettext_lazy("Last name"),
    "email": gettext_lazy("Email"),
    "unique_user_id": gettext_lazy("Unique User ID"),
    "profile": gettext_lazy("Profile"),
    "manager": gettext_lazy("Manager (email)"),
    "state": gettext_lazy("State (ACTIVE or DELETED)"),
    "deleted_at": gettext_lazy("Deletion date"),
    "kind": gettext_lazy("Internal or external"),
    "adobe_id": gettext_lazy("Login at the identity provider"),
}
