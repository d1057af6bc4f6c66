"""One question about a person, an ID or a request: who has it, who was purged, where it stands; and its answer."""

from purge.services.looking_up.asking import FoundPerson, FoundRequest, Mention, Whereabouts, look_up
from purge.services.looking_up.words import sentences_of

__all__ = ["FoundPerson", "FoundRequest", "Mention", "Whereabouts", "look_up", "sentences_of"]
