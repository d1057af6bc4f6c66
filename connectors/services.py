"""What happens to connectors, webhooks and tokens."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors.kinds import next_run, setting_field, setting_value, settings_of
from connectors.models import (
    ApiToken,
    BlankedSetting,
    Connector,
    ConnectorRun,
    ConnectorSettings,
    ConnectorState,
    DisabledReason,
    ExternalApplication,
    RunState,
    Schedule,
    Settlement,
    Webhook,
    WebhookState,
)
from connectors.purge_rules import CONNECTOR_STOPS, WEBHOOK_STOPS
from connectors.selectors import connectors_due, open_settings, token_digest
from purge.addresses import holds_marker
from purge.models import FollowUp
from purge.rules import Context, Fact
from users.models import User, UserState
from users.services import ServiceError, refuse_frozen
from users.services.rows import audit
from users.sign_in.confirmed import require_confirmed


class SettingsMissing(ServiceError):
    """A connector cannot be enabled: settings are blank, and nobody has said that they are meant to be."""


# ---------------------------------------------------------------- consequences of a purge


def connectors_stop(*, pks: Sequence[int], column: str, context: Context) -> list[Fact]:
    """A setting of these connectors named a purged person and is empty now: they stop.

    ``pks``: of the connectors or of their settings rows, which are the same numbers. The setting is remembered by its
    name until it is filled in again or confirmed as empty. Returns a fact per connector that was running until now.
    """
    connectors = list(Connector.objects.filter(pk__in=pks).order_by("pk").select_for_update())
    BlankedSetting.objects.bulk_create(
        [
            BlankedSetting(connector=connector, setting=column, reference=context.reference_for(connector.account_id))
            for connector in connectors
        ],
        ignore_conflicts=True,
    )
    running = [connector for connector in connectors if connector.state == ConnectorState.ENABLED]
    for account_id in {connector.account_id for connector in running}:
        Connector.objects.filter(pk__in=[each.pk for each in running if each.account_id == account_id]).update(
            state=ConnectorState.DISABLED,
            disabled_reason=DisabledReason.PURGE,
            disabled_reference=context.reference_for(account_id),
            disabled_at=timezone.now(),
            resume_schedule=F("schedule"),
            schedule=Schedule.OFF,
            next_run_at=None,
        )
    return [
        CONNECTOR_STOPS.fact(account_id=connector.account_id, model="connectors.Connector", pk=connector.pk)
        for connector in running
    ]


def webhooks_stop(*, pks: Sequence[int], column: str, context: Context) -> list[Fact]:
    """The URL, user name or password of these webhooks named a purged person: they call nobody until it is set again.

    Returns a fact per webhook that was enabled until now.
    """
    running = dict(
        Webhook.objects.filter(pk__in=pks, state=WebhookState.ENABLED)
        .order_by("pk")
        .select_for_update()
        .values_list("pk", "account_id")
    )
    for account_id in set(running.values()):
        Webhook.objects.filter(pk__in=[pk for pk, whose in running.items() if whose == account_id]).update(
            state=WebhookState.DISABLED, disabled_reference=context.reference_for(account_id)
        )
    return [
        WEBHOOK_STOPS.fact(account_id=account_id, model="connectors.Webhook", pk=pk)
        for pk, account_id in running.items()
    ]


# ---------------------------------------------------------------- connectors


def connector_enable(*, acting_user: User, connector: Connector) -> Connector:
    """Let a connector run; one that a purge stopped resumes its schedule.

    Settings that were filled in again since are settled on the way. Raises SettingsMissing while a blanked setting is
    neither filled in nor confirmed as empty, and while a required setting is empty.
    """
    with transaction.atomic():
        row = Connector.objects.select_for_update().get(pk=connector.pk)
        if row.state == ConnectorState.ENABLED:
            raise ServiceError(_("This connector is enabled already."))
        connector_settings_settle(acting_user=acting_user, connector=row)
        _refuse_open_settings(row)
        _refuse_incomplete_settings(row)
        if row.schedule == Schedule.OFF:
            row.schedule = row.resume_schedule
        row.resume_schedule = Schedule.OFF
        row.state = ConnectorState.ENABLED
        row.disabled_reason = row.disabled_reference = ""
        row.disabled_at = None
        row.next_run_at = next_run(row.schedule, timezone.now())
        row.save(
            update_fields=(
                "schedule",
                "resume_schedule",
                "state",
                "disabled_reason",
                "disabled_reference",
                "disabled_at",
                "next_run_at",
            )
        )
        _tick_off(row, acting_user)
    return row


def _tick_off(row: Connector | Webhook, acting_user: User) -> None:
    """What a purge left to do here is done."""
    left = FollowUp.objects.filter(account_id=row.account_id, model=row._meta.label, row=row.pk, done_at=None)
    left.update(done_by=acting_user, done_at=timezone.now())


def _refuse_open_settings(connector: Connector) -> None:
    names = [str(setting_field(connector, row.setting).verbose_name) for row in open_settings(connector)]
    if names:
        raise SettingsMissing(
            _(
                "A purge has blanked: %(names)s. Fill in each of them again, or confirm that it is to stay empty, "
                "before you enable the connector."
            )
            % {"names": ", ".join(names)}
        )


def _refuse_incomplete_settings(connector: Connector) -> None:
    row = settings_of(connector)
    if row is None:
        raise SettingsMissing(_("Fill in the connector's settings before you enable it."))
    try:
        row.clean_fields()
    except ValidationError as error:
        names = [str(setting_field(connector, name).verbose_name) for name in error.message_dict]
        # The fields' own messages may repeat what was typed: only the names are shown.
        raise SettingsMissing(
            _("Fill in, or correct, before you enable the connector: %(names)s.") % {"names": ", ".join(names)}
        ) from None


def connector_disable(*, acting_user: User, connector: Connector) -> Connector:
    """Stop a connector by hand; its schedule stays as it is and fires again once it is enabled."""
    with transaction.atomic():
        row = Connector.objects.select_for_update().get(pk=connector.pk)
        if row.state != ConnectorState.ENABLED:
            raise ServiceError(_("This connector is not enabled."))
        row.state = ConnectorState.DISABLED
        row.disabled_reason = DisabledReason.MANUAL
        row.disabled_at = timezone.now()
        row.next_run_at = None
        row.save(update_fields=("state", "disabled_reason", "disabled_at", "next_run_at"))
    return row


def connector_schedule(*, acting_user: User, connector: Connector, schedule: str) -> Connector:
    """Set how often a connector runs. One that is not enabled keeps it for later."""
    with transaction.atomic():
        row = Connector.objects.select_for_update().get(pk=connector.pk)
        row.schedule = Schedule(schedule)
        row.next_run_at = next_run(schedule, timezone.now()) if row.state == ConnectorState.ENABLED else None
        row.save(update_fields=("schedule", "next_run_at"))
    return row


def connector_settings_settle(*, acting_user: User, connector: Connector) -> int:
    """Settle the blanked settings that hold a value again. The number settled."""
    refilled = [row.pk for row in open_settings(connector) if _filled(setting_value(connector, row.setting))]
    return _settle(refilled, Settlement.REFILLED, acting_user)


def connector_setting_confirm_empty(*, acting_user: User, blanked: BlankedSetting) -> None:
    """A person who knows the connector says that a blanked setting is to stay as it is.

    Refused where the setting must not be empty, and where it was settled before.
    """
    with transaction.atomic():
        row = BlankedSetting.objects.select_for_update(of=("self",)).select_related("connector").get(pk=blanked.pk)
        if row.settled_at is not None:
            raise ServiceError(_("This setting has been settled already."))
        field = setting_field(row.connector, row.setting)
        if not field.blank:
            raise ServiceError(
                _("%(name)s cannot stay empty: the connector needs it.") % {"name": str(field.verbose_name)}
            )
        filled = _filled(setting_value(row.connector, row.setting))
        _settle([row.pk], Settlement.REFILLED if filled else Settlement.CONFIRMED_EMPTY, acting_user)


def _filled(value: Any) -> bool:
    """Whether a setting says something again. A text in which the mark of an erased address stands does not."""
    if isinstance(value, dict | list):
        return bool(value) and not _has_mark(value)
    if isinstance(value, str):
        return bool(value.strip()) and not holds_marker(value)
    return value is not None


def _has_mark(value: Any) -> bool:
    match value:
        case str():
            return holds_marker(value)
        case dict():
            return any(_has_mark(key) or _has_mark(item) for key, item in value.items())
        case list():
            return any(map(_has_mark, value))
        case _:
            return False


def _settle(pks: Iterable[int], settlement: Settlement, acting_user: User) -> int:
    return BlankedSetting.objects.filter(pk__in=list(pks), settled_at=None).update(
        settlement=settlement, settled_at=timezone.now(), settled_by=acting_user
    )


# ---------------------------------------------------------------- runs


def connector_runs_schedule() -> list[int]:
    """Put a pending run in for each connector whose schedule is due. Ids of the runs.

    Each is claimed by a conditional update, so two workers never start the same run, and a connector that was disabled
    a moment ago gets none.
    """
    runs = []
    for connector in connectors_due():
        with transaction.atomic():
            now = timezone.now()
            claimed = (
                Connector.objects.due()
                .filter(pk=connector.pk, next_run_at=connector.next_run_at)
                .update(next_run_at=next_run(connector.schedule, now))
            )
            if claimed:
                runs.append(ConnectorRun.objects.create(connector=connector).pk)
    return runs


def connector_run_start(*, acting_user: User, connector: Connector) -> ConnectorRun:
    """Run a connector now. Refused for one that is not enabled."""
    with transaction.atomic():
        row = Connector.objects.select_for_update().get(pk=connector.pk)
        if row.state != ConnectorState.ENABLED:
            raise ServiceError(_("This connector is not enabled: it cannot run."))
        return ConnectorRun.objects.create(connector=row, started_by=acting_user)


def connector_run_finish(
    *, run: ConnectorRun, rows_done: int, rows_failed: int, error: str = "", error_rows: bytes = b""
) -> ConnectorRun:
    """What a run did. ``error_rows``: the refused rows as CSV. A run with an error has failed."""
    run.state = RunState.FAILED if error else RunState.COMPLETED
    run.rows_done, run.rows_failed, run.error = rows_done, rows_failed, error
    run.finished_at = timezone.now()
    if error_rows:
        run.error_file.save("errors.csv", ContentFile(error_rows), save=False)
    run.save(update_fields=("state", "rows_done", "rows_failed", "error", "finished_at", "error_file"))
    return run


# ---------------------------------------------------------------- webhooks and tokens


def webhook_enable(*, acting_user: User, webhook: Webhook) -> Webhook:
    """Let a webhook call again. Refused while its URL holds the mark of an erased address."""
    with transaction.atomic():
        row = Webhook.objects.select_for_update().get(pk=webhook.pk)
        if holds_marker(row.url):
            raise SettingsMissing(_("Correct the URL first: an address was taken out of it by a purge."))
        row.state = WebhookState.ENABLED
        row.disabled_reference = ""
        row.save(update_fields=("state", "disabled_reference"))
        _tick_off(row, acting_user)
    return row


def credentials_store(
    *, acting_user: User, row: ConnectorSettings | Webhook | ExternalApplication, changed: Collection[str]
) -> None:
    """Store what somebody typed into a row that says what this site signs in with elsewhere, or where that is sent.

    ``changed``: the names of what they typed; nothing else of a row that is stored already is written, since a purge
    may have blanked something meanwhile. Where a secret or its way is among them, who it is is asked first, and it is
    noted which fields have changed, never what they say.
    """
    is_new = row._state.adding
    columns = [each.name for each in row._meta.concrete_fields if each.name in changed]
    names = [name for name in columns if _is_credential(row, name)]
    asks = bool(names) or (is_new and isinstance(row, Webhook))
    if asks:
        require_confirmed()
    with transaction.atomic():
        row.save(update_fields=None if is_new else columns)
        if asks:
            whose = row.connector if isinstance(row, ConnectorSettings) else row
            what = str(whose._meta.model_name)
            audit(acting_user, acting_user, f"{what} changed", [f"{what} {whose.pk}", *names])


def _is_credential(row: ConnectorSettings | Webhook | ExternalApplication, name: str) -> bool:
    """Of a connector's settings, all: each says with what it signs in, or where."""
    match row:
        case Webhook():
            return name in ("url", "user_name", "secret")
        case ExternalApplication():
            return name == "redirect_url"
        case _:
            return True


def token_create(*, acting_user: User, name: str) -> tuple[ApiToken, str]:
    """A new key to the API for oneself: the row, and the key in plain, which is stored nowhere and shown once."""
    require_confirmed()
    current = User.objects.filter(pk=acting_user.pk).first()
    if current is not None:
        refuse_frozen(current)
    if current is None or current.state != UserState.ACTIVE:
        raise ServiceError(_("Only active users have keys to the API."))
    key = secrets.token_urlsafe(32)
    with transaction.atomic():
        audit(current, current, "key to the API made")
        return ApiToken.objects.create(user=acting_user, name=name, digest=token_digest(key)), key


def tokens_revoke(*, user_ids: Sequence[int]) -> int:
    """End the keys to the API of these people: who comes back gets new ones. How many there were."""
    number, _by_model = ApiToken.objects.filter(user_id__in=user_ids).delete()
    return number
