"""A purge takes the address out of encrypted settings too, and completes nothing while it cannot read them."""

from django.db import connection

from connectors import models
from connectors.models import Connector, ConnectorState
from purge import services, tasks
from purge.choices import Status
from purge.models import PurgeRequest
from purge.upkeep.patrol import patrol_all
from tests.factories import connectors as factories
from tests.purge import world as w

SECRET = "Rk2-wtT9-0pQm-unmistakable"
ANOTHER_KEY = "YW5vdGhlci10ZXN0cy1vbmx5LWFub3RoZXItdGVzdHM="


def stored():
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM connectors_zoomsettings")
        return [row[0] for row in cursor.fetchall()]


def test_a_purge_takes_the_address_out_of_secrets_and_leaves_others(cast):
    acme = cast.acme
    named = factories.FtpSettingsFactory(connector__account=acme, secret=w.ANN)
    near = factories.FtpSettingsFactory(connector__account=acme, secret=f"jo{w.ANN}")
    password = factories.ZoomSettingsFactory(connector__account=acme, secret="p@ss.word")
    generic = factories.GenericSettingsFactory(
        connector__account=acme, values={"login": w.ANN, "key": SECRET, "copy": [f"jo{w.ANN}"]}
    )
    foreign = factories.GenericSettingsFactory(connector__account=cast.globex, values={"login": w.ANN})
    untouched = stored()
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(purge_request))
    for row in (named, near, password, generic, foreign):
        row.refresh_from_db()
    assert (named.secret, near.secret, password.secret) == ("", "joann@x.org", "p@ss.word")
    assert generic.values == {"login": "[erased]", "key": SECRET, "copy": ["joann@x.org"]}
    assert foreign.values == {"login": "ann@x.org"}
    assert stored() == untouched
    states = dict(Connector.objects.values_list("pk", "state"))
    assert [states[row.pk] for row in (named, generic)] == [ConnectorState.DISABLED] * 2
    assert [states[row.pk] for row in (near, password, foreign)] == [ConnectorState.ENABLED] * 3

    # Somebody types it in again: the nightly pass reads the secrets too.
    models.FtpSettings.objects.filter(pk=named.pk).update(secret=f"user={w.ANN}")
    PurgeRequest.objects.filter(pk=purge_request.pk).update(patrolled_at=None)
    record = patrol_all()
    assert record.hits == 1
    place = purge_request.residues.get(gone_at=None)
    assert (place.table, place.column, place.row) == ("connectors_ftpsettings", "secret", str(named.pk))


def test_nothing_completes_while_a_secret_cannot_be_read(cast, settings):
    row = factories.GenericSettingsFactory(connector__account=cast.acme, values={"login": w.ANN})
    purge_request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    keys, settings.LMS_ENCRYPTION_KEYS = settings.LMS_ENCRYPTION_KEYS, [ANOTHER_KEY]
    assert tasks.run_request(purge_request.pk) == "failed"
    purge_request.refresh_from_db()
    assert purge_request.status != Status.COMPLETED
    assert purge_request.error_class == "SecretUnreadable"
    settings.LMS_ENCRYPTION_KEYS = keys
    PurgeRequest.objects.filter(pk=purge_request.pk).update(next_attempt_at=None)
    assert w.completed(w.run_to_end(purge_request))
    row.refresh_from_db()
    assert row.values == {"login": "[erased]"}
