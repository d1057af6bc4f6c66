"""An object store on loopback: moto's server, with a stub in front of it for what moto does not do.

moto enforces locks on versions, but no policy: it does not know who asks. So the stub answers for the rights in
``denied`` as S3 does where they are missing: 403, and a deletion of many objects with 200 and an error for each. And it
makes the pages of lists short, so that whoever lists has to turn them.
"""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qs, unquote

import boto3
from botocore.config import Config
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import WSGIRequestHandler, make_server

DENIED = "<Error><Code>AccessDenied</Code><Message>Access Denied</Message></Error>"


class _Silent(WSGIRequestHandler):
    def log_request(self, *_words: Any) -> None:
        """Nothing."""


class ObjectStore:
    def __init__(self) -> None:
        self.denied: set[str] = set()
        self.page = 0
        self.asked: list[str] = []
        #: What it does with questions: answers, "hangs" without an answer, or "loses" the answer to what it has done.
        self.mood = ""
        self._end = threading.Event()
        self._app = DomainDispatcherApplication(create_backend_app)
        self.server = make_server("127.0.0.1", 0, self._answer, threaded=True, request_handler=_Silent)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.client = boto3.client(
            "s3",
            endpoint_url=self.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def comes_back(self) -> None:
        self.mood = ""
        self._end.set()
        self._end = threading.Event()

    def stop(self) -> None:
        self.comes_back()
        self.server.shutdown()
        self.server.server_close()

    def _answer(self, environ: dict[str, Any], start: Any) -> Iterable[bytes]:
        right = _right(environ)
        self.asked.append(right)
        if self.mood == "hangs":
            return self._nothing(start)
        if self.mood == "loses" and right == "s3:PutObject":
            b"".join(self._app(environ, lambda *_words: None))
            return self._nothing(start)
        if right in self.denied:
            if right == "s3:DeleteObjectVersion" and environ["REQUEST_METHOD"] == "POST":
                return _each_denied(environ, start)
            start("403 Forbidden", [("Content-Type", "application/xml")])
            return [DENIED.encode()]
        if (
            self.page
            and right in ("s3:ListBucket", "s3:ListBucketVersions")
            and "max-keys" not in environ["QUERY_STRING"]
        ):
            environ["QUERY_STRING"] += f"&max-keys={self.page}"
        return self._app(environ, start)

    def _nothing(self, start: Any) -> Iterable[bytes]:
        """Silence, until whoever asked has gone."""
        self._end.wait(20)
        start("503 Slow Down", [])
        return []


def _right(environ: dict[str, Any]) -> str:
    """Which right a question needs, of those that matter here."""
    asked = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    match environ["REQUEST_METHOD"]:
        case "GET" if "versions" in asked:
            return "s3:ListBucketVersions"
        case "GET" if "uploads" in asked:
            return "s3:ListBucketMultipartUploads"
        case "GET" if "list-type" in asked:
            return "s3:ListBucket"
        case "GET" if environ["PATH_INFO"].count("/") > 1:
            return "s3:GetObject"
        case "DELETE" if "uploadId" in asked:
            return "s3:AbortMultipartUpload"
        case "DELETE" if "versionId" in asked:
            return "s3:DeleteObjectVersion"
        case "POST" if "delete" in asked:
            return "s3:DeleteObjectVersion"
        case "PUT":
            return "s3:PutObject"
        case "POST" if "uploads" in asked:
            return "s3:PutObject"
        case "DELETE":
            return "s3:DeleteObject"
    return ""


def _each_denied(environ: dict[str, Any], start: Any) -> Iterable[bytes]:
    body = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0)).decode()
    environ["wsgi.input"] = io.BytesIO()
    errors = "".join(
        f"<Error><Key>{key}</Key><VersionId>{number}</VersionId><Code>AccessDenied</Code></Error>"
        for key, number in re.findall(r"<Key>(.*?)</Key><VersionId>(.*?)</VersionId>", body)
    )
    start("200 OK", [("Content-Type", "application/xml")])
    return [f"<DeleteResult>{errors}</DeleteResult>".encode()]


class TestBucket:
    """A bucket of a test, and what lies in it."""

    __test__ = False

    def __init__(self, store: ObjectStore, name: str) -> None:
        self.store, self.client, self.name = store, store.client, name

    def put(self, key: str, content: bytes = b"x", **more: Any) -> str:
        return self.client.put_object(Bucket=self.name, Key=key, Body=content, **more).get("VersionId", "null")

    def upload_half(self, key: str) -> str:
        """Begin an upload in parts, and never finish it."""
        number = self.client.create_multipart_upload(Bucket=self.name, Key=key)["UploadId"]
        self.client.upload_part(Bucket=self.name, Key=key, UploadId=number, PartNumber=1, Body=b"half")
        return number

    def everything(self) -> set[tuple[str, str, str]]:
        """(kind, key, version) of all that the bucket has."""
        page, self.store.page = self.store.page, 0
        answer = self.client.list_object_versions(Bucket=self.name, MaxKeys=1_000)
        uploads = self.client.list_multipart_uploads(Bucket=self.name)
        self.store.page = page
        assert not answer["IsTruncated"]
        return {
            *(("version", each["Key"], each["VersionId"]) for each in answer.get("Versions", ())),
            *(("marker", each["Key"], each["VersionId"]) for each in answer.get("DeleteMarkers", ())),
            *(("upload", unquote(each["Key"]), each["UploadId"]) for each in uploads.get("Uploads", ())),
        }
