#!/bin/sh
# Django writes an encoded word into an address itself: To: =?utf-8?q?j=C3=BCrgen?=@xn--bcher-kva.example
#
# RFC 2047, section 5, allows encoded words in a display name and forbids them in an address ("MUST NOT appear in any
# portion of an addr-spec"). Django's sanitize_address makes one of a local part beyond ASCII. Python's parser takes it
# all the same; programs that keep to the RFC show and log the encoded form as the user name.
#
# Why it matters here: bounces and mail logs quote this form. Whoever searches them for jürgen@bücher.example has to
# decode an encoded word that is only a part of the address, and to know both forms of the domain.
#
# Fails if Django writes something else one day: then that has to be found.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "Django==5.2.19"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import django
from django.conf import settings
from django.core.mail import EmailMessage

settings.configure(DEFAULT_CHARSET="utf-8", USE_I18N=False)
django.setup()
message = EmailMessage("Hello", "…", "lms@x.example", ["jürgen@bücher.example"]).message()
written = message["To"]
print(f"Python {sys.version.split()[0]}, Django {django.__version__}: {written}")
assert written == "=?utf-8?q?j=C3=BCrgen?=@xn--bcher-kva.example", "Django writes something else now"
PYTHON
