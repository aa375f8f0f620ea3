"""The files of a batch: requests, a line each, and the lines that answer them.

Scaleway's page on batches (2026-02-17) shows a line that was answered. Nobody has published one
that failed, so vLLM's and OpenAI's forms are read alike.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from tempfile import TemporaryFile
from typing import IO, Any, NamedTuple

from langchain_scaleway.errors import (
    ScalewayAPIError,
    ScalewayError,
    ScalewayInvalidRequestError,
    ScalewayResponseError,
)

MOST_LINES = 50_000
MOST_BYTES = 200_000_000
"""The most of one file (docs: use-batch-processing, 2026-02-17)."""

_SECOND_TRY = (
    "Scaleway's application scw-managed-genapi-batch must be able to read and write the bucket. It "
    "appears in IAM only with your first batch, even with one that fails: if the bucket has a "
    "policy, add the application to it (`ScalewayBatches.bucket_policy`), and submit again."
)
_ABOUT_ACCESS = r"(?i)access|denied|permission|forbidden|403"


def request_line(index: int, endpoint: str, body: bytes) -> bytes:
    """Write a request as a line, with an id that tells its place and its content.

    Args:
        index: Its place among all inputs.
        endpoint: The path of the API, such as `/v1/chat/completions`.
        body: Its JSON.
    """
    custom_id = f"{index}-{hashlib.sha256(body).hexdigest()[:16]}"
    head = f'{{"custom_id":"{custom_id}","method":"POST","url":"{endpoint}","body":'
    return b"%b%b}\n" % (head.encode(), body)


def place_of(custom_id: str) -> int:
    """The index of a request among all inputs; 0 of an id that is not this package's."""
    ours = re.fullmatch(r"([0-9]{1,9})-[0-9a-f]{16}", custom_id)
    return int(ours[1]) if ours else 0


@dataclass
class InputFile:
    """A file of requests to one model on one endpoint; on disk, because it may be large."""

    endpoint: str
    content: IO[bytes]
    count: int = 0

    def add(self, line: bytes) -> bool:
        """Write a line if the service takes the file with it, and say so."""
        if self.count == MOST_LINES or self.content.tell() + len(line) > MOST_BYTES:
            return False
        self.content.write(line)
        self.count += 1
        return True

    def name(self) -> str:
        """Give the name that this content always has, and no other; then it can be read."""
        self.content.seek(0)
        digest = hashlib.file_digest(self.content, "sha256").hexdigest()  # type: ignore[arg-type]  # typeshed wants `readinto`, which it has
        self.content.seek(0)
        return f"{digest[:40]}.jsonl"


class InputFiles(ExitStack):
    """Requests, in as many files as the service's limits need; gone after the `with`."""

    def __init__(self) -> None:
        super().__init__()
        self.files: list[InputFile] = []
        self._open: dict[tuple[str, str], InputFile] = {}

    @property
    def count(self) -> int:
        """How many requests there are."""
        return sum(file.count for file in self.files)

    def add(self, line: bytes, endpoint: str, model: str) -> None:
        """Write a line into the file of its endpoint and model, or into a new one.

        Raises:
            ValueError: The line is longer than a file may be.
        """
        file = self._open.get((endpoint, model))
        if file is None or not file.add(line):
            content = self.enter_context(TemporaryFile())  # noqa: SIM115 -- the user's `with`
            file = InputFile(endpoint, content)
            if not file.add(line):
                raise ValueError(f"The request has {len(line):,} bytes; 200 MB is the most.")
            self._open[endpoint, model] = file
            self.files.append(file)


class Outcome(NamedTuple):
    """What became of a request: a `body` that answers it, or an `error`, maybe with a `status`."""

    custom_id: str
    body: dict[str, Any] | None
    status: int | None = None
    error: Any = None


