"""Whether every place that can hold a person has a rule: every installed model, and what the database has besides.

That is every table of every schema that this role may read, materialized views, foreign tables, large objects, columns
that no model knows, and what the database does by itself: triggers, rules, foreign keys that cascade. A view holds
nothing, nor does a generated column: what stands in them stands in covered columns.

A gap refuses submissions, since an erasure whose reach nobody knows is none; the system checks show the same gaps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection, models
from django.utils.module_loading import import_string

from purge.database import dialect_of
from purge.database.looking.survey import Acts, Automatic, Holds, Place, Survey
from purge.rules import Reasoned, Rule, StaysAsItIs, Treatment
from purge.rules.columns import points_at
from purge.rules.declarations import LARGE_OBJECTS, column_place, side_effect_place
from purge.rules.registry import ColumnRule, ModelEntry, Registry, get_registry, person_model

#: A text of fewer characters has no room for an address.
SHORTEST_ADDRESS = 6
#: Reasons that are none.
EMPTY_REASONS = frozenset({"", "tbd", "todo", "n/a", "none", "-", "?", "later", "reason", "not personal"})
SHORTEST_REASON = 12


@dataclass(frozen=True)
class Gap:
    """Something that no rule covers, or a rule that cannot work. ``id``: the system check's id."""

    id: str
    where: str
    what: str
    hint: str

    def __str__(self) -> str:
        return f"{self.where} {self.what}"


def model_gaps(registry: Registry | None = None) -> list[Gap]:
    """Gaps that the models alone show; asks no database."""
    registry = registry or get_registry()
    gaps = [
        Gap("purge.E005", where, what, "Correct the line in the app's purge_rules.py.")
        for where, what in registry.errors
    ]
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy or (not model._meta.managed and model._meta.db_table in registry.exempt):
            continue
        gaps += _gaps_of_model(model, registry)
    return [*gaps, *_consequence_gaps(registry), *_decoder_gaps(registry)]


def _consequence_gaps(registry: Registry) -> Iterator[Gap]:
    """Treatments whose consequence nobody has declared, and consequences that no page could show or no purge reach."""
    hint = "Declare a Consequence in CONSEQUENCES of the owning app's purge_rules.py, with the path of its function."
    named = {column.rule.then: column.key for column in registry.columns() if isinstance(column.rule, Treatment)}
    for path, where in named.items():
        if path and registry.consequence_at(path) is None:
            yield Gap("purge.E009", where, f'names the consequence "{path}", which nobody declares.', hint)
    for each in registry.consequences.values():
        where, problem = f"the consequence {each.kind}", ""
        if each.path and each.path not in named:
            problem = "is named by no treatment."
        elif missing := [path for path in (each.path, each.foretold) if path and not _is_function(path)]:
            problem = f'names "{missing[0]}", which is no function.'
        elif not (str(each.label).strip() and str(each.news).strip()):
            problem = "has no words for the request page (label=) or the notification (news=)."
        elif bool(each.foretold) != bool(each.model) or bool(each.came) != bool(each.went):
            problem = "is foretold with half of model=, foretold=, came=, went=."
        elif each.model and each.model not in registry.entries:
            problem = f"foretells rows of {each.model}, which has no rules."
        if problem:
            yield Gap("purge.E009", where, problem, hint)


def _is_function(path: str) -> bool:
    try:
        return callable(import_string(path))
    except ImportError:
        return False


def _decoder_gaps(registry: Registry) -> Iterator[Gap]:
    """A reason that promises that the patrol reads a column decoded, without a decoder; or the other way round."""
    for column in registry.columns():
        if isinstance(column.rule, Reasoned) and says_decoded(column.rule.reason) != bool(column.rule.decoded_by):
            yield _decoder_gap(column.key, promised=not column.rule.decoded_by)
    for exempt in registry.exempt.values():
        if says_decoded(exempt.reason) != bool(exempt.decoded_by):
            yield _decoder_gap(exempt.table, promised=not exempt.decoded_by)


