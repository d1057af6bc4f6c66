"""Who is named without their address: by a digest of it, an ID, a login, an opaque id. Found, treated, and proved."""

import pytest
from django.test import override_settings

from connectors.models import FtpSettings, SalesforceSettings, XapiStatement
from purge import services
from purge.records import whose
from purge.upkeep import patrol
from tests.factories.connectors import ConnectorFactory, FtpSettingsFactory, SalesforceSettingsFactory
from tests.factories.learning import AwardedBadgeFactory
from tests.factories.messaging import AnnouncementFactory
from tests.factories.users import UserFactory
from tests.purge import world as w

# Digests as `printf '%s' … | sha1sum`, `md5sum` and `sha256sum` print them.
ANN_SHA1 = "9a6e28f8f3cd86af5d53d2d08722202c7d4736e3"  # mailto:ann@x.org
FORMER_SHA1 = "4dc4ffe077b1f46237b7d6d5347c814e80af6f64"  # mailto:ann.former@x.org
BOB_AS_WRITTEN = "fbf0924f0fcb314a43b1ea51f046be639e761c5a"  # mailto:BÖB@x.org
BOB_IN_SMALL_LETTERS = "232ddcc0632305ef2c4700c0b51b5235413ae747"  # mailto:böb@x.org
JOANN_SHA1 = "c0ac7c3d20e4459dec3c9af22b6de9681d6e8cf7"  # mailto:joann@x.org
ANN_MD5 = "d249273c41f89b03bc92f5bf33fa4b96"
ANN_SHA256 = "367a1e74302c7324855afeeba387d3c55ca8ab3592a32c0fbdfc939ad80fcaf5"
JOANN_MD5 = "93130be32f83e13a13dd19209b55c22e"

HOME = "https://acme.example"
ERASED = {"account": {"homePage": "https://erased.invalid/", "name": "[erased]"}}

VERB = {"id": "http://adlnet.gov/expapi/verbs/completed"}
COURSE = {"objectType": "Activity", "id": "https://acme.example/courses/7", "definition": {"name": {"en": "Safety"}}}


def statement(actor, **rest):
    return {"actor": actor, "verb": VERB, "object": COURSE, **rest}


def agent(**identifier):
    return {"objectType": "Agent", "name": "Ann Archer", **identifier}


ERASED_AGENT = {"objectType": "Agent", **ERASED}

