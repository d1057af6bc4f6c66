"""Against a certified provider (npm's oidc-provider), on loopback: discovery, PKCE, keys, claims as they really are."""

import re
import shutil
import subprocess
from contextlib import contextmanager
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import parse_qsl, urljoin, urlsplit

import pytest
import requests
from django.test import Client

from tests.factories.users import AccountFactory, AdministratorFactory
from users.models import IdentityProvider

#: What a provider says does not depend on the database; in a browser it is asked again.
pytestmark = [pytest.mark.django_db, pytest.mark.sqlite]
HERE = Path(__file__).parent / "real"
PUBLIC_ID = "a" * 32
CALLBACK = f"http://localhost:8000/admin/login/at/{PUBLIC_ID}/back/"


@contextmanager
def real_provider(folder, callback):
    """The provider's address. Without node, or where npm reaches no registry, the test says so and is left out."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        pytest.skip("NOT TESTED against a real identity provider: there is no node and npm here")
    for name in ("package.json", "provider.mjs"):
        shutil.copy(HERE / name, folder)
    install = [npm, "install", "--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
    if subprocess.run(install, cwd=folder, check=False, timeout=180).returncode:
        pytest.skip("NOT TESTED against a real identity provider: npm could not install oidc-provider")
    with subprocess.Popen(
        [node, "provider.mjs", callback], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@pytest.fixture
def issuer(tmp_path):
    with real_provider(tmp_path, CALLBACK) as address:
        yield address


def through_the_provider(url, name):
    """As a browser: sign in there as somebody, allow it, and be sent back. Returns what the callback is asked."""
    browser = requests.Session()
    for _step in range(12):
        if url.startswith(CALLBACK):
            return dict(parse_qsl(urlsplit(url).query))
        answer = browser.get(url, allow_redirects=False)
        if not answer.is_redirect:
            prompt = re.search(r'name="prompt" value="(\w+)"', answer.text)[1]
            action = re.search(r'<form[^>]* action="([^"]+)"', answer.text)[1]
            data = {"prompt": prompt, "login": name, "password": "any"}
            answer = browser.post(urljoin(url, action), data, allow_redirects=False)
        url = urljoin(url, answer.headers["Location"])
    raise AssertionError("never sent back")


def test_a_real_provider_signs_in_its_accounts_people_alone(issuer, settings):
    settings.LMS_PROVIDER_NETWORKS = [ip_network("127.0.0.0/8")]
    acme = AccountFactory(name="Acme", subdomain="acme")
    ann = AdministratorFactory(account=acme, email="ann@acme.example")
    AdministratorFactory(account=AccountFactory(name="Globex"), email="chief@globex.example")
    row = IdentityProvider.objects.create(
        account=acme, public_id=PUBLIC_ID, name="Acme ID", server_url=issuer, client_id="lms", secret="very secret"
    )
    for name in ("chief", "unseen", "ann"):
        client = Client()
        there = client.get(f"/admin/login/at/{PUBLIC_ID}/")
        assert there.url.startswith(f"{issuer}/auth?"), name
        back = client.get(f"/admin/login/at/{PUBLIC_ID}/back/", through_the_provider(there.url, name))
        signed_in = client.get("/admin/").status_code == 200
        assert (back.url, signed_in) == (("/admin/", True) if name == "ann" else ("/admin/login/", False)), name
    assert int(client.session["_auth_user_id"]) == ann.pk
    # With another secret the provider gives nothing away.
    IdentityProvider.objects.filter(pk=row.pk).update(secret="another")
    client = Client()
    there = client.get(f"/admin/login/at/{PUBLIC_ID}/")
    back = client.get(f"/admin/login/at/{PUBLIC_ID}/back/", through_the_provider(there.url, "ann"))
    assert back.url == "/admin/login/"
    # Where its network is not named, it is not asked at all.
    settings.LMS_PROVIDER_NETWORKS = []
    assert client.get(f"/admin/login/at/{PUBLIC_ID}/").url == "/admin/login/"
