"""What stands beside an address and is its person's goes with it: in headers, calendars, cards and lists."""

from hashlib import sha256

import pytest

from purge import services
from purge.addresses import list_without
from tests.factories.connectors import XapiStatementFactory
from tests.factories.messaging import AnnouncementFactory
from tests.purge import world as w

CALENDAR = (
    "BEGIN:VEVENT\r\nORGANIZER;CN=Bo Baker:mailto:bo@q.example\r\n"
    'ATTENDEE;ROLE=REQ-PARTICIPANT;CN="Archer, Ann";RSVP=TRUE:mailto:ann@x.org\r\nEND:VEVENT\r\n'
)
FOLDED = (
    "BEGIN:VEVENT\r\nATTENDEE;CN=Ann Archer;PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT:mailto:ann@x.o\r\n rg\r\nEND:VEVENT"
)
CARD = (
    "BEGIN:VCARD\nVERSION:3.0\nFN:Ann Archer\nN:Archer;Ann;;;\nitem1.TEL;TYPE=cell:+49 170 1234567\nORG:Acme\n"
    "EMAIL;TYPE=work:ann@x.org\nEND:VCARD\nBEGIN:VCARD\nVERSION:3.0\nFN:Bo Baker\nEMAIL:bo@q.example\n"
    "NOTE:ask ann@x.org\nEND:VCARD\n"
)

