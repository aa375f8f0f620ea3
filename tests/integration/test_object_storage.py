"""Batches in Object Storage: a server of the S3 protocol, keys and rights, and what goes wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import httpx
import pytest
from langchain_core.output_parsers import StrOutputParser
from obstore.exceptions import PermissionDeniedError
from obstore.store import LocalStore, S3Store
from werkzeug.serving import make_server

from langchain_scaleway import ChatScaleway, ScalewayBatches, ScalewayError
from langchain_scaleway.errors import ScalewayAPIError, ScalewayPermissionDeniedError
from langchain_scaleway.testing import ScalewayEmulator
from tests.support.batches import BUCKET, MODEL, SAY, SOON, connection, echo
from tests.support.local_scaleway import LocalScaleway


@pytest.fixture
def model(tmp_path: Path) -> Iterator[ChatScaleway]:
    with ScalewayEmulator(batch_storage=tmp_path, batch_seconds=0.02) as emulator:
        yield ChatScaleway(model=MODEL, **connection(emulator))


FOR_AWS = {
    "AWS_ACCESS_KEY_ID": "AKIAXXXXXXXXXXXXXXXX",
    "AWS_SECRET_ACCESS_KEY": "of another",
    "AWS_SESSION_TOKEN": "of another",
    "AWS_TOKEN": "of another",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "/of/another",
    "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/other",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/other",
    "AWS_PROFILE": "other",
    "AWS_REGION": "eu-west-3",
    "AWS_DEFAULT_REGION": "eu-west-3",
    "AWS_BUCKET": "other-bucket",
    "AWS_BUCKET_NAME": "other-bucket",
    "AWS_ENDPOINT": "https://other.example",
    "AWS_ENDPOINT_URL": "https://other.example",
    "AWS_ENDPOINT_URL_S3": "https://other.example",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
    "AWS_SKIP_SIGNATURE": "true",
    "AWS_UNSIGNED_PAYLOAD": "true",
    "AWS_S3_EXPRESS": "true",
    "AWS_REQUEST_PAYER": "true",
    "AWS_CONDITIONAL_PUT": "disabled",
    "AWS_DISABLE_BULK_DELETE": "false",
}
"""What a program has in its environment that uses AWS, too."""


class S3Server(NamedTuple):
    """A server of the S3 protocol with a bucket, and the heads of what has come."""

    base_url: str
    received: list[dict[str, Any]]

    def store(self) -> S3Store:
        return S3Store(
            "my-bucket",
            endpoint=self.base_url,
            access_key_id="SCWXXXXXXXXXXXXXXXXX",
            secret_access_key="secret",
            client_options={"allow_http": True},
        )


@pytest.fixture
def s3_server(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    moto = pytest.importorskip("moto.server")
    monkeypatch.setattr("moto.settings.S3_IGNORE_SUBDOMAIN_BUCKETNAME", True)  # Of any host.
    app, received = moto.DomainDispatcherApplication(moto.create_backend_app), []

    def noted(environ: dict[str, Any], start_response: Any) -> Any:
        received.append(environ)
        return app(environ, start_response)

    server = make_server(
        "127.0.0.1", 0, noted, threaded=True, request_handler=moto.MotoRequestHandler
    )
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{server.port}"
    try:
        httpx.put(f"{address}/my-bucket").raise_for_status()
        yield S3Server(address, received)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_from_submit_to_results_through_an_s3_server(s3_server: S3Server) -> None:
    """The whole way, as on Scaleway; a program that crashed submits or resumes, and pays once."""
    mine = s3_server.store()
    inputs = [{"word": f"word {number}" * 5_000} for number in range(300)]  # Some parts' worth.
    with ScalewayEmulator(batch_storage=s3_server.store(), batch_seconds=0.02) as emulator:
        echo(emulator)
        chain = SAY | ChatScaleway(model=MODEL, **connection(emulator)) | StrOutputParser()
        batches = ScalewayBatches(chain, BUCKET, store=mine)
        batch = batches.submit(inputs)
        assert batch.count == 300
        answers = batch.wait(poll=SOON).results()
        assert answers == [f"Say {one['word']}" for one in inputs]
        assert batches.submit(inputs).id == batch.id
        assert batches.resume(batch.id).results() == answers
        assert [one.method for one in emulator.requests].count("POST") == 1
        [given, output] = [one["path"] for one in mine.list().collect()]
        assert output == given.replace(".jsonl", "_output.jsonl")
        batch.delete_files()
        assert mine.list().collect() == []
        with pytest.raises(ScalewayError, match="`resume` takes the id of a `Batch`"):
            batches.resume(batch.id)


def test_keys_and_the_name_of_a_bucket_are_enough(s3_server: S3Server, tmp_path: Path) -> None:
    """The program means Scaleway, and is led here by a proxy. What AWS is to know does not count.

    obstore is for batches alone.
    """
    program = (
        "import sys\n"
        "from langchain_scaleway import ChatScaleway, ScalewayBatches\n"
        "assert 'obstore' not in sys.modules\n"
        f"batches = ScalewayBatches(ChatScaleway(model={MODEL!r}), {BUCKET!r})\n"
        "print([one.text for one in batches.submit(['one', 'two']).wait(poll=0.1).results()])"
    )
    with ScalewayEmulator(batch_storage=s3_server.store(), batch_seconds=0.02) as emulator:
        echo(emulator)
        hosts: dict[str, Any] = {"api.scaleway.ai": emulator, "s3.fr-par.scw.cloud": s3_server}
        with LocalScaleway(hosts, tmp_path) as scaleway:
            environment = os.environ | scaleway.environment | FOR_AWS
            environment |= {"SCW_ACCESS_KEY": "SCWXXXXXXXXXXXXXXXXX"}
            result = subprocess.run(
                [sys.executable, "-c", program],
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
    assert result.stdout == "['one', 'two']\n", result.stderr
    of_the_program = [one for one in s3_server.received if "fr-par" in one["HTTP_HOST"]]
    assert of_the_program
    for one in of_the_program:
        key, _, region, *_ = one["HTTP_AUTHORIZATION"].partition("Credential=")[2].split("/")
        assert (key, region) == ("SCWXXXXXXXXXXXXXXXXX", "fr-par")
        assert one["HTTP_HOST"] == "s3.fr-par.scw.cloud"
        assert one["PATH_INFO"].startswith("/my-bucket/llm/")
        assert not {"HTTP_X_AMZ_SECURITY_TOKEN", "HTTP_X_AMZ_REQUEST_PAYER"} & one.keys()
        assert one["HTTP_X_AMZ_CONTENT_SHA256"] != "UNSIGNED-PAYLOAD"


def test_the_policy_lets_scaleway_in_and_the_owner_stay(
    model: ChatScaleway, tmp_path: Path
) -> None:
    of_a_bucket = ScalewayBatches(model, BUCKET, store=LocalStore(tmp_path))
    policy = json.loads(of_a_bucket.bucket_policy("app-id", "user_id:me"))
    batches, owners = policy["Statement"]
    assert batches["Principal"] == {"SCW": "application_id:app-id"}
    assert batches["Action"] == ["s3:GetObject", "s3:PutObject"]
    assert (owners["Principal"], owners["Action"]) == ({"SCW": ["user_id:me"]}, "*")
    assert owners["Resource"] == ["my-bucket", "my-bucket/*"]


@pytest.mark.parametrize(
    "bucket",
    [
        *("my-bucket", "s3://", "https://my-bucket.s3.amazonaws.com/x", "s3://My-Bucket/a"),
        *("s3://my-bucket/a b", "s3://my-bucket/été", "s3://my-bucket/a%2Fb", "s3://my-bucket/a?b"),
        *("s3://my-bucket/../a", "s3://my-bucket/a/./b", "s3://my-bucket/a//b"),
    ],
)
def test_other_forms_of_bucket_are_refused(model: ChatScaleway, bucket: str) -> None:
    with pytest.raises(ValueError, match="must look like s3://my-bucket/folder"):
        ScalewayBatches(model, bucket)


def test_object_storage_needs_the_access_key_too(
    model: ChatScaleway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="both halves of an API key"):
        ScalewayBatches(model, BUCKET)
    monkeypatch.setenv("SCW_ACCESS_KEY", "SCWXXXXXXXXXXXXXXXXX")
    ScalewayBatches(model, "https://my-bucket.s3.nl-ams.scw.cloud")
    monkeypatch.delenv("SCW_ACCESS_KEY")
    (tmp_path / "config.yaml").write_text("access_key: SCWXXXXXXXXXXXXXXXXX\n")
    monkeypatch.setenv("SCW_CONFIG_PATH", str(tmp_path / "config.yaml"))
    ScalewayBatches(model, BUCKET)
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(ImportError, match=r"pip install .*\[batches\]"):
        ScalewayBatches(model, BUCKET)


class Guarded:
    """A store that denies what is not there, as S3 does to a key that may not list objects."""

    def __init__(self, folder: Path | None = None) -> None:
        self._store = folder and LocalStore(folder)

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            try:
                return getattr(self._store, name)(*arguments, **options)
            except (AttributeError, FileNotFoundError) as error:
                raise PermissionDeniedError("403 Forbidden: AccessDenied\n\nDebug: …") from error

        return call


@pytest.mark.parametrize("bucket", ["s3://my-bucket/llm/", "s3://my-bucket//llm", BUCKET])
def test_slashes_around_a_folder_do_not_count(
    model: ChatScaleway, tmp_path: Path, bucket: str
) -> None:
    ScalewayBatches(model, bucket, store=LocalStore(tmp_path)).submit(["Hello?"])
    assert len([*(tmp_path / "llm").glob("*.jsonl")]) == 1


def test_a_refusal_of_object_storage_says_which_rights_are_needed(model: ChatScaleway) -> None:
    store: Any = Guarded()
    with pytest.raises(ScalewayPermissionDeniedError) as caught:
        ScalewayBatches(model, BUCKET, store=store).submit(["Hello?"])
    assert "403 Forbidden: AccessDenied. The API key needs" in caught.value.message
    assert "ObjectStorageObjectsWrite" in caught.value.message


def test_a_failure_of_object_storage_is_an_error(model: ChatScaleway, tmp_path: Path) -> None:
    (tmp_path / "llm").write_text("A file, where a folder should be.")
    batches = ScalewayBatches(model, BUCKET, store=LocalStore(tmp_path))
    with pytest.raises(ScalewayAPIError, match="Object Storage could not write https://my-bucket"):
        batches.submit(["Hello?"])


def test_a_key_needs_no_right_to_list_objects(model: ChatScaleway, tmp_path: Path) -> None:
    store: Any = Guarded(tmp_path)
    batch = ScalewayBatches(model, BUCKET, store=store).submit(["Hello?"])
    assert batch.wait(poll=SOON).results()[0].text
