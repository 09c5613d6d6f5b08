"""A store in a bucket of an S3-compatible server."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit

import urllib3
from minio import Minio
from minio.error import MinioException, S3Error

from letter_service.archive import NotKept

_TIMEOUT = urllib3.Timeout(connect=5, read=60)
_RETRIES = urllib3.Retry(total=3, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504])


class BucketError(OSError):
    """The store refused or did not answer. Holds the server's code only, no name and no content."""


class Bucket:
    """Objects <prefix><hash> of a bucket that is there already. A put is one object or nothing, as S3 promises."""

    def __init__(self, url: str, access_key: str, secret_key: str) -> None:
        """`url` is https://HOST[:PORT]/BUCKET[/PREFIX]; http:// within a trusted network only."""
        parts = urlsplit(url)
        self._bucket, _, prefix = parts.path.strip("/").partition("/")
        self._prefix = f"{prefix}/" if prefix else ""
        self._client = Minio(
            parts.netloc,
            access_key,
            secret_key,
            secure=parts.scheme == "https",
            http_client=urllib3.PoolManager(timeout=_TIMEOUT, retries=_RETRIES),
        )

    def put(self, name: str, file: Path) -> None:
        try:
            self._client.fput_object(self._bucket, self._prefix + name, str(file))
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise _failed(error) from None
        file.unlink()

    def settle(self) -> None:
        """Nothing is left to do: a put is answered once it is safe."""

    def open(self, name: str) -> tuple[BinaryIO, int]:
        try:
            response = self._client.get_object(self._bucket, self._prefix + name)
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            if isinstance(error, S3Error) and error.code == "NoSuchKey":
                raise NotKept from None
            raise _failed(error) from None
        return cast(BinaryIO, response), int(response.headers["Content-Length"])

    def remove(self, name: str) -> None:
        try:
            self._client.remove_object(self._bucket, self._prefix + name)
        except (MinioException, urllib3.exceptions.HTTPError) as error:
            raise _failed(error) from None


def _failed(error: Exception) -> BucketError:
    return BucketError(error.code if isinstance(error, S3Error) else type(error).__name__)