def _decoder_gap(where: str, *, promised: bool) -> Gap:
    if promised:
        hint = "Name with decoded_by= how it is read, or take the promise out of the reason."
        return Gap("purge.E009", where, "promises that the patrol reads it decoded, and nothing says how.", hint)
    hint = "Say in the reason that the patrol reads it decoded: the data map shows the reason alone."
    return Gap("purge.E009", where, "is read decoded, and its reason does not say so.", hint)


def says_decoded(reason: str) -> bool:
    return "decoded" in str(reason).lower()


def table_gaps(registry: Registry | None = None) -> list[Gap]:
    """What of the database can hold or copy something, and neither a rule nor an exemption accounts for."""
    registry = registry or get_registry()
    survey = dialect_of(connection).survey()
    known = _known_columns(tuple(apps.get_models(include_auto_created=True)))
    gaps = [gap for place in survey.places for gap in _place_gaps(place, survey, known, registry)]
    gaps += (gap for each in survey.automatic if (gap := _side_effect_gap(each, survey, known, registry)) is not None)
    if survey.large_objects and LARGE_OBJECTS not in registry.exempt_besides:
        hint = (
            'Erase them (lo_unlink, vacuumlo), or list ExemptLargeObjects(reason="…") in a purge_rules.py: then the '
            "proof reads them."
        )
        gaps.append(Gap("purge.E004", LARGE_OBJECTS, "hold bytes that no row owns and no rule accounts for.", hint))
    gaps += (
        Gap("purge.E003", exempt.place, "is exempted without a reason.", "Say why it cannot hold a person.")
        for exempt in registry.exemptions
        if exempt.place not in known and not is_reason(exempt.reason)
    )
    return sorted(gaps, key=lambda gap: gap.where)


@lru_cache(maxsize=1)
def _known_columns(models_known: tuple[type[models.Model], ...]) -> Mapping[str, frozenset[str]]:
    """Table → the columns that its models know."""
    known: dict[str, frozenset[str]] = {}
    for model in models_known:
        columns = frozenset(str(field.column) for field in model._meta.local_concrete_fields)
        known[model._meta.db_table] = known.get(model._meta.db_table, frozenset()) | columns
    return known


def _place_gaps(place: Place, survey: Survey, known: Mapping[str, frozenset[str]], registry: Registry) -> Iterator[Gap]:
    if registry.exempts_table(place.name):
        return
    table = place.name
    exempt = f'ExemptTable("{table}", reason="…") in a purge_rules.py'
    if place.hides:
        what = "has row security, which hides rows from this role: nobody could tell whether a purge left any."
        hint = (
            "Let this role see all of its rows (as its owner, without FORCE ROW LEVEL SECURITY, or with BYPASSRLS), or "
            f"list {exempt}."
        )
        yield Gap("purge.E004", table, what, hint)
        return
    if place.holds == Holds.FOREIGN:
        what = "is a foreign table: its rows are another database's, where no purge reaches."
        yield Gap("purge.E004", table, what, f"Drop it, or list {exempt} that says who erases there.")
    elif place.holds == Holds.MATERIALIZED:
        if table not in registry.refreshed:
            hint = (
                f'List RefreshedView("{table}") in VIEWS of a purge_rules.py, for purges to make it anew; or {exempt}.'
            )
            yield Gap("purge.E004", table, "is a materialized view, which keeps copies of rows.", hint)
        elif not place.refreshable:
            hint = "Make the product's role its owner (ALTER MATERIALIZED VIEW … OWNER TO …)."
            yield Gap("purge.E004", table, "is to be made anew by each purge, and this role may not.", hint)
    elif table in known or survey.is_piece_of(place, known):
        if place.holds == Holds.UNNUMBERED:
            hint = "Make it anew as Django does, with row numbers, by which a purge deletes."
            yield Gap("purge.E004", table, "is a table WITHOUT ROWID, from which no purge can delete.", hint)
        yield from _column_gaps(place, known.get(table, frozenset()), registry)
    elif not place.parents or place.columns:  # a piece is what is said of its table
        hint = f"Give it a model with rules, or list {exempt}."
        if "." in table:
            hint += " If another application uses it, take from this role the right to read it."
        what = "is a table of the database that no rule and no exemption accounts for."
        yield Gap("purge.E004", table, what, hint)


