#!/bin/sh
# Mail that Django is given for straße.example goes to strasse.example.
#
# Django makes the ASCII form of a recipient's domain with Python's codec "idna", which is IDNA 2003 and folds ß into
# ss. Since IDNA 2008 (RFC 5891, 2010) the two are different domains, which can have different owners: the registry of
# .de hands them out apart. So a mail to x@straße.example is delivered to whoever has strasse.example, without an error.
#
# Why it matters here: a welcome mail, or the notification of a purge, would go to a stranger. Whoever sends mail makes
# the A-label of IDNA 2008 first and gives Django that, which it leaves as it is.
#
# Fails if Django, or Python's codec, does otherwise one day: then it is needed no longer.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "Django==5.2.19" "idna==3.20"
"$folder/venv/bin/python" - <<'PYTHON'
import sys

import django
import idna
from django.core.mail.backends.smtp import EmailBackend  # noqa: F401 - the module that uses it
from django.core.mail.message import sanitize_address

print(f"Python {sys.version.split()[0]}, Django {django.__version__}, idna {idna.__version__}")
sent_to = sanitize_address("x@straße.example", "utf-8")
right = idna.encode("straße.example").decode()
print(f"x@straße.example is sent to {sent_to}; its domain is {right}")
assert sent_to == "x@strasse.example", "Django sends it elsewhere now"
assert right == "xn--strae-oqa.example"
kept = sanitize_address(f"x@{right}", "utf-8")
print(f"x@{right} is sent to {kept}")
assert kept == f"x@{right}", "Django changes an A-label"
PYTHON