#: A statement that no user column ties to the person → what has to be there afterwards.
NAMED = {
    "digest": (statement(agent(mbox_sha1sum=ANN_SHA1)), statement(ERASED_AGENT)),
    "digest in capitals": (statement(agent(mbox_sha1sum=ANN_SHA1.upper())), statement(ERASED_AGENT)),
    "digest of a former address": (statement(agent(mbox_sha1sum=FORMER_SHA1)), statement(ERASED_AGENT)),
    "digest of the address as it is stored": (statement(agent(mbox_sha1sum=BOB_AS_WRITTEN)), statement(ERASED_AGENT)),
    "digest in small letters": (statement(agent(mbox_sha1sum=BOB_IN_SMALL_LETTERS)), statement(ERASED_AGENT)),
    "address": (statement(agent(mbox="mailto:Ann@x.org")), statement(ERASED_AGENT)),
    "employee number as account": (
        statement(agent(account={"homePage": HOME, "name": "U-1001"})),
        statement(ERASED_AGENT),
    ),
    "login as account": (
        statement(agent(account={"homePage": f"{HOME}/users", "name": "ann-login"})),
        statement(ERASED_AGENT),
    ),
    "in a group": (
        statement(
            {
                "objectType": "Group",
                "name": "Team",
                "member": [agent(mbox_sha1sum=ANN_SHA1), {"mbox": "mailto:bo@q.example"}],
            }
        ),
        statement({"objectType": "Group", "name": "Team", "member": [ERASED_AGENT, {"mbox": "mailto:bo@q.example"}]}),
    ),
    "as instructor": (
        statement({"mbox": "mailto:bo@q.example"}, context={"instructor": agent(mbox_sha1sum=ANN_SHA1)}),
        statement({"mbox": "mailto:bo@q.example"}, context={"instructor": ERASED_AGENT}),
    ),
    "employee number as extension": (
        statement(
            {"mbox": "mailto:bo@q.example"},
            context={
                "extensions": {
                    "https://acme.example/x/employeeNumber": "u-1001",
                    "https://acme.example/x/room": "7",
                }
            },
        ),
        statement(
            {"mbox": "mailto:bo@q.example"},
            context={
                "extensions": {
                    "https://acme.example/x/employeeNumber": "[erased]",
                    "https://acme.example/x/room": "7",
                }
            },
        ),
    ),
    "Gravatar in a text": (
        statement({"mbox": "mailto:bo@q.example"}, result={"response": f"https://gravatar.com/avatar/{ANN_MD5}?s=80"}),
        statement({"mbox": "mailto:bo@q.example"}, result={"response": "https://gravatar.com/avatar/[erased]?s=80"}),
    ),
    "badge": (
        {"recipient": {"type": "email", "hashed": True, "identity": f"sha256${ANN_SHA256}", "name": "Ann"}},
        {"recipient": {"type": "email", "hashed": True, "identity": "[erased]", "name": "[erased]"}},
    ),
    "user of a directory": (
        {
            "Resources": [
                {
                    "userName": "ann-login",
                    "name": {"givenName": "Ann"},
                    "phoneNumbers": [{"value": "1"}],
                    "id": 7,
                }
            ]
        },
        {"Resources": [{"userName": "[erased]", "name": {}, "phoneNumbers": [], "id": 7}]},
    ),
}

#: Statements that name somebody else, or nobody: not a byte of them changes.
OTHERS = {
    "another's digest": statement(agent(mbox_sha1sum=JOANN_SHA1)),
    "a digest with a digit more": statement(agent(mbox_sha1sum=ANN_SHA1 + "0")),
    "an ID inside a longer one": statement(agent(account={"homePage": HOME, "name": "U-10011"})),
    "an ID of another system": statement(agent(account={"homePage": "https://elsewhere.example", "name": "U-1001"})),
    "an ID under a property of another meaning": statement(
        {"mbox": "mailto:bo@q.example"}, result={"extensions": {"https://acme.example/x/room": "U-1001"}}
    ),
    "another's ID": statement(agent(account={"homePage": HOME, "name": "U-1003"})),
    "a name beside a contact": {"name": "Safety", "contact": "bo@q.example", "gravatar": JOANN_MD5},
}


def plant(account, documents):
    return {
        name: XapiStatement.objects.create(account=account, verb="completed", statement=document)
        for name, document in documents.items()
    }


def purge(world, *people):
    request = services.purge_submit(
        acting_user=world.admin, account_id=world.acme.pk, user_ids=[person.pk for person in people]
    )
    return w.run_to_end(request)


@pytest.mark.parametrize("patrolled", [True, False], ids=["small", "large"])
def test_whoever_is_named_otherwise_leaves_and_nobody_else(cast, patrolled):
    documents = {name: before for name, (before, _after) in NAMED.items()}
    made, others = plant(cast.acme, documents), plant(cast.acme, OTHERS)
    # The IDs of one account are nobody's in another.
    elsewhere = plant(cast.alpha, {"ID": documents["employee number as account"]})
    globex = plant(cast.globex, documents)
    avatar = AnnouncementFactory(account=cast.acme, body=f"See /people/{cast.ann.public_id}/avatar.png, room U-1001.")
    with override_settings(PURGE_PATROL_AT_ONCE_ROWS=10_000_000 if patrolled else 0):
        request = purge(cast, cast.ann, cast.bob)
        assert request.status == ("completed" if patrolled else "erased")
    stored = dict(XapiStatement.objects.values_list("pk", "statement"))
    assert {name: stored[row.pk] for name, row in made.items()} == {name: after for name, (_b, after) in NAMED.items()}
    assert {name: stored[row.pk] for name, row in others.items()} == OTHERS
    assert stored[elsewhere["ID"].pk] == documents["employee number as account"]
    assert {name: stored[row.pk] for name, row in globex.items()} == documents
    avatar.refresh_from_db()
    assert avatar.body == "See /people/[erased]/avatar.png, room U-1001."
    if not patrolled:
        assert patrol.patrol_all().verdict == "clean"
        assert w.completed(request)