#: What is stored → what has to be left.
TEXTS = {
    'Ask "Ann Archer" <ann@x.org> or "Bo" <bo@q.example>.': 'Ask <[erased]> or "Bo" <bo@q.example>.',
    "From: Ann Archer <ann@x.org>\nTo: Bo Baker <bo@q.example>,\n Ann A <ann@x.org>": (
        "From: <[erased]>\nTo: Bo Baker <bo@q.example>,\n <[erased]>"
    ),
    "Cc: =?utf-8?q?Ann_Archer?= <ann@x.org>": "Cc: <[erased]>",
    "From: ann@x.org (Ann Archer)\nTo: bo@q.example (Bo)": "From: [erased]\nTo: bo@q.example (Bo)",
    "Mend it\n\nSigned-off-by: Ann Archer <ann@x.org>": "Mend it\n\nSigned-off-by: <[erased]>",
    '{"from": "Ann Archer <ann@x.org>", "to": ["Bo <bo@q.example>", "Ann <ann@x.org>"], "n": "Ann <ann@x.org>"}': (
        '{"from": "<[erased]>", "to": ["Bo <bo@q.example>", "<[erased]>"], "n": "Ann <[erased]>"}'
    ),
    # Who stands for an attendee, or for whom the attendee stands, is not called what the attendee is.
    'ATTENDEE;CN=Bo Baker;SENT-BY="mailto:ann@x.org":mailto:bo@q.example': (
        'ATTENDEE;CN=Bo Baker;SENT-BY="mailto:[erased]":mailto:bo@q.example'
    ),
    'ATTENDEE;DELEGATED-FROM="mailto:bo@q.example","mailto:ann@x.org";CN="Cy Cole":mailto:cy@q.example': (
        'ATTENDEE;DELEGATED-FROM="mailto:bo@q.example","mailto:[erased]";CN="Cy Cole":mailto:cy@q.example'
    ),
    'ATTENDEE;CN=Ann Archer;EMAIL=ann@x.org;SENT-BY="mailto:bo@q.example":urn:uuid:12': (
        'ATTENDEE;CN=[erased];EMAIL=[erased];SENT-BY="mailto:bo@q.example":urn:uuid:12'
    ),
    'BEGIN:VCARD\nVERSION:4.0\nN;SORT-AS="Archer,Ann":Archer;Ann;;;\nSORT-STRING:Archer\nEMAIL:ann@x.org\nEND:VCARD': (
        "BEGIN:VCARD\nVERSION:4.0\nN;SORT-AS=[erased]:[erased]\nSORT-STRING:[gone]\nEMAIL:[erased]\nEND:VCARD"
    ),
    CALENDAR: (
        "BEGIN:VEVENT\r\nORGANIZER;CN=Bo Baker:mailto:bo@q.example\r\n"
        'ATTENDEE;ROLE=REQ-PARTICIPANT;CN="[erased]";RSVP=TRUE:mailto:[erased]\r\nEND:VEVENT\r\n'
    ),
    FOLDED: (
        "BEGIN:VEVENT\r\nATTENDEE;CN=[erased];PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT:mailto:[erased]\r\nEND:VEVENT"
    ),
    CARD: (
        "BEGIN:VCARD\nVERSION:3.0\nFN:[erased]\nN:[erased]\nitem1.TEL;TYPE=cell:[erased]\nORG:Acme\n"
        "EMAIL;TYPE=work:[erased]\nEND:VCARD\nBEGIN:VCARD\nVERSION:3.0\nFN:Bo Baker\nEMAIL:bo@q.example\n"
        "NOTE:ask [erased]\nEND:VCARD\n"
    ),
    # The address as it stands, and folded, in one text.
    f"Invited by ann@x.org:\r\n{FOLDED}": (
        "Invited by [erased]:\r\nBEGIN:VEVENT\r\nATTENDEE;CN=[erased];PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT:mailto:"
        "[erased]\r\nEND:VEVENT"
    ),
    # A table as a spreadsheet or an export writes it: its headings say whose row it is.
    'Here:\nName;Email;Unique User ID;Points\n"Archer, Ann";ann@x.org;U-1001;7\nBo Baker;bo@q.example;U-1002;7\n': (
        'Here:\nName;Email;Unique User ID;Points\n"[erased]";[erased];[gone];7\nBo Baker;bo@q.example;U-1002;7\n'
    ),
    "First Name,Last Name,E-Mail\r\nBo,Baker,bo@q.example\r\nAnn,Archer,mailto:ann@x.org\r\n\r\nAnn,Archer,x": (
        "First Name,Last Name,E-Mail\r\nBo,Baker,bo@q.example\r\n[…],[gone],mailto:[erased]\r\n\r\nAnn,Archer,x"
    ),
    "Prénom\tNom\tCourriel\nAnn\tArcher\tann@x.org": "Prénom\tNom\tCourriel\n[…]\t[gone]\t[erased]",
    '"Email","Name"\n"ann@x.org","Archer ""Ace"" Ann,\nroom 5"\n"bo@q.example","Bo"': (
        '"Email","Name"\n"[erased]","[erased]"\n"bo@q.example","Bo"'
    ),
    # Whose row it is, nobody can say: it may be Bo's, whose manager Ann is.
    "Bo Baker;ann@x.org;U-1002\nCy Cole;ann@x.org;U-1003": "Bo Baker;[erased];U-1002\nCy Cole;[erased];U-1003",
    "Name;Manager Email;Email\nBo Baker;ann@x.org;bo@q.example": (
        "Name;Manager Email;Email\nBo Baker;[erased];bo@q.example"
    ),
    "Name;Email;Login\nBo Baker;bo@q.example;ann@x.org": "Name;Email;Login\nBo Baker;bo@q.example;[erased]",
    # JSON, whole or among other words; what is not about the person stays as it is written.
    '{"name": "Ann Archer",  "email": "Ann Archer <ann@x.org>", "room": 7}': (
        '{"name": "[erased]",  "email": "[erased]", "room": 7}'
    ),
    '500 for [{"name":{"givenName":"Ann"},"mail":"ann@x.org","employeeNumber":1001},{"name":"Bo","mail":"bo@x.org"}]': (
        '500 for [{"name":{},"mail":"[erased]","employeeNumber":null},{"name":"Bo","mail":"bo@x.org"}]'
    ),
    'at {x: {"user": {"displayName": "Ann \\"Ace\\" Archer", "email": "ann@x.org"}, "title": "Dr"}': (
        'at {x: {"user": {"displayName": "[erased]", "email": "[erased]"}, "title": "Dr"}'
    ),
    '{"name": "Safety", "contact": "ann@x.org"}': '{"name": "Safety", "contact": "[erased]"}',
    # Typed into a sentence: nobody can say where the name begins.
    "Please ask Ann Archer <ann@x.org> today": "Please ask Ann Archer <[erased]> today",
}
#: Not a letter of them changes.
OTHERS = (
    'Ask "Ann Archer" <joann@x.org> instead.',
    "From: Ann Archer <ann@x.org.au>",
    CALENDAR.replace("ann@x.org", "ann+x@x.org"),
    CARD.replace("ann@x.org", "jo.ann@x.org"),
    "Name;Email\nAnn Archer;joann@x.org\nAnn Archer;ann@x.org.au",
    '{"name": "Ann Archer", "email": "joann@x.org"}',
)


