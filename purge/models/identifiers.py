"""What a request searches for: in plain while it is open, as keyed hashes afterwards."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from purge.choices import IdentifierKind
from purge.hashing import current_form
from purge.models.requests import PurgeRequest


class Identifier(models.Model):
    """A plain identifier that an open request still needs. Deleted when the request is closed or cancelled.

    ``value``: an identity key, from which follows what texts are searched for; ``form``: its normal form
    (:mod:`purge.hashing`). ``written``: how the people have it stored where that is another writing, one a line:
    systems that know an address by its digest made it of that. ``account_id``: the one account in which it is taken
    out; null: in every account that the route cleans. ``local``: whether there is such an account. ``match``: the route
    chose its people by it.
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="identifiers")
    kind = models.CharField(max_length=10, choices=IdentifierKind.choices)
    value = models.CharField(max_length=400)
    form = models.CharField(max_length=40, default=current_form)
    person_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    local = models.BooleanField(default=False)
    match = models.BooleanField(default=True)
    written = models.TextField(default="", db_default="")

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("request", "kind", "value"), condition=Q(account_id=None), name="purge_identifier_once"
            ),
            models.UniqueConstraint(
                fields=("request", "kind", "value", "account_id"),
                condition=Q(account_id__isnull=False),
                name="purge_identifier_once_there",
            ),
        )

    def __str__(self) -> str:
        return f"identifier {self.pk}"


class SuppressionHash(models.Model):
    """The keyed hash of an identifier that was purged, under which request, with which key.

    ``form``: the normal form that was hashed (:mod:`purge.hashing`); digests of different forms are never compared.
    ``taken_out``: an address that the request takes out of texts; the patrol looks for it. ``account_id``: it is on the
    suppression list of this account (:mod:`purge.routes.suppression`), as that of ``person_id``, or, where a request is
    about an address that was no user's, of nobody.
    ``only_account_id``: the one account in which it is taken out; null: wherever the route cleans. ``match``: the route
    chose its people by it.
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="hashes")
    person_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=10, choices=IdentifierKind.choices)
    digest = models.CharField(max_length=32, db_index=True)
    form = models.CharField(max_length=40, default=current_form)
    key_fingerprint = models.CharField(max_length=16)
    local = models.BooleanField(default=False)
    taken_out = models.BooleanField(default=True)
    only_account_id = models.BigIntegerField(null=True)
    match = models.BooleanField(default=False)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("request", "kind", "form", "digest"),
                condition=Q(person_id=None, only_account_id=None),
                name="purge_hash_once",
            ),
            models.UniqueConstraint(
                fields=("request", "kind", "form", "digest", "only_account_id"),
                condition=Q(person_id=None, only_account_id__isnull=False),
                name="purge_hash_once_there",
            ),
            models.UniqueConstraint(
                fields=("request", "person_id", "kind", "form", "digest", "local"),
                condition=Q(person_id__isnull=False),
                name="purge_hash_of_person_once",
            ),
        )

    def __str__(self) -> str:
        return f"hash {self.pk}"


class IdentifierSet(models.Model):
    """What one person of a request is searched for beside the writings of their addresses: digests of these, opaque
    ids, IDs and logins. One row a person; one without ``person_id`` for an address that is no user's.

    ``everywhere``, ``there``: keyed hashes, :data:`purge.hashing.HASH_BYTES` bytes each, one behind the other; the
    latter of what is taken out in the person's own account (``account_id``) alone. The plain forms are derived again
    from :class:`Identifier` while the request is open. ``kinds``: how many identifiers of each kind they come from, for
    the request's page. ``names``: keyed hashes of the words of the person's name, which are searched for nowhere: a
    text about the request is refused where it has one of them (:mod:`purge.register.naming`).
    """

    request = models.ForeignKey(PurgeRequest, models.CASCADE, related_name="identifier_sets")
    person_id = models.BigIntegerField(null=True)
    account_id = models.BigIntegerField(null=True)
    everywhere = models.BinaryField(default=b"")
    there = models.BinaryField(default=b"")
    names = models.BinaryField(default=b"", db_default=b"")
    kinds = models.JSONField(default=dict)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=("request", "person_id"),
                condition=Q(person_id__isnull=False),
                name="purge_identifier_set_once",
            ),
            models.UniqueConstraint(
                fields=("request",), condition=Q(person_id=None), name="purge_identifier_set_of_nobody_once"
            ),
        )

    def __str__(self) -> str:
        return f"identifier set {self.pk}"
