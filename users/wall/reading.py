"""Whether a query says that it wants rows of one account, read from its conditions before it is sent.

It does when it names a row that is known to be of the account: the account itself or anything between, on the way that
the model's purge rules name as ``account``; the rows by their own numbers; or whatever they hang from by a foreign key.
Conditions that are joined by AND need one that does, those joined by OR each.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from functools import cache
from typing import Any, cast

from django.db import models
from django.db.models.expressions import Col
from django.db.models.lookups import Exact, In, Lookup
from django.db.models.sql.query import Query
from django.db.models.sql.where import AND, OR, NothingNode, WhereNode

from purge.database.lookups import AnyOf
from purge.rules.registry import Registry, get_registry
from users.wall.place import Account, UnscopedQuery

Row = tuple[type[models.Model], Any]
#: The columns on the way, the last of which holds the account's number: as a foreign key or, where rows outlive
#: accounts (the purge's own), without one.
Way = tuple["models.Field[Any, Any]", ...]


def account_model() -> type[models.Model]:
    from users.models import Account as AccountModel

    return AccountModel


def account_row(account_id: int) -> Row:
    return account_model(), account_id


def concrete(model: Any) -> type[models.Model]:
    """The model with a table of its own, of a model or a row."""
    return cast("type[models.Model]", model._meta.concrete_model)


def way_of(model: Any) -> Way | None:
    """The columns from a row of this model to its account; none for accounts themselves. None: of no account."""
    return _way(get_registry(), concrete(model))


@cache
def _way(registry: Registry, model: type[models.Model]) -> Way | None:
    entry = registry.entry_of(model)
    path = entry.rules.account if entry else None
    if path is None:
        return None
    keys: list[models.Field[Any, Any]] = []
    at = model
    for name in () if path == "pk" else path.split("__"):
        key: Any = at._meta.get_field(name)
        keys.append(key)
        at = _led_to(key)
    return tuple(keys)


def named_by(model: Any, column: Any) -> type[models.Model] | None:
    """Rows of which model the values of a column are numbers of, if it is the model's own or the first on its way."""
    own = concrete(model)
    if column in ("pk", own._meta.pk.name):
        return own
    way = way_of(model)
    return _led_to(way[0]) if way and column in (way[0].name, way[0].attname) else None


def _led_to(key: models.Field[Any, Any]) -> type[models.Model]:
    return concrete(key.related_model) if isinstance(key, models.ForeignKey) else account_model()


# ---------------------------------------------------------------- rows in hand


def learn(account: Account, value: Any) -> None:
    """Remember the rows in a value of a filter that can be seen to be the account's."""
    if isinstance(value, models.Model):
        if is_own(account, value) and value.pk is not None:
            account.known.add((concrete(value), value.pk))
    elif isinstance(value, models.Q):
        for child in value.children:
            learn(account, child[1] if isinstance(child, tuple) else child)
    elif isinstance(value, list | tuple | set | frozenset):
        for each in value:
            if isinstance(each, models.Model):
                learn(account, each)


def is_own(account: Account, row: models.Model) -> bool:
    """Whether a row is the account's, as far as the row in hand says it: nothing is fetched."""
    return _standing_of(account, row) is True


def is_foreign(account: Account, row: models.Model) -> bool:
    """Whether a row in hand says that it is another account's."""
    return _standing_of(account, row) is False


def _standing_of(account: Account, row: models.Model) -> bool | None:
    way = way_of(row._meta.model)  # who is signed in is a proxy of Python, whose type says nothing
    if way is None:
        return None
    at: models.Model | None = row
    for number, key in enumerate(way):
        assert at is not None
        value = getattr(at, key.attname)
        if number == len(way) - 1:
            return None if value is None else bool(value == account.id)
        if (_led_to(key), value) in account.known:
            return True
        at = cast("models.ForeignKey[Any, Any]", key).get_cached_value(at, default=None)
        if at is None:
            return None
    return bool(row.pk == account.id)


# ---------------------------------------------------------------- conditions


def refuse_unscoped(account: Account, query: Query) -> None:
    """Raises UnscopedQuery."""
    way = way_of(query.model)
    if way is not None and not _says_whose(account, query):
        raise UnscopedQuery(sentence(query.model))


def sentence(model: Any) -> str:
    """What is wrong and what to do, without anything that the query was asked."""
    way = way_of(model)
    path = "__".join(key.name for key in way or ()) or "pk"
    return (
        f"{model._meta.label}: this is done for one account and does not say so. Filter by {path}, or start from a row "
        'of the account; what has to see every account says why, in users.wall.across_accounts("why").'
    )


def _says_whose(account: Account, query: Query) -> bool:
    if query.combinator:
        return all(_says_whose(account, each) for each in query.combined_queries)
    way = way_of(query.model)
    return way is not None and _condition_says(account, query, way, query.where)


def _condition_says(account: Account, query: Query, way: Way, node: Any) -> bool:
    if isinstance(node, NothingNode):
        return True
    if isinstance(node, WhereNode):
        if node.negated or not node.children:
            return False
        if node.connector == AND:
            return any(_condition_says(account, query, way, child) for child in node.children)
        return node.connector == OR and all(_condition_says(account, query, way, child) for child in node.children)
    if isinstance(node, Exact | In | AnyOf):
        model = _named_by(query, way, node.lhs)
        return model is not None and _are_known(account, model, node)
    return False


def _named_by(query: Query, way: Way, column: Any) -> type[models.Model] | None:
    """Rows of which model a column names, if it is on the way to the account."""
    if not isinstance(column, Col):
        return None
    joined = []
    alias = column.alias
    while (table := query.alias_map.get(alias)) is not None and table.parent_alias is not None:
        joined.append(table.join_field)  # type: ignore[union-attr]
        alias = table.parent_alias
    if table is None:
        return None
    joined.reverse()
    if not joined and column.target in way[:1]:
        return _led_to(way[0])
    if not joined and isinstance(column.target, models.ForeignKey) and way_of(_led_to(column.target)) is not None:
        return _led_to(column.target)  # what hangs from a row of the account is its
    if tuple(joined) != way[: len(joined)]:
        return None
    if joined and len(joined) < len(way) and column.target == way[len(joined)]:
        return _led_to(way[len(joined)])
    if not column.target.primary_key:
        return None
    if joined:
        return _led_to(way[len(joined) - 1])
    return concrete(query.model)


def _are_known(account: Account, model: type[models.Model], lookup: Lookup[Any]) -> bool:
    named = lookup.rhs
    if isinstance(named, Query):
        return _gives_out(named) == model and _says_whose(account, named)
    if isinstance(lookup, Exact):
        return _is_known(account, model, named)
    return isinstance(named, Iterable) and all(each is None or _is_known(account, model, each) for each in named)


def _is_known(account: Account, model: type[models.Model], value: Any) -> bool:
    return isinstance(value, Hashable) and (model, value) in account.known


def _gives_out(query: Query) -> type[models.Model] | None:
    """Rows of which model a subquery names."""
    way = way_of(query.model)
    if way is None:
        return None
    if not query.select:
        return concrete(query.model)
    return _named_by(query, way, query.select[0]) if len(query.select) == 1 else None
