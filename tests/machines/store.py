"""The drill's object store, on a machine of its own: moto's server with the site's files and a home of its log."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import boto3

from tests.machines.__main__ import Process, until
from tools.postgres import free_port

ADDRESS, FILES, LOG, PREFIX = "127.0.0.41", "acme-files", "acme-log", "lms"
#: Whoever signs in: moto asks nobody.
SIGNS_IN = {"AWS_ACCESS_KEY_ID": "drill", "AWS_SECRET_ACCESS_KEY": "drill", "AWS_DEFAULT_REGION": "us-east-1"}


class Store(Process):
    """Two buckets that keep versions. What it holds is in its memory: it is made to be silent, and never killed."""

    def __init__(self, folder: Path) -> None:
        port = free_port()
        self.url = f"http://{ADDRESS}:{port}"
        words = [sys.executable, "-m", "moto.server", "-H", ADDRESS, "-p", str(port)]
        super().__init__(words, dict(os.environ), folder / "store.log")

    def begin(self) -> None:
        self.start()
        until(self._is_there, "the object store")

    def told(self, folder: Path) -> dict[str, str]:
        """What web and worker are told."""
        where = f"{PREFIX}?region=us-east-1&endpoint={self.url}"
        return {
            **SIGNS_IN,
            "LMS_FILES": f"s3://{FILES}/{where}",
            "PURGE_JOURNAL": f"{folder / 'journal'},s3://{LOG}/{where}",
        }

    def write_over(self, name: str) -> None:
        self._client.put_object(Bucket=FILES, Key=f"{PREFIX}/{name}", Body=b"another picture")

    def lies_there(self, part: str) -> list[str]:
        """Every version and every marker whose key has this part."""
        answers = self._client.get_paginator("list_object_versions").paginate(Bucket=FILES)
        found = [
            each["Key"] for answer in answers for kind in ("Versions", "DeleteMarkers") for each in answer.get(kind, ())
        ]
        return [key for key in found if part in key]

    def _is_there(self) -> bool:
        for name in (FILES, LOG):
            self._client.create_bucket(Bucket=name)
            self._client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return True

    @property
    def _client(self) -> Any:
        keys = {"aws_access_key_id": "drill", "aws_secret_access_key": "drill"}
        return boto3.client("s3", endpoint_url=self.url, region_name="us-east-1", **keys)
