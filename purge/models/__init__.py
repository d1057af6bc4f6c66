"""What the engine remembers about its own work.

Nothing here holds an address or a name after a request is closed: :class:`Identifier` rows are deleted in the closing
transaction, :class:`SuppressionHash` rows (keyed hashes) and counts stay. People and accounts are referred to by number
without a foreign key, since both may be gone; only those who act (initiator, operator) are references.
"""

from purge.models.evidence import EvidenceCount, EvidencePeriod
from purge.models.findings import Established, NotCovered, PossibleMention, Residue, UnopenedFile
from purge.models.identifiers import Identifier, IdentifierSet, SuppressionHash
from purge.models.installation import Installation, Lease, PatrolPass, RestoreDrill, Standstill, WorkerBeat
from purge.models.journal import JournalAlarm, JournalChain, JournalMark
from purge.models.register import ImsNotice, LookUp, RegisterNote, StaffNamesShown
from purge.models.requests import LedgerEntry, PurgeRequest, PurgeRequestManager, PurgeRequestQuerySet, Subject
from purge.models.work import DoomedFile, FileReading, FollowUp, PurgeStep, ReachedRows

__all__ = [
    "DoomedFile",
    "Established",
    "EvidenceCount",
    "EvidencePeriod",
    "FileReading",
    "FollowUp",
    "Identifier",
    "IdentifierSet",
    "ImsNotice",
    "Installation",
    "JournalAlarm",
    "JournalChain",
    "JournalMark",
    "Lease",
    "LedgerEntry",
    "LookUp",
    "NotCovered",
    "PatrolPass",
    "PossibleMention",
    "PurgeRequest",
    "PurgeRequestManager",
    "PurgeRequestQuerySet",
    "PurgeStep",
    "ReachedRows",
    "RegisterNote",
    "Residue",
    "RestoreDrill",
    "StaffNamesShown",
    "Standstill",
    "Subject",
    "SuppressionHash",
    "UnopenedFile",
    "WorkerBeat",
]