@pytest.mark.parametrize(
    "written",
    [
        {"actor": agent(mbox_sha1sum=ANN_SHA1)},
        {"actor": agent(account={"homePage": HOME, "name": "U-1001"})},
        {"actor": agent(account={"homePage": HOME, "name": "ann-login"})},
    ],
    ids=["digest", "employee number", "login"],
)
def test_a_purge_is_not_clean_while_such_a_statement_is_there(cast, written):
    with override_settings(PURGE_PATROL_AT_ONCE_ROWS=0):
        request = purge(cast, cast.ann)
        assert (request.status, patrol.patrol_all().verdict) == ("erased", "clean")
        assert w.completed(request)
        assert not request.identifiers.exists()
        late, other = plant(cast.acme, {"late": written}), plant(cast.acme, {"other": OTHERS["another's digest"]})
        assert [hit.table for hit in patrol.look_at(request)] == ["connectors_xapistatement"]
    request.refresh_from_db()
    assert request.status == "residue"
    places = set(request.residues.values_list("table", "column", "row"))
    assert places == {("connectors_xapistatement", "statement", str(late["late"].pk))}
    assert patrol.take_out(request) == 1
    late["late"].refresh_from_db()
    assert late["late"].statement == {"actor": ERASED_AGENT}
    other["other"].refresh_from_db()
    assert other["other"].statement == OTHERS["another's digest"]
    patrol.patrol_all()
    assert w.completed(request)


def test_such_a_statement_that_comes_before_the_first_pass_is_made_anonymous_by_it(cast):
    with override_settings(PURGE_PATROL_AT_ONCE_ROWS=0):
        request = purge(cast, cast.ann)
        assert request.status == "erased"
        late = plant(cast.acme, {name: NAMED[name][0] for name in ("digest", "employee number as account")})
        other = plant(cast.acme, {"other": OTHERS["another's digest"]})
        assert patrol.patrol_all().verdict == "clean"
    assert w.completed(request)
    stored = dict(XapiStatement.objects.values_list("pk", "statement"))
    assert {name: stored[row.pk] for name, row in late.items()} == {name: NAMED[name][1] for name in late}
    assert stored[other["other"].pk] == OTHERS["another's digest"]


def test_who_has_the_id_or_address_again_keeps_what_names_them(cast):
    with override_settings(PURGE_PATROL_AT_ONCE_ROWS=0):
        request = purge(cast, cast.ann)
        assert request.status == "erased"
        UserFactory(account=cast.acme, email=w.ANN, unique_user_id="U-1001")
        theirs = plant(cast.acme, {name: NAMED[name][0] for name in ("digest", "employee number as account")})
        assert patrol.patrol_all().verdict == "clean"
        assert w.completed(request)
    stored = dict(XapiStatement.objects.values_list("pk", "statement"))
    assert {name: stored[row.pk] for name, row in theirs.items()} == {name: NAMED[name][0] for name in theirs}


#: A login that is no address as one is found in texts, and is not this one.
ODD_LOGINS = {
    "acct:ann@corp": "acct:ann2@corp",
    "i:0#.f|membership|ann.b@corp.example": "i:0#.f|membership|joann.b@corp.example",
    "Ann B@corp": "Joann B@corp",
    "ann.b@corp@x": "ann.b@corp@y",
    "CORP\\ann@b": "CORP\\ann@c",
    "ann(b)@corp.example": "joann(b)@corp.example",
}


