#!/bin/sh
# django-storages says of every file in a bucket that does not exist: it is not there.
#
# S3Storage.exists() turns any 404 into False, and open() into FileNotFoundError. S3 answers 404 for a missing bucket too
# (NoSuchBucket), so that a misspelt or deleted bucket looks like one that is merely empty.
#
# Why it matters here: a worker with a wrong bucket would find that nobody's files are left. So absence is believed only
# where the storage's marker was read just before, and is proved by listing, which fails for a missing bucket.
#
# Fails if exists() raises one day. The store is moto's server.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "Django==5.2.19" "django-storages[s3]==1.14.6" "boto3==1.44.8" "moto[s3]==5.2.5" \
    "flask==3.1.3" "flask-cors==6.0.5"
"$folder/venv/bin/python" - <<'PYTHON'
import logging

import django
from botocore.exceptions import ClientError
from django.conf import settings
from moto.server import ThreadedMotoServer

logging.getLogger("werkzeug").setLevel("ERROR")
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
settings.configure()
django.setup()
import storages
from storages.backends.s3 import S3Storage

url = "http://%s:%s" % server.get_host_and_port()
storage = S3Storage(
    bucket_name="nobodys", endpoint_url=url, region_name="us-east-1", access_key="x", secret_key="x"
)
print(f"django-storages {storages.__version__}, Django {django.__version__}")
said = storage.exists("people/ann.png")
try:
    storage.open("people/ann.png")
except FileNotFoundError as error:
    opened = type(error).__name__
try:
    storage.connection.meta.client.list_object_versions(Bucket="nobodys")
except ClientError as error:
    listed = error.response["Error"]["Code"]
print(f"no such bucket: exists() says {said}, open() raises {opened}, a list of versions {listed}")
assert said is False, "exists() tells a missing bucket from a missing file now"
assert listed == "NoSuchBucket"
server.stop()
PYTHON
