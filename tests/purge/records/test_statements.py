"""A whole export of a record store, purged, is one that a record store takes."""

import json
from uuid import UUID

from connectors.models import XapiStatement
from purge import services
from tests.purge import world as w
from tests.purge.records.xapi import faults

ANN_SHA1 = "9a6e28f8f3cd86af5d53d2d08722202c7d4736e3"  # printf mailto:ann@x.org | sha1sum
HOME = "https://acme.example"
AGENT = {"objectType": "Agent", "name": "Ann Archer"}
#: Ann, in each way in which an agent can be told.
ANN = (
    {**AGENT, "mbox": "mailto:ann@x.org"},
    {**AGENT, "mbox": "mailto:Ann@X.org"},
    {**AGENT, "mbox_sha1sum": ANN_SHA1},
    {**AGENT, "openid": "https://id.example/ann@x.org"},
    {**AGENT, "account": {"homePage": HOME, "name": "ann@x.org"}},
    {**AGENT, "account": {"homePage": HOME, "name": "U-1001"}},
    {**AGENT, "account": {"homePage": HOME, "name": "ann-login"}},
    {**AGENT, "account": {"homePage": "https://far.example/ann@x.org", "name": "7"}},
    {"mbox": "mailto:ann@x.org"},
)
BO = {"mbox": "mailto:bo@q.example", "name": "Bo"}
VERB = {"id": "http://adlnet.gov/expapi/verbs/completed", "display": {"en-US": "completed"}}
COURSE = {"id": f"{HOME}/courses/7", "definition": {"name": {"en": "Safety"}, "type": f"{HOME}/types/course"}}


def statement(**parts):
    return {"actor": BO, "verb": VERB, "object": COURSE, "version": "1.0.3", **parts}


def statements_about(agent):
    """The agent in every place of a statement."""
    sub = {"objectType": "SubStatement", "actor": agent, "verb": VERB, "object": COURSE}
    return [
        statement(actor=agent, id="6690e6c9-3ef0-4ed3-8b37-7f3964730bee", timestamp="2026-01-31T10:00:00Z"),
        statement(object={**agent, "objectType": "Agent"}),
        statement(object=sub),
        statement(object={**sub, "actor": BO, "object": {**agent, "objectType": "Agent"}}),
        statement(actor={"objectType": "Group", "name": "Team", "member": [agent, BO]}),
        statement(actor={**agent, "objectType": "Group", "member": [BO]}),
        statement(actor={**agent, "objectType": "Group", "name": "Ann's team"}),
        statement(authority=agent),
        statement(authority={"objectType": "Group", "member": [agent, {"account": {"homePage": HOME, "name": "7"}}]}),
        statement(context={"instructor": agent, "team": {"objectType": "Group", "member": [agent, BO]}}),
    ]


#: Where an address or ID stands beside the agents.
ELSEWHERE = [
    statement(object={"id": f"{HOME}/users/ann@x.org/plan", "definition": {"moreInfo": f"{HOME}/?who=ann%40x.org"}}),
    statement(context={"contextActivities": {"parent": [{"id": f"{HOME}/of/ann@x.org"}]}}),
    statement(context={"extensions": {f"{HOME}/x/employeeNumber": "U-1001", f"{HOME}/of/ann@x.org": 7}}),
    statement(result={"response": "as ann@x.org said", "extensions": {f"{HOME}/x": {"mbox": "mailto:ann@x.org"}}}),
    statement(verb={**VERB, "display": {"en": "asked ann@x.org"}}),
    statement(
        attachments=[
            {
                "usageType": f"{HOME}/of/ann@x.org",
                "fileUrl": f"{HOME}/f?of=ann@x.org",
                "display": {"en": "for ann@x.org"},
                "contentType": "text/plain",
                "length": 7,
                "sha2": "0" * 64,
            }
        ]
    ),
]
OTHERS = [statement(actor=BO), statement(actor={**AGENT, "mbox": "mailto:joann@x.org"}, object={"id": f"{HOME}/[7]"})]


def test_the_rules_refuse_what_the_specification_refuses():
    wrong = [
        statement(actor={"name": "Ann"}),
        statement(actor={"mbox": "mailto:[erased]"}),
        statement(actor={"mbox": "mailto:a@x.org", "openid": "https://a.example"}),
        statement(actor={"account": {"homePage": "", "name": "7"}}),
        statement(actor={"account": {"homePage": HOME, "name": "7", "id": 3}}),
        statement(object={"id": f"{HOME}/u/[erased]"}),
        statement(context={"extensions": {f"{HOME}/[erased]": 7}}),
        statement(actor={"objectType": "Group"}),
        statement(result={"response": None}),
        {"actor": BO, "verb": VERB},
    ]
    assert [each for each in wrong if not faults(each)] == []


def test_a_purged_export_is_one_that_a_record_store_takes(cast):
    about = [each for agent in ANN for each in statements_about(agent)]
    assert [found for each in (*about, *ELSEWHERE) if (found := faults(each))] == []
    rows = [
        XapiStatement(account=cast.acme, verb="completed", statement=each) for each in (*about, *ELSEWHERE, *OTHERS)
    ]
    rows.append(XapiStatement(account=cast.acme, verb="completed", statement={"statements": about, "more": ""}))
    XapiStatement.objects.bulk_create(rows)
    request = services.purge_submit(acting_user=cast.admin, account_id=cast.acme.pk, user_ids=[cast.ann.pk])
    assert w.completed(w.run_to_end(request))
    left = list(XapiStatement.objects.order_by("pk").values_list("statement", flat=True))
    assert left[-3:-1] == OTHERS
    purged = [*left[:-3], *left[-1]["statements"]]
    assert len(purged) == 2 * len(about) + len(ELSEWHERE)
    assert [found for each in purged if (found := faults(each))] == []
    text = json.dumps(purged)
    assert [word for word in ("ann@x.org", "Ann", ANN_SHA1, "U-1001", "ann-login", "%40x.org") if word in text] == []
    # How often something was done, and by whom else, is still there.
    assert text.count("mailto:bo@q.example") == json.dumps([about, about, ELSEWHERE]).count("mailto:bo@q.example")
    assert purged[0]["actor"] == {
        "objectType": "Agent",
        "account": {"homePage": "https://erased.invalid/", "name": "[erased]"},
    }
    assert UUID(purged[0]["id"]) and purged[0]["timestamp"] == "2026-01-31T10:00:00Z"
