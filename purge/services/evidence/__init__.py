"""What is kept about purges, and who has looked at it: names in a report, periods after which evidence goes."""

from purge.services.evidence.names import NamedStaff, staff_names_show
from purge.services.evidence.periods import evidence_periods_set

__all__ = ["NamedStaff", "evidence_periods_set", "staff_names_show"]
