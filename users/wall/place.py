"""Which account is worked for at the moment, and which rows are known to be its."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ContextDecorator
from contextvars import ContextVar, Token
from inspect import isasyncgenfunction, iscoroutinefunction, isfunction, isgeneratorfunction
from typing import Any, Generic, TypeVar, cast

from django.db import models

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., Any])


class UnscopedQuery(RuntimeError):
    """A query, or a row to be stored or deleted, that does not say that it is of the account that is worked for."""


class Account:
    """The account that is worked for. ``known``: (model, primary key) of rows that are its, for sure: the account
    itself, who acts, and what scoped queries have given out. Their rows can be asked for by them."""

    __slots__ = ("id", "known")

    def __init__(self, account_id: int) -> None:
        self.id = account_id
        self.known: set[tuple[type[models.Model], Any]] = set()


_place: ContextVar[Account | None] = ContextVar("account that is worked for", default=None)
#: What is looked up by every query set. None: nobody has said for whom (a shell, a migration), or it was said to be
#: for everybody.
current = _place.get


class _Place(ContextDecorator, AbstractContextManager[None]):
    """Something to be entered, or put above a function or above a class for all of its methods."""

    def __init__(self) -> None:
        self._tokens: list[Token[Account | None]] = []

    def _account(self) -> Account | None:
        raise NotImplementedError

    def __enter__(self) -> None:
        self._tokens.append(_place.set(self._account()))

    def __exit__(self, *_error: object) -> None:
        _place.reset(self._tokens.pop())

    def _recreate_cm(self) -> _Place:
        """One for each call: what stands above a function is shared by threads."""
        raise NotImplementedError

    def __call__(self, target: F) -> F:
        if isinstance(target, type):
            for name, each in list(vars(target).items()):
                if isfunction(each) and not name.startswith("__"):
                    setattr(target, name, self(each))
            return cast("F", target)
        if isgeneratorfunction(target) or isasyncgenfunction(target) or iscoroutinefunction(target):
            raise TypeError(f"{target.__qualname__} runs after it was called: enter the place inside of it.")
        wrapped: Any = super().__call__(target)
        wrapped.place = self
        return cast("F", wrapped)


class across_accounts(_Place):
    """Queries may see every account here. ``reason``: why they must, for whoever looks for all such places."""

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    def _account(self) -> None:
        return None

    def _recreate_cm(self) -> across_accounts:
        return across_accounts(self.reason)


class within_account(_Place):
    """Queries of models behind the wall have to name the account here, or rows that are known to be its: ``rows``,
    such as who acts, if they are."""

    def __init__(self, account_id: int, *rows: models.Model | None) -> None:
        super().__init__()
        self.account_id, self.rows = account_id, rows

    def _account(self) -> Account:
        from users.wall.reading import account_row, learn

        account = Account(self.account_id)
        account.known.add(account_row(self.account_id))
        learn(account, self.rows)
        return account

    def _recreate_cm(self) -> within_account:
        return within_account(self.account_id, *self.rows)


def vouch_for(model: type[models.Model], pks: Iterable[Any]) -> None:
    """Rows that were found across accounts, and then compared, are of the account that is worked for: they can be
    asked for by their numbers. An exception as ``across_accounts`` is, and counted with them."""
    account = current()
    if account is not None:
        from users.wall.reading import concrete

        account.known.update((concrete(model), pk) for pk in pks)


class Kept(Generic[T]):
    """What is taken piece by piece after the place was left (the body of a streamed answer), each piece in the place
    in which this was made."""

    def __init__(self, pieces: Iterable[T]) -> None:
        self._pieces, self._account = pieces, current()

    def __iter__(self) -> Iterator[T]:
        pieces = iter(self._pieces)
        while True:
            token = _place.set(self._account)
            try:
                piece = next(pieces)
            except StopIteration:
                return
            finally:
                _place.reset(token)
            yield piece

    def close(self) -> None:
        if hasattr(self._pieces, "close"):
            self._pieces.close()
