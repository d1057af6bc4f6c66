"""From which address somebody comes, with and without a proxy in front."""

import os
import subprocess
import sys

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse

from tests.factories.users import AdministratorFactory
from tools.environment import ROOT
from users.models import LoginEvent
from users.sign_in.client import client_address

PASSWORD = "correct horse battery"


@pytest.mark.parametrize(
    ("trusted", "remote", "forwarded", "expected"),
    [
        # Nobody is trusted: what somebody writes about themselves says nothing.
        ([], "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (["10.0.0.0/8"], "203.0.113.7", "198.51.100.1", "203.0.113.7"),
        (["10.0.0.0/8"], "10.0.0.2", "198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.2", "", "10.0.0.2"),
        # What the reader wrote stands on the left; the proxy adds on the right.
        (["10.0.0.0/8"], "10.0.0.2", "1.2.3.4, 198.51.100.1", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.2", "1.2.3.4, 198.51.100.1, 10.0.0.9", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.2", "1.2.3.4, rubbish, 10.0.0.9", "10.0.0.9"),
        (["10.0.0.2"], "10.0.0.2", "10.0.0.9", "10.0.0.9"),
        (["socket"], "", "198.51.100.1", "198.51.100.1"),
        ([], "", "198.51.100.1", None),
        (["::1"], "::1", "2001:db8::1", "2001:db8::1"),
        (["10.0.0.0/8"], "::ffff:10.0.0.2", "[2001:db8::1]:4711", "2001:db8::1"),
        (["10.0.0.0/8"], "10.0.0.2", "198.51.100.1:4711", "198.51.100.1"),
        (["10.0.0.0/8"], "10.0.0.2", "10.0.0.3", "10.0.0.3"),
    ],
)
def test_the_first_that_is_no_proxy_of_ours(settings, trusted, remote, forwarded, expected):
    settings.LMS_TRUSTED_PROXIES = trusted
    words = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert client_address(RequestFactory().get("/", REMOTE_ADDR=remote, **words)) == expected


@pytest.mark.django_db
def test_behind_a_proxy_the_readers_address_is_noted_and_counted(settings):
    settings.LMS_TRUSTED_PROXIES = ["10.0.0.0/8"]
    AdministratorFactory(email="chief@acme.example", password=PASSWORD)

    def attempt(reader, email="chief@acme.example", password="wrong"):
        client = Client(REMOTE_ADDR="10.0.0.2", HTTP_X_FORWARDED_FOR=f"9.9.9.9, {reader}")
        return client.post(reverse("admin:login"), {"username": email, "password": password}).status_code

    assert attempt("198.51.100.1", password=PASSWORD) == 302
    assert LoginEvent.objects.get().ip_address == "198.51.100.1"
    for number in range(10):
        assert attempt("203.0.113.7", f"guess{number}@acme.example") == 200
    assert attempt("203.0.113.7", password=PASSWORD) == 429
    assert attempt("198.51.100.1", password=PASSWORD) == 302


def settings_with(**environ):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    keys = {"SECRET_KEY": "0123456789" * 5, "PURGE_HASH_KEY": "9876543210" * 5}
    code = "from lms_purge import settings; print(settings.LMS_TRUSTED_PROXIES)"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**kept, **keys, **environ}, capture_output=True, text=True
    )


def test_proxies_are_a_setting_and_nonsense_is_refused():
    assert settings_with().stdout.strip() == "[]"
    assert settings_with(LMS_BEHIND_PROXY="1").stdout.strip() == "['127.0.0.0/8', '::1', 'socket']"
    said = settings_with(LMS_BEHIND_PROXY="1", LMS_TRUSTED_PROXIES="10.0.0.0/8,192.0.2.1")
    assert said.stdout.strip() == "['10.0.0.0/8', '192.0.2.1']"
    bad = settings_with(LMS_TRUSTED_PROXIES="the proxy")
    assert bad.returncode != 0
    assert "LMS_TRUSTED_PROXIES must name addresses" in bad.stderr