def read_outcome(line: Any) -> Outcome | None:
    """Read a line of either result file; `None` if it is about no request.

    Of a failure, `error` holds the refusal's body or a text (vLLM), or `response` holds the body
    (OpenAI); a batch that has expired leaves an `error` alone.

    Args:
        line: The JSON of the line.
    """
    if not isinstance(line, dict) or not isinstance(line.get("custom_id"), str):
        return None
    response = line.get("response")
    response = response if isinstance(response, dict) else {}
    error, body, status = line.get("error"), response.get("body"), str(response.get("status_code"))
    is_refused = status.isdecimal() and not status.startswith("2")
    if isinstance(body, dict) and not (is_refused or error or body.get("error")):
        return Outcome(line["custom_id"], body)
    reason = error or body or "no reason was given"
    return Outcome(line["custom_id"], None, int(status) if is_refused else None, reason)


def read_record(body: Mapping[str, Any]) -> dict[str, Any]:
    """Read what the service says of a batch; `usage` and `request_counts` are numbers by name.

    Raises:
        ScalewayResponseError: It is not about a batch.
    """
    if not all(isinstance(body.get(name), str) for name in ("id", "status", "input_file_id")):
        raise ScalewayResponseError(
            f"The answer has no id, status or input file of a batch: {str(body)[:200]!r}. Try "
            "again; if it persists, check that `base_url` serves batches.",
            body=body,
        )
    usage = numbers_in(body.get("usage"))
    if usage:
        details = numbers_in(body["usage"].get("input_tokens_details"))
        usage["cached_tokens"] = details.get("cached_tokens", 0)
    return {**body, "usage": usage, "request_counts": numbers_in(body.get("request_counts"))}


def numbers_in(value: Any) -> dict[str, int]:
    """What is a number in an object; nothing if it is none."""
    items = value.items() if isinstance(value, Mapping) else ()
    return {name: number for name, number in items if isinstance(number, int)}


def result_urls(record: Mapping[str, Any]) -> Iterator[list[str]]:
    """Where the answers may be, and the errors: Scaleway's pages have had two names for each."""
    name = record["input_file_id"].removesuffix(".jsonl")
    for kind in ("output", "error"):
        named = [url for url in [record.get(f"{kind}_file_id")] if url and isinstance(url, str)]
        yield [*named, f"{name}_{kind}.jsonl", f"{name}-{kind}.jsonl"]


def missing(record: Mapping[str, Any], custom_id: str) -> ScalewayError:
    """What is said of a request that no result file names."""
    if record["status"] == "failed":
        return refusal(record)
    return ScalewayAPIError(
        f"Batch {record['id']} is {record['status']}, and neither of its result files names the "
        f"request {custom_id}. `failed().submit()` sends it again."
    )


def lost(record: Mapping[str, Any], place: int) -> ScalewayError:
    """What is said of a request that no file names any more, neither its own nor a result's."""
    return ScalewayAPIError(
        f"Neither the input file of batch {record['id']}, which is gone, nor a result file names "
        f"inputs[{place}]. Submit it anew."
    )


def refusal(record: Mapping[str, Any]) -> ScalewayError:
    """What the service said of a batch that failed as a whole."""
    reasons = record.get("errors")
    said = ". ".join(_sentences(reasons)) or "no reason was given"
    advice = f" {_SECOND_TRY}" if re.search(_ABOUT_ACCESS, f"{reasons}") else ""
    message = f"Batch {record['id']} failed as a whole: {said}.{advice}"
    match reasons:
        case {"data": [{"code": str(code)}, *_]}:
            return ScalewayInvalidRequestError(message, code=code, body=record)
    return ScalewayInvalidRequestError(message, body=record)


def _sentences(reasons: Any) -> Iterator[str]:
    """What is said in the `errors` of a batch: `{"data": [{"message": …}]}` is documented."""
    match reasons:
        case str():
            yield reasons.rstrip(".")
        case list():
            yield from chain.from_iterable(map(_sentences, reasons))
        case dict():
            yield from _sentences(
                reasons.get("data") or reasons.get("message") or reasons.get("code")
            )
