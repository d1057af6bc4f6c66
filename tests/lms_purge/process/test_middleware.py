import pytest
from django.conf import settings
from django.http import HttpResponse
from django.test import RequestFactory

from lms_purge.process.middleware import ContentSecurityPolicy


def test_every_page_forbids_inline_code_and_other_hosts(client, db):
    response = client.get("/")
    assert response.status_code == 302
    assert response["Location"] == "/admin/"
    policy = dict(part.strip().split(" ", 1) for part in response["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert policy["object-src"] == "'none'"
    assert "unsafe" not in response["Content-Security-Policy"]
    assert response["Referrer-Policy"] == "same-origin"


def test_a_page_that_needs_a_policy_of_its_own_keeps_it():
    own = HttpResponse(headers={"Content-Security-Policy": "default-src 'none'"})
    response = ContentSecurityPolicy(lambda request: own)(RequestFactory().get("/"))
    assert response["Content-Security-Policy"] == "default-src 'none'"


@pytest.mark.parametrize("app", ["django.contrib.sessions"])
def test_sessions_are_our_own(app):
    assert app not in settings.INSTALLED_APPS
    assert settings.SESSION_ENGINE == "users.sessions"
