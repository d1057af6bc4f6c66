#!/bin/sh
# Adding django-allauth to a site puts the e-mail addresses of all its users into small letters.
#
# Its migration account.0006_emailaddress_lower is about its own table, which is new and empty where the library has just
# been added; it also rewrites the column of the user model that ACCOUNT_USER_MODEL_EMAIL_FIELD names ("email" unless it
# says None), for every row, in one statement. There is no way back: how people spelt their address is lost.
#
# Why it matters here: addresses are kept and shown as they were typed, beside a key by which they are compared; and the
# part before the @ is another mailbox in other letters, where a mail server says so. So the setting says None.
#
# Fails if the migration leaves other tables alone one day: then the setting is needed no longer.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "Django==5.2.19" "django-allauth==65.22.1"
cat > "$folder/try.py" <<'PYTHON'
import sys

import allauth
import django
from django.conf import settings

field = None if "None" in sys.argv else "email"
settings.configure(
    SECRET_KEY="x" * 50,
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "allauth", "allauth.account"],
    MIDDLEWARE=["allauth.account.middleware.AccountMiddleware"],
    ACCOUNT_USER_MODEL_EMAIL_FIELD=field,
    USE_TZ=True,
)
django.setup()

from django.contrib.auth.models import User
from django.core.management import call_command

call_command("migrate", "auth", verbosity=0)
User.objects.create(username="ann", email="Ann.McCoy@X.org")
call_command("migrate", verbosity=0)
found = User.objects.get().email
print(f"Django {django.__version__}, django-allauth {allauth.__version__}, the field is {field}: {found}")
assert found == ("ann.mccoy@x.org" if field else "Ann.McCoy@X.org"), "the migration does otherwise now"
PYTHON
"$folder/venv/bin/python" "$folder/try.py"
"$folder/venv/bin/python" "$folder/try.py" None
