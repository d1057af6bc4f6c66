"""The query sets and managers of models whose rows belong to accounts."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, TypeVar

from django.db import models
from django.db.models.query import FlatValuesListIterable, ModelIterable, ValuesListIterable
from django.db.models.signals import class_prepared
from django.dispatch import receiver

from users.wall.place import UnscopedQuery, across_accounts, current
from users.wall.reading import is_foreign, learn, named_by, refuse_unscoped, sentence

M = TypeVar("M", bound=models.Model)


class WalledQuerySet(models.QuerySet[M]):
    """Refuses, within an account, to ask the database for rows without saying whose (:mod:`users.wall.reading`).

    Everything else is a query set's own. A query inside another one is the outer one's matter.
    """

    def _refuse_unscoped(self) -> None:
        account = current()
        if account is not None:
            if (instance := self._hints.get("instance")) is not None:  # type: ignore[attr-defined]
                learn(account, instance)
            refuse_unscoped(account, self.query)

    # ---- what is asked
    def _filter_or_exclude_inplace(self, negate: bool, args: Any, kwargs: Any) -> None:
        account = current()
        if account is not None:
            for value in (*args, *kwargs.values()):
                learn(account, value)
        super()._filter_or_exclude_inplace(negate, args, kwargs)  # type: ignore[misc]

    # ---- asking it
    def _fetch_all(self) -> None:
        account = current()
        if account is None:
            super()._fetch_all()
            return
        fetched = self._result_cache is None
        if fetched:
            self._refuse_unscoped()
        super()._fetch_all()
        if fetched:
            self._remember(account.known)

    def _prefetch_related_objects(self) -> None:
        account = current()
        if account is not None:
            self._remember(account.known)  # what hangs from them is asked for by them
        super()._prefetch_related_objects()  # type: ignore[misc]

    def _remember(self, known: set[Any]) -> None:
        """Rows that were given out, and the numbers of those that they are a part of, can be asked for from now on."""
        model = self.model._meta.concrete_model
        rows: list[Any] = self._result_cache or []
        if issubclass(self._iterable_class, ModelIterable):
            known.update((model, row.pk) for row in rows)
        elif self._iterable_class in (ValuesListIterable, FlatValuesListIterable):
            for place, name in enumerate(self._fields or ()):  # type: ignore[attr-defined]
                if (named := named_by(self.model, name)) is not None:
                    flat = self._iterable_class is FlatValuesListIterable
                    numbers = rows if flat else [row[place] for row in rows]
                    known.update((named, number) for number in numbers if number is not None)

    def iterator(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse_unscoped()
        return super().iterator(*args, **kwargs)

    def aiterator(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse_unscoped()
        return super().aiterator(*args, **kwargs)

    def count(self) -> int:
        if self._result_cache is None:
            self._refuse_unscoped()
        return super().count()

    def exists(self) -> bool:
        if self._result_cache is None:
            self._refuse_unscoped()
        return super().exists()

    def aggregate(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse_unscoped()
        return super().aggregate(*args, **kwargs)

    def explain(self, *args: Any, **kwargs: Any) -> Any:
        self._refuse_unscoped()
        return super().explain(*args, **kwargs)

    def raw(self, *args: Any, **kwargs: Any) -> Any:
        """Within an account never: nobody can tell from a text whose rows it asks for."""
        if current() is not None:
            raise UnscopedQuery(sentence(self.model))
        return super().raw(*args, **kwargs)

    # ---- changing
    def update(self, **kwargs: Any) -> int:
        self._refuse_unscoped()
        return super().update(**kwargs)

    def delete(self) -> Any:
        self._refuse_unscoped()
        return super().delete()

    def bulk_create(self, objs: Iterable[M], *args: Any, **kwargs: Any) -> list[M]:
        objs = list(objs)
        for each in objs:
            refuse_foreign(each)
        return super().bulk_create(objs, *args, **kwargs)


def refuse_foreign(row: models.Model) -> None:
    """Refuses to store or delete a row that says, by its keys and the rows in hand, that it is another account's."""
    account = current()
    if account is not None and is_foreign(account, row):
        raise UnscopedQuery(sentence(type(row)))


class OfAccount(models.Model):
    """A model whose rows belong to accounts, by the path that its purge rules name as ``account``."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        refuse_foreign(self)
        super().save(*args, **kwargs)
        if (account := current()) is not None:
            learn(account, self)

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        refuse_foreign(self)
        return super().delete(*args, **kwargs)

    @across_accounts("what must be unique on the whole site is looked for in every account")
    def validate_unique(self, exclude: Any = None) -> None:
        super().validate_unique(exclude)

    @across_accounts("what must be unique on the whole site is looked for in every account")
    def validate_constraints(self, exclude: Any = None) -> None:
        super().validate_constraints(exclude)


@receiver(class_prepared)
def _made(sender: Any, **_said: Any) -> None:
    if issubclass(sender, OfAccount) and not sender._meta.abstract:
        put_behind(sender)


def put_behind(model: type[models.Model]) -> None:
    """Put a model's managers behind the wall: of :class:`OfAccount` by itself, of another package by hand.

    But not one that says by its name, ``across_accounts``, that it sees every account.
    """
    described: Any = model._meta
    for manager in described.local_managers:
        if manager.name != "across_accounts":
            kind: Any = type(manager)
            manager.__class__ = _walled(kind)
    described._expire_cache()


@cache
def _walled(manager: Any) -> Any:
    """The class of managers whose query sets are :class:`WalledQuerySet` too. It keeps its name: what is made of it,
    for rows that hang from a row, and what checks types go by it."""
    asked = manager._queryset_class
    if issubclass(asked, WalledQuerySet):
        return manager
    walled = type(asked.__name__, (WalledQuerySet, asked), _names_of(asked))

    def same(self: Any, other: Any) -> bool:
        """Migrations compare managers, and would write one into another package."""
        return isinstance(other, manager) and self._constructor_args == other._constructor_args

    itself = {"_queryset_class": walled, "__eq__": same, "__hash__": manager.__hash__}
    return type(manager.__name__, (manager,), {**_names_of(manager), **itself})


def _names_of(kind: Any) -> dict[str, str]:
    return {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
