"""A bucket of Scaleway's Object Storage, which `obstore` reads and writes (extra `batches`)."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from pydantic import SecretStr

from langchain_scaleway.errors import ScalewayAPIError, ScalewayPermissionDeniedError
from langchain_scaleway.scw_config import config_path, load_profile

if TYPE_CHECKING:
    from obstore.store import ObjectStore, S3Credential

_NAME = r"[\w=~-][\w.=~-]*"  # Of a folder, as it can stand in an address.
_PLACE = (
    r"(?:s3://([a-z0-9.-]+)|https://([a-z0-9.-]+)\.s3\.([a-z-]+)\.scw\.cloud)"
    rf"(?:/+({_NAME}(?:/{_NAME})*)?/*)?"
)
_USUAL_REGION = "fr-par"
_PARTS_AT_ONCE = 3
"""Of an object that is written, each of 5 MB and in memory meanwhile."""
_RIGHTS = (
    "The API key needs the permission sets ObjectStorageObjectsRead and ObjectStorageObjectsWrite "
    "in the bucket's project, and the bucket's policy, if it has one, must name you: see "
    "`ScalewayBatches.bucket_policy`."
)


class Bucket:
    """A folder in a bucket; see `ScalewayBatches` for its arguments.

    Raises:
        ValueError: The place has another form, or there is no access key.
        ImportError: obstore is not installed.
    """

    def __init__(
        self,
        place: str,
        secret_key: SecretStr | str | None,
        access_key: str | None,
        store: "ObjectStore | None",
    ) -> None:
        found = re.fullmatch(_PLACE, place, re.ASCII)
        if found is None:
            raise ValueError(
                f"`bucket` must look like s3://my-bucket/folder (in {_USUAL_REGION}) or "
                "https://my-bucket.s3.nl-ams.scw.cloud/folder, with no more than letters, digits "
                f"and . _ - = ~ in names, not {place!r}."
            )
        self.name = found[1] or found[2]
        self._region = found[3] or _USUAL_REGION
        self._folder = found[4] or ""
        self._store: Any = self._make_store(secret_key, access_key) if store is None else store

    def url(self, name: str) -> str:
        """The URL of an object in the folder, in the form that batches want: https, unsigned."""
        path = f"{self._folder}/{name}".lstrip("/")
        return f"https://{self.name}.s3.{self._region}.scw.cloud/{path}"

    def holds(self, url: str) -> bool:
        """Whether an object is in this bucket."""
        return _place_of(url)[0] == self.name

    def put(self, url: str, content: IO[bytes]) -> None:
        """Write an object whose name says what is in it, unless it is there.

        Raises:
            ScalewayError: Object Storage refused or failed; so do the other methods.
        """
        with _errors("write", url):
            try:
                self._store.head(_place_of(url)[1])
            except Exception:  # noqa: BLE001 -- not there, or not to be seen: the same is written
                self._store.put(_place_of(url)[1], content, max_concurrency=_PARTS_AT_ONCE)

    def claim(self, url: str) -> bool:
        """Make an empty object, and say whether nobody else has made it before."""
        try:
            self._store.put(_place_of(url)[1], b"", mode="create")
        except Exception as error:  # noqa: BLE001 -- a store that has no such puts has no locks
            return type(error).__name__ != "AlreadyExistsError"
        return True

    def lines(self, urls: Iterable[str], *, may_be_denied: bool = False) -> Iterator[bytes]:
        """The lines of the first of these objects that is there; none if there is none.

        Args:
            urls: Where it may be.
            may_be_denied: Whether an object that may not be read counts as one that is not there:
                S3 says so of missing objects to a key that may not list them.
        """
        for url in urls:
            with _errors("read", url):
                try:
                    pieces = self._store.get(_place_of(url)[1])
                except Exception as error:
                    if isinstance(error, FileNotFoundError) or (may_be_denied and _denies(error)):
                        continue
                    raise
                rest = b""
                for piece in pieces:
                    *lines, rest = (rest + bytes(piece)).split(b"\n")
                    yield from lines
                yield rest
                return

    def delete(self, url: str) -> None:
        """Delete an object, if it is there."""
        with _errors("delete", url), suppress(FileNotFoundError):
            self._store.delete(_place_of(url)[1])

    def policy(self, application_id: str, *owners: str) -> str:
        """Write a policy, as JSON: an application may read and write, and owners do anything."""
        allow = {"Effect": "Allow", "Resource": [self.name, f"{self.name}/*"]}
        batches = {"SCW": f"application_id:{application_id}"}
        actions = ["s3:GetObject", "s3:PutObject"]
        statements = [
            {"Sid": "batches", "Principal": batches, "Action": actions, **allow},
            {"Sid": "owners", "Principal": {"SCW": [*owners]}, "Action": "*", **allow},
        ]
        policy = {"Version": "2023-04-17", "Id": "batches", "Statement": statements}
        return json.dumps(policy, indent=2)

    def _make_store(self, secret: SecretStr | str | None, access_key: str | None) -> "ObjectStore":
        try:
            from obstore.store import S3Store  # noqa: PLC0415 -- an extra
        except ImportError as error:
            raise ImportError(
                'Batches need obstore: `pip install "langchain-scaleway[batches]"`.'
            ) from error
        access_key = access_key or os.environ.get("SCW_ACCESS_KEY")
        access_key = access_key or load_profile(config_path()).get("access_key")
        if not access_key or secret is None:
            raise ValueError(
                "Object Storage needs both halves of an API key: pass `access_key`, or set "
                "SCW_ACCESS_KEY, beside the model's secret key."
            )
        credential: S3Credential = {
            "access_key_id": access_key,
            "secret_access_key": secret if isinstance(secret, str) else secret.get_secret_value(),
            "expires_at": None,
        }
        endpoint = f"https://s3.{self._region}.scw.cloud"
        return S3Store(
            self.name,
            region=self._region,
            credential_provider=lambda: credential,
            endpoint=endpoint,
            # What is not given here, AWS_* variables would decide.
            aws_endpoint_url_s3=endpoint,
            skip_signature=False,
            unsigned_payload=False,
            virtual_hosted_style_request=False,
            s3_express=False,
            request_payer=False,
            conditional_put="etag",
            disable_bulk_delete=True,
            client_options={"timeout": "10m", "read_timeout": "30s"},  # 200 MB take their time.
        )


def _place_of(url: str) -> tuple[str, str]:
    """The bucket of an object and its path; the service may answer with three forms of address."""
    parts = urlsplit(url)
    path = parts.path.lstrip("/")
    if parts.netloc.startswith("s3."):
        bucket, _, path = path.partition("/")
        return bucket, path
    return parts.netloc.partition(".s3.")[0], path


def _denies(error: Exception) -> bool:
    return type(error).__name__ in {"PermissionDeniedError", "UnauthenticatedError"}


@contextmanager
def _errors(operation: str, url: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        said = str(error).partition("\n")[0].rstrip(".")
        message = f"Object Storage could not {operation} {url}: {said}."
        if _denies(error):
            raise ScalewayPermissionDeniedError(f"{message} {_RIGHTS}") from error
        raise ScalewayAPIError(message) from error