@pytest.mark.parametrize(("login", "another"), ODD_LOGINS.items(), ids=ODD_LOGINS)
def test_a_login_is_compared_whole_whatever_it_looks_like(cast, login, another):
    person = UserFactory(account=cast.acme, adobe_id=login, deleted_at=cast.ann.deleted_at)
    mine, other = (
        FtpSettingsFactory(connector=ConnectorFactory(account=cast.acme, state="enabled"), user_name=name)
        for name in (login, another)
    )
    assert w.completed(purge(cast, person))
    for row in (mine, other):
        row.refresh_from_db()
        row.connector.refresh_from_db()
    assert (mine.user_name, mine.connector.state) == ("", "disabled")
    assert (other.user_name, other.connector.state) == (another, "enabled")


def test_a_unique_user_id_is_taken_out_of_columns_for_logins(cast):
    cast.bob.unique_user_id = "7"
    cast.bob.save()
    whole, short, part = (
        FtpSettingsFactory(connector=ConnectorFactory(account=cast.acme, state="enabled"), user_name=name)
        for name in ("U-1001", "7", "U-1001x")
    )
    named, number = (
        SalesforceSettingsFactory(connector=ConnectorFactory(account=cast.acme, state="enabled"), filter_value=text)
        for text in ("manager eq 'u-1001'", "level > 7")
    )
    assert w.completed(purge(cast, cast.ann, cast.bob))
    assert dict(FtpSettings.objects.filter(pk__in=[whole.pk, short.pk, part.pk]).values_list("pk", "user_name")) == {
        whole.pk: "",
        short.pk: "",
        part.pk: "U-1001x",
    }
    left = dict(SalesforceSettings.objects.filter(pk__in=[named.pk, number.pk]).values_list("pk", "filter_value"))
    assert left == {named.pk: "", number.pk: "level > 7"}


# `printf '%s' ann@x.orgdeadsea | sha256sum`, and the others likewise.
SALTED = "05a092507758c73e7dffa7318501ae2e41037c7caed82a75b8466f7224bead88"
SALTED_MD5 = "bfb35cd6a8981652dbd1cdfa7de67461"
JOANN_SALTED = "ac18dbbaa951881095c0003717280978d1959da06d9b450677fb590f660594ae"


def recipient(digest, salt, **rest):
    return {"recipient": {"type": "email", "hashed": True, "salt": salt, "identity": digest, **rest}}


def test_salted_digests_in_badges_go_while_the_address_is_known(cast):
    """Open Badges 2.0 and 3.0, in a document and in a text; those of others stay, with their names."""
    made = plant(
        cast.acme,
        {
            "2.0": recipient(f"sha256${SALTED}", "deadsea", name="Ann"),
            "MD5": {"badges": [recipient(f"md5${SALTED_MD5.upper()}", "kosher")]},
            "3.0": {"identifier": {"type": "IdentityObject", "identityHash": f"sha256${SALTED}", "salt": "deadsea"}},
        },
    )
    others = plant(
        cast.acme,
        {
            "another's": recipient(f"sha256${JOANN_SALTED}", "deadsea", name="Jo"),
            "another salt": recipient(f"sha256${SALTED}", "kosher", name="Jo"),
            "no salt": {"recipient": {"identity": f"sha256${SALTED}", "name": "Jo"}},
        },
    )
    before = {name: row.statement for name, row in others.items()}
    text = '{"issuedOn": "2026-01-31",\n "recipient": {"salt":"deadsea","identity":"sha256$%s"}}'
    badge = AwardedBadgeFactory(user=cast.witness, evidence=text % SALTED)
    theirs = AwardedBadgeFactory(user=cast.witness, evidence=text % JOANN_SALTED)
    assert purge(cast, cast.ann).status == "completed"
    stored = dict(XapiStatement.objects.values_list("pk", "statement"))
    assert {name: stored[row.pk] for name, row in made.items()} == {
        "2.0": recipient("[erased]", "deadsea", name="[erased]"),
        "MD5": {"badges": [recipient("[erased]", "kosher")]},
        "3.0": {"identifier": {"type": "IdentityObject", "identityHash": "[erased]", "salt": "deadsea"}},
    }
    assert {name: stored[row.pk] for name, row in others.items()} == before
    badge.refresh_from_db()
    theirs.refresh_from_db()
    assert badge.evidence == (text % SALTED).replace(f"sha256${SALTED}", "[erased]")
    assert theirs.evidence == text % JOANN_SALTED