def _column_gaps(place: Place, known: frozenset[str], registry: Registry) -> Iterator[Gap]:
    """Columns with room for a text that somebody has added to a table past its model."""
    for column in place.columns:
        where = column_place(place.name, column)
        if column not in known and where not in registry.exempt_besides:
            hint = (
                f"Add it to the model and its rules, drop it, or list "
                f'ExemptColumn("{place.name}", "{column}", reason="…") in a purge_rules.py.'
            )
            yield Gap("purge.E004", where, "is a column of the database that no model knows.", hint)


def _side_effect_gap(
    each: Automatic, survey: Survey, known: Mapping[str, frozenset[str]], registry: Registry
) -> Gap | None:
    """Of what acts on rows that a purge treats: what it copies or takes, no plan knows."""
    place = survey.by_name.get(each.table)
    is_ours = each.table in known or (place is not None and survey.is_piece_of(place, known))
    where = side_effect_place(each.table, each.name)
    if not is_ours or where in registry.exempt_besides:
        return None
    if each.acts == Acts.CASCADE:
        what = "is a foreign key that deletes or changes rows by itself, which no plan has counted."
        instead = "Make it ON DELETE NO ACTION"
    else:
        what = f"is a {each.acts} that may copy what a purge deletes, or change what no plan has counted."
        instead = "Drop it"
    hint = (
        f'{instead}, or list ExemptSideEffect("{each.table}", "{each.name}", reason="…") in a purge_rules.py that says '
        "where it writes."
    )
    return Gap("purge.E013", where, what, hint)


def all_gaps() -> list[Gap]:
    """Everything that keeps a submission from being accepted."""
    return [*_gaps_of(get_registry(), tuple(apps.get_models(include_auto_created=True))), *table_gaps()]


@lru_cache(maxsize=1)
def _gaps_of(registry: Registry, models_known: tuple[type[models.Model], ...]) -> tuple[Gap, ...]:
    """Models and rules are those of the process; tables come and go, so only these are asked for at each look."""
    del models_known  # only what the answer depends on
    return tuple(model_gaps(registry))


def _gaps_of_model(model: type[models.Model], registry: Registry) -> Iterator[Gap]:
    table = model._meta.db_table
    exempt = registry.exempt.get(table)
    if exempt is not None:
        if not is_reason(exempt.reason):
            yield Gap("purge.E003", table, "is exempted without a reason.", "Say why it cannot hold a person.")
        return
    entry = registry.entry_of(model)
    for field in model._meta.local_fields:
        kind = kind_of(field)
        if kind and (entry is None or field.name not in entry.columns):
            yield Gap(
                "purge.E001",
                f"{model._meta.label}.{field.name}",
                f"is {kind} without a rule.",
                f'Add "{field.name}" to the rules of "{model._meta.label}" in {model._meta.app_label}/purge_rules.py.',
            )
    for generic in model._meta.private_fields:
        yield from _generic_gap(model, generic, entry)
    if entry is not None:
        for column in entry.columns.values():
            yield from _misfits(entry, column)


def kind_of(field: models.Field[Any, Any]) -> str | None:
    """Why a column needs a rule, in words; None when it needs none."""
    if field.primary_key and not isinstance(field, models.CharField):
        return None
    target = field.remote_field.model if field.remote_field else None
    if target is not None and isinstance(target, type):
        return "a relation to a person" if target._meta.concrete_model is person_model() else None
    if field.choices:
        return None
    if isinstance(field, _SILENT):
        return None
    # Of a list, or of a span, what it is of.
    of = getattr(field, "base_field", None)
    if isinstance(of, models.Field):
        return kind_of(of)
    if isinstance(of, type) and issubclass(of, _SILENT):
        return None
    kinds: tuple[tuple[type, str], ...] = (
        (models.EmailField, "an email column"),
        (models.FileField, "a file column"),
        (models.GenericIPAddressField, "an IP address column"),
        (models.JSONField, "a JSON column"),
        (models.TextField, "a text column"),
        (models.CharField, "a text column"),
        (models.BinaryField, "a column of bytes"),
    )
    for field_type, label in kinds:
        if isinstance(field, field_type):
            return label
    if field.get_internal_type() in ("CharField", "TextField", "PickledObjectField"):
        return "a text column"
    return _OF_OTHER_TYPE


