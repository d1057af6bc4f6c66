"""What is not done, and why."""

from __future__ import annotations

from collections.abc import Collection


class PurgeRefused(Exception):
    """A submission or change that is not made. ``code`` is stable; the text says what to do instead.

    ``people``: row ids that the refusal is about; ``reference``: the request that stands in the way; ``details``: the
    same for whoever runs the machine, where the text is for those who cannot mend it.
    """

    def __init__(
        self, code: str, message: str, *, people: Collection[int] = (), reference: str = "", details: str = ""
    ) -> None:
        super().__init__(message)
        self.details = details or message
        self.code = code
        self.people = tuple(people)
        self.reference = reference


class NotAllowed(PurgeRefused):
    """The acting user may not do this; callers answer 403 and reveal nothing."""


class SelectionChanged(PurgeRefused):
    """Some of the people shown are no longer deleted, or in another request; ``rest`` may be confirmed anew."""

    def __init__(self, message: str, *, people: Collection[int], rest: Collection[int]) -> None:
        super().__init__("selection_changed", message, people=people)
        self.rest = tuple(rest)


class NoteRefused(PurgeRefused):
    """What stands in ``field`` of a note for the register cannot stand there."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__("note", message)
        self.field = field