# `printf '%sdeadsea' 'Zoë.Quist@Example.ORG' | sha256sum`; with the domain in small letters; all in small letters; and
# of ZoE.Quist@example.org.
ZOE_SALTED = (
    "254841e74911b112a248eae2979ac11a29b5b141dfbd53079351a658dd4965a3",
    "615e96e5f6fc179cb9fa187e8cfdce7e44f426577904aaea18bf3bca747b95ce",
    "1a3e88d9b0379cd4022e79142b7ab496a49966739539562e96490f3a10585837",
    "251b30ba43e30d77c2b177309341abd6911b9d472a32ee8a682deb10c252cbde",
)
# `printf %s … | sha1sum` of mailto:Zoë.Quist@Example.ORG and mailto:zoë.QUIST@example.org.
ZOE_SHA1 = ("0a398b913bbe7aff675008aad89bd6e798616889", "d8c3ee189b4b65fe4a0e13866be78f7b2f490f80")


@pytest.mark.parametrize("treated", [True, False], ids=["treated", "proved"])
def test_digests_of_an_address_as_each_of_the_people_has_it_stored(cast, monkeypatch, treated):
    """Two rows of one mailbox, each in a writing of its own: plain digests of both, salted ones of every case."""
    person = UserFactory(account=cast.acme, email="Zoë.Quist@Example.ORG", deleted_at=cast.ann.deleted_at)
    UserFactory(account=cast.alpha, email="zoë.QUIST@example.org")
    documents = {digest: recipient(f"sha256${digest}", "deadsea") for digest in ZOE_SALTED}
    made = plant(cast.acme, documents | {digest: statement(agent(mbox_sha1sum=digest)) for digest in ZOE_SHA1})
    if not treated:
        monkeypatch.setattr(whose, "is_salted", lambda *_args: False)
    request = purge(cast, person)
    stored = dict(XapiStatement.objects.values_list("pk", "statement"))
    left = {digest: stored[row.pk] for digest, row in made.items()}
    assert [left[digest] for digest in ZOE_SHA1] == [statement(ERASED_AGENT)] * 2
    assert left[ZOE_SALTED[3]] == recipient(f"sha256${ZOE_SALTED[3]}", "deadsea")
    if treated:
        assert request.status == "completed"
        assert [left[digest] for digest in ZOE_SALTED[:3]] == [recipient("[erased]", "deadsea")] * 3
    else:
        assert request.status == "residue"
        assert set(request.residues.values_list("row", flat=True)) == {str(made[each].pk) for each in ZOE_SALTED[:3]}


def test_a_salted_digest_is_told_by_the_proof_without_the_treatment(cast, monkeypatch):
    badge = plant(cast.acme, {"2.0": recipient(f"sha256${SALTED}", "deadsea")})["2.0"]
    monkeypatch.setattr(whose, "is_salted", lambda *_args: False)
    request = purge(cast, cast.ann)
    assert request.status == "residue"
    assert list(request.residues.values_list("table", "row")) == [("connectors_xapistatement", str(badge.pk))]


def test_afterwards_nobody_can_say_whose_a_salted_digest_is(cast):
    """As the readme says under *not covered*."""
    request = purge(cast, cast.ann)
    late = recipient(f"sha256${SALTED}", "deadsea")
    plant(cast.acme, {"late": late, "unsalted": {"recipient": {"identity": f"sha256${ANN_SHA256}"}}})
    assert [hit.key for hit in patrol.look_at(request)] == [ANN_SHA256]
