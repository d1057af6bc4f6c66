"""Addresses that systems have put into others: in each of their patterns, and in nothing that looks like one."""

from purge import services
from purge.addresses import cannot_mention, emails_in, redact
from tests.factories.connectors import ConnectorFactory, FtpSettingsFactory, SalesforceSettingsFactory
from tests.factories.messaging import AnnouncementFactory
from tests.factories.users import UserFactory
from tests.purge import world as w

ANN = "ann.b@x-y.example"
#: As the systems write them → what is left.
EMBEDDED = {
    "list-bounces+ann.b=x-y.example@lists.example": "list-bounces+[erased]@lists.example",
    "bounces+123-9f2e-ann.b=x-y.example@em.example": "bounces+123-9f2e-[erased]@em.example",
    "list-return-77-Ann.B=x-y.example@lists.example": "list-return-77-[erased]@lists.example",
    "SRS0=Hx7Q=TT=x-y.example=ann.b@relay.example": "SRS0=Hx7Q=TT=[erased]@relay.example",
    "SRS1=H=r1.example==Hx=TT=x-y.example=ann.b@r2.example": "SRS1=H=r1.example==Hx=TT=[erased]@r2.example",
    "ann.b_x-y.example#EXT#@contoso.onmicrosoft.com": "[erased]#EXT#@contoso.onmicrosoft.com",
    "ann.b_x-y.example%23EXT%23%40contoso.onmicrosoft.com": "[erased]%23EXT%23%40contoso.onmicrosoft.com",
    "ann.b=x-y.example@example.com": "[erased]@example.com",
    "ann.b@x-y.example.uat": "[erased].uat",
    "ann.b@x-y.example.invalid": "[erased].invalid",
    "ann.b@x-y.example.dev2": "[erased].dev2",
    "ann.b@x-y.example.1732838400": "[erased].1732838400",
}
#: Somebody else's, or nobody's.
TWINS = (
    "list-bounces+joann.b=x-y.example@lists.example",
    "bounces+123-9f2e-jo-ann.b=x-y.example@em.example",
    "SRS0=Hx7Q=TT=x-y.example=joann.b@relay.example",
    "SRS0=Hx7Q=TT=y.example=ann.b@relay.example",
    "joann.b_x-y.example#EXT#@contoso.onmicrosoft.com",
    "ann.b_x-y.example@contoso.onmicrosoft.com",
    "ann.b=x-y.example.au@example.com",
    "ann.b@x-y.example.au",
    "ann.b@x-y.example.dev",
    "jo.ann.b@x-y.example.uat",
)


def test_each_pattern_is_found_and_what_only_looks_like_it_is_not():
    assert {text: redact(text, {ANN}) for text in EMBEDDED} == EMBEDDED
    assert {text for text in EMBEDDED if cannot_mention(text, frozenset({ANN}))} == set()
    assert {text for text in TWINS if ANN in emails_in(text)} == set()


def test_connectors_named_after_somebody_stop_and_texts_lose_them(cast):
    person = UserFactory(account=cast.acme, email=ANN, deleted_at=cast.ann.deleted_at)

    def signed_in_as(name):
        return FtpSettingsFactory(connector=ConnectorFactory(account=cast.acme, state="enabled"), user_name=name)

    mine = {text: signed_in_as(text) for text in EMBEDDED if "%" not in text}
    others = {text: signed_in_as(text) for text in TWINS}
    filtered = SalesforceSettingsFactory(
        connector=ConnectorFactory(account=cast.acme, state="enabled"),
        filter_value="Username = 'ann.b@x-y.example.uat'",
    )
    # The longer address is a user's of the account: it stays, in every place.
    longer = "ann.b@x-y.example.sbx"
    UserFactory(account=cast.acme, email=longer)
    kept = signed_in_as(longer)
    texts = {
        text: AnnouncementFactory(account=cast.acme, body=f"Bounce of {text}: ask") for text in (*EMBEDDED, longer)
    }
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[person.pk])
    assert w.completed(w.run_to_end(request))

    def now(row):
        row.refresh_from_db()
        row.connector.refresh_from_db()
        return row.user_name, row.connector.state

    assert {text: now(row) for text, row in mine.items()} == dict.fromkeys(mine, ("", "disabled"))
    assert {text: now(row) for text, row in others.items()} == {text: (text, "enabled") for text in TWINS}
    assert now(kept) == (longer, "enabled")
    filtered.refresh_from_db()
    assert filtered.filter_value == ""
    for text, row in texts.items():
        row.refresh_from_db()
        assert row.body == f"Bounce of {EMBEDDED.get(text, text)}: ask"