def test_names_leave_with_their_address_and_nobody_elses(cast):
    made = {text: AnnouncementFactory(account=cast.acme, body=text) for text in (*TEXTS, *OTHERS)}
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(request))
    left = {}
    for text, row in made.items():
        row.refresh_from_db()
        left[text] = row.body
    assert left == TEXTS | {text: text for text in OTHERS}


def test_a_string_in_json_is_a_text_like_any_other(cast):
    strings = list(TEXTS)
    table = next(text for text in strings if text.startswith("Here:"))
    stored = {"strings": [*strings, *OTHERS], '"Ann Archer" <ann@x.org>': 3, "table": {"csv": table, "n": 7}}
    row = XapiStatementFactory(account=cast.acme, user=None, statement=stored)
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(request))
    row.refresh_from_db()
    assert row.statement == {
        "strings": [*TEXTS.values(), *OTHERS],
        "<[erased]>": 3,
        "table": {"csv": TEXTS[table], "n": 7},
    }


#: What JSON holds → what has to be left.
DOCUMENTS = {
    "header": (
        {"from": "Ann Archer <ann@x.org>", "cc": ["Bo <bo@q.example>", "Ann <ann@x.org>", 7], "subject": "Ann"},
        {"from": "<[erased]>", "cc": ["Bo <bo@q.example>", "<[erased]>", 7], "subject": "Ann"},
    ),
    "directory": (
        {"mail": ["ann@x.org"], "cn": ["Ann Archer"], "objectClass": ["person"]},
        {"mail": [], "cn": [], "objectClass": ["person"]},
    ),
    "a name and an address": (
        {"email": "Ann Archer <ann@x.org>", "displayName": "Ann"},
        {"email": "[erased]", "displayName": "[erased]"},
    ),
    "several people": (
        {"mail": ["ann@x.org", "bo@q.example"], "name": "Team"},
        {"mail": ["[erased]", "bo@q.example"], "name": "Team"},
    ),
    "somebody else": (
        {"email": "Jo <joann@x.org>", "name": "Jo", "from": "Ann Archer <joann@x.org>"},
        {"email": "Jo <joann@x.org>", "name": "Jo", "from": "Ann Archer <joann@x.org>"},
    ),
}


def test_in_json_they_leave_by_what_its_properties_are_called(cast):
    made = {
        name: XapiStatementFactory(account=cast.acme, user=None, statement=stored)
        for name, (stored, _left) in DOCUMENTS.items()
    }
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(request))
    for row in made.values():
        row.refresh_from_db()
    assert {name: row.statement for name, row in made.items()} == {name: left for name, (_, left) in DOCUMENTS.items()}


def test_a_badge_in_a_string_leaves_with_its_salt_beside_it(cast):
    digest = sha256(b"ann@x.orgpepper").hexdigest()
    badge = f'{{"recipient": {{"identity": "sha256${digest}", "salt": "pepper", "hashed": true}}}}'
    row = XapiStatementFactory(account=cast.acme, user=None, statement={"badges": [badge, f"got {badge}"]})
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(request))
    row.refresh_from_db()
    left = '{"recipient": {"identity": "[erased]", "salt": "pepper", "hashed": true}}'
    assert row.statement == {"badges": [left, f"got {left}"]}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"Archer, Ann" <ann@x.org>; "Baker, Bob" <bob@q.org>', '"Baker, Bob" <bob@q.org>'),
        ('"Baker, Bob" <bob@q.org>, "Archer, Ann" <ann@x.org>', '"Baker, Bob" <bob@q.org>'),
        ("Archer, Ann <ann@x.org>; Baker, Bob <bob@q.org>", "Baker, Bob <bob@q.org>"),
        ("Baker, Bob <bob@q.org>; Archer, Ann <ann@x.org>", "Baker, Bob <bob@q.org>"),
        ('"Archer; Ann" <ann@x.org>, bob@q.org', "bob@q.org"),
        ("ann@x.org, bob@q.org; cy@q.org", "bob@q.org; cy@q.org"),
        ('12" screen <bob@q.org>; ann@x.org', '12" screen <bob@q.org>'),
        ("ann_x.org%23EXT%23%40contoso.onmicrosoft.com; bob@q.org", "bob@q.org"),
        ('"Archer, Ann" <joann@x.org>; bob@q.org', '"Archer, Ann" <joann@x.org>; bob@q.org'),
    ],
)
def test_an_entry_of_a_list_leaves_whole(before, after):
    assert list_without(before, {"ann@x.org"}) == after
