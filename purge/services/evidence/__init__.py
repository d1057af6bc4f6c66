"""What is kept about purges, and who has looked at it: names in a report, periods after which evidence goes."""

from purge.services.evidence.names import NamedStaff, staff_names_show

__all__ = ["NamedStaff", "staff_names_show"]
