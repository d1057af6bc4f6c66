#!/bin/sh
# Whoever signs in by OpenID Connect has their claims written into the database again, at every sign-in.
#
# django-allauth keeps what a provider says of a person (address, name, picture) in SocialAccount.extra_data. A row that
# was emptied, as an erasure of an address that is no longer theirs may do, is filled again by the next sign-in, with no
# setting to keep it from that: SOCIALACCOUNT_STORE_TOKENS is about tokens alone. No hook stands between the look-up and
# the saving: pre_social_login comes after both.
#
# Why it matters here: what a purge has taken out of a row that stays would come back by itself, beside the columns that
# a product itself keeps. So the library's look-up is not called, and the link that is kept instead is a digest.
#
# Fails if django-allauth keeps less one day: then its own look-up may be used.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "Django==5.2.19" "django-allauth[socialaccount]==65.22.1"
"$folder/venv/bin/python" - <<'PYTHON'
import allauth
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="x" * 50,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[
        "django.contrib.auth",
        "django.contrib.contenttypes",
        "allauth",
        "allauth.account",
        "allauth.socialaccount",
        "allauth.socialaccount.providers.openid_connect",
    ],
    MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
    SOCIALACCOUNT_STORE_TOKENS=False,
    USE_TZ=True,
)
django.setup()

from allauth.core import context
from allauth.socialaccount.models import SocialAccount, SocialApp
from allauth.socialaccount.providers.openid_connect.provider import OpenIDConnectProvider
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import RequestFactory

call_command("migrate", verbosity=0)
print(f"Django {django.__version__}, django-allauth {allauth.__version__}")
user = User.objects.create(username="ann")
row = SocialAccount.objects.create(user=user, provider="acme", uid="17", extra_data={})
request = RequestFactory().get("/")
app = SocialApp(provider="openid_connect", provider_id="acme", name="Acme", settings={"server_url": "https://id.example"})
claims = {"id_token": {"sub": "17", "email": "ann@x.org", "name": "Ann Archer"}}
with context.request_context(request):
    OpenIDConnectProvider(request, app=app).sociallogin_from_response(request, claims).lookup()
row.refresh_from_db()
print(f"after the look-up of a sign-in: {row.extra_data}")
assert row.extra_data["id_token"]["email"] == "ann@x.org", "the claims are not kept any more"
PYTHON
