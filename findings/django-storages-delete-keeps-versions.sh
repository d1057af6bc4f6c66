#!/bin/sh
# A file that django-storages has deleted from a versioned bucket can still be read, as can everything it overwrote.
#
# S3Storage.delete() asks S3 to delete a key without naming a version. In a bucket that keeps versions this lays a marker
# over it: exists() says False, and every earlier content stays, for everybody with the right to read versions. save() to
# a name that exists writes a new version over the old one, unless file_overwrite is False.
#
# Why it matters here: erasing somebody's picture by storage.delete() and looking by storage.exists() would prove an
# absence that is none. Versions and markers have to be listed and deleted by number.
#
# Fails if django-storages deletes the versions one day: then its delete() would do. The store is moto's server.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet "Django==5.2.19" "django-storages[s3]==1.14.6" "boto3==1.44.8" "moto[s3]==5.2.5" \
    "flask==3.1.3" "flask-cors==6.0.5"
"$folder/venv/bin/python" - <<'PYTHON'
import logging

import django
from django.conf import settings
from django.core.files.base import ContentFile
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
    bucket_name="people", endpoint_url=url, region_name="us-east-1", access_key="x", secret_key="x"
)
client = storage.connection.meta.client
client.create_bucket(Bucket="people")
client.put_bucket_versioning(Bucket="people", VersioningConfiguration={"Status": "Enabled"})
print(f"django-storages {storages.__version__}, Django {django.__version__}")
for content in (b"ann@x.org, first", b"ann@x.org, second"):
    storage.save("letter", ContentFile(content))
storage.delete("letter")
assert not storage.exists("letter")
left = client.list_object_versions(Bucket="people")
read = [
    client.get_object(Bucket="people", Key=each["Key"], VersionId=each["VersionId"])["Body"].read()
    for each in left.get("Versions", ())
]
print(f"deleted, exists() is False, and {len(read)} versions are read: {sorted(read)}; {len(left['DeleteMarkers'])} marker")
assert sorted(read) == [b"ann@x.org, first", b"ann@x.org, second"], "delete() takes the versions now"
server.stop()
PYTHON