_OF_OTHER_TYPE = "a column of a type that may hold texts"
#: Fields in which no text stands, and what the database makes from other columns of the row.
_SILENT = (
    models.AutoField,
    models.BooleanField,
    models.DateField,
    models.DecimalField,
    models.DurationField,
    models.FloatField,
    models.GeneratedField,
    models.IntegerField,
    models.TimeField,
    models.UUIDField,
)


def _generic_gap(model: type[models.Model], generic: Any, entry: ModelEntry | None) -> Iterator[Gap]:
    name = getattr(generic, "fk_field", None)
    if name and getattr(generic, "ct_field", None) and (entry is None or name not in entry.columns):
        yield Gap(
            "purge.E001",
            f"{model._meta.label}.{name}",
            "is a generic relation without a rule.",
            f'Add "{name}": DeleteAbout() to the rules of "{model._meta.label}".',
        )


def is_reason(text: str) -> bool:
    return len(text.strip()) >= SHORTEST_REASON and text.strip().lower().rstrip(".") not in EMPTY_REASONS


def _misfits(entry: ModelEntry, column: ColumnRule[Rule]) -> Iterator[Gap]:
    """Rules that cannot do what they say."""
    rule = column.rule
    if isinstance(rule, Reasoned) and not is_reason(rule.reason):
        yield Gap("purge.E003", column.key, rule.unreasoned, rule.why)
    if isinstance(rule, StaysAsItIs):
        yield from _open_text(column, rule.closed)
    problem = rule.misfit(column.model, column.field)
    if rule.needs_row_taken and not _row_goes(entry):
        problem = "goes with a row that no rule deletes."
    if problem:
        yield Gap("purge.E002", column.key, problem, "Choose another treatment, or change the column.")


def _open_text(column: ColumnRule[Rule], closed: str) -> Iterator[Gap]:
    """A text in which somebody may write another person's address, and which no treatment looks at."""
    if holds_text(column.field) and not is_reason(closed):
        yield Gap(
            "purge.E008",
            column.key,
            "is a text that stays as it is, and nothing says why nobody can type an address there.",
            "Give it a treatment (Redact, Blank), or declare with closed= who writes it or what refuses an address.",
        )


def holds_text(field: models.Field[Any, Any]) -> bool:
    """Whether a column is a text or JSON with room for an address."""
    if kind_of(field) not in ("a text column", "an email column", "a JSON column", _OF_OTHER_TYPE):
        return False
    return field.max_length is None or field.max_length >= SHORTEST_ADDRESS


def _row_goes(entry: ModelEntry) -> bool:
    return bool(entry.removals) or entry.model is person_model()


# ---------------------------------------------------------------- indexes


def unindexed_references() -> list[str]:
    """Foreign keys to a person without an index, as "table.column": a purge would read the whole table."""
    missing = []
    for model in apps.get_models(include_auto_created=True):
        if model._meta.proxy:
            continue
        first = {index.fields[0].lstrip("-") for index in model._meta.indexes if index.fields and not index.condition}
        first |= {
            constraint.fields[0]
            for constraint in model._meta.constraints
            if isinstance(constraint, models.UniqueConstraint) and constraint.fields and not constraint.condition
        }
        first |= {names[0] for names in model._meta.unique_together if names}
        missing += [
            f"{model._meta.db_table}.{field.column}"
            for field in model._meta.local_fields
            if points_at(field, settings.AUTH_USER_MODEL)
            and not (getattr(field, "db_index", False) or field.unique or field.name in first)
        ]
    return missing
