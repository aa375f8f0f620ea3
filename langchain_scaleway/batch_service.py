"""Scaleway's Batch API, and the bucket that its files are in.

Everything is written once, as coroutines; an `InThread` or an `InLoop` says where the work is done.
They are to files and objects what the classes of `client.wires` are to requests.
"""

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from itertools import chain
from typing import Any, TypeVar

from langchain_core.output_parsers import BaseOutputParser
from langchain_core.runnables import Runnable
from typing_extensions import override

from langchain_scaleway.batch_rows import ChatRows, TextRows
from langchain_scaleway.client import wires
from langchain_scaleway.client.encoding import decode, encode
from langchain_scaleway.client.error_mapping import error_from, error_from_event
from langchain_scaleway.client.error_reports import is_error
from langchain_scaleway.client.http import ScalewayClient
from langchain_scaleway.convert.batches import (
    InputFile,
    InputFiles,
    Outcome,
    lost,
    missing,
    numbers_in,
    place_of,
    read_outcome,
    read_record,
    result_urls,
)
from langchain_scaleway.errors import ScalewayAPIError, ScalewayError
from langchain_scaleway.object_storage import Bucket

T = TypeVar("T")

Record = dict[str, Any]
"""A batch as the service describes it (OpenAPI, autumn 2026): of one file."""

_NO_CONTENT, _NOT_FOUND = 204, 404
_LONGEST_LOCK = 10
"""Seconds that one program lets another make the same batch."""

ENDED = frozenset({"completed", "failed", "expired", "cancelled"})


class InThread:
    """Everything is done in this thread."""

    async def request(self, client: ScalewayClient, *arguments: Any, **options: Any) -> Record:
        """Ask the service."""
        return dict(client.request(*arguments, **options).body)

    async def do(self, work: Callable[..., T], *arguments: Any) -> T:
        """Do what takes long: it reads and writes files and objects."""
        return work(*arguments)

    async def batch(self, chain: Runnable[Any, Any], inputs: list[Any]) -> list[Any]:
        """Run a part of a chain for each input; an error stands in the place of its output."""
        return chain.batch(inputs, return_exceptions=True)

    sleep = staticmethod(wires.Blocking.sleep)


class InLoop(InThread):
    """The same for the tasks of an event loop. What takes long has a thread."""

    @override
    async def request(self, client: ScalewayClient, *arguments: Any, **options: Any) -> Record:
        return dict((await client.arequest(*arguments, **options)).body)

    @override
    async def do(self, work: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.to_thread(work, *arguments)

    @override
    async def batch(self, chain: Runnable[Any, Any], inputs: list[Any]) -> list[Any]:
        # A parser has no asynchronous side as a rule, and core would take a thread for each input.
        if getattr(type(chain), "aparse_result", None) is BaseOutputParser.aparse_result:
            return await asyncio.to_thread(chain.batch, inputs, return_exceptions=True)
        return await chain.abatch(inputs, return_exceptions=True)

    sleep = staticmethod(wires.Awaiting.sleep)


class BatchService:
    """Sends files, looks for batches, and reads what became of their requests.

    Args:
        rows: How a request is written, and an answer read.
        bucket: Where the files are.
    """

    def __init__(self, rows: ChatRows | TextRows, bucket: Bucket) -> None:
        self.rows = rows
        self.bucket = bucket
        self._client = rows.model._client_for(dict(rows.arguments))
        # To create is not tried again unseen: an answer that was lost must not be paid twice.
        once = rows.model.model_copy(update={"max_retries": 0, "rate_limiter": None})
        self._creator = once._client_for(dict(rows.arguments))

    async def ask(self, wire: InThread, path: str, method: str = "GET") -> Record:
        """Ask for a batch, or do something to it."""
        return await wire.request(self._client, f"/batches{path}", method=method)

    async def look_at(self, wire: InThread, batch_id: str) -> Record:
        """Ask how a batch is now."""
        return read_record(await self.ask(wire, f"/{batch_id}"))

    async def send(self, wire: InThread, files: InputFiles) -> list[Record]:
        """Upload files, and have a batch for each."""
        sent: list[Record] = []
        for file in files.files:
            try:
                sent.append(await self._send(wire, file))
            except ScalewayError as error:
                ids = ", ".join(record["id"] for record in sent) or "none"
                error.add_note(f"Batches that run: {ids}. To submit again finds them.")
                raise
        return sent

    async def delete(self, wire: InThread, record: Record) -> None:
        """Delete a batch's files, and its record."""
        try:
            await self.ask(wire, f"/{record['id']}", "DELETE")
        except ScalewayError as error:
            if error.status_code not in (_NO_CONTENT, _NOT_FOUND):  # Both say that it is gone.
                raise
        for url in chain([record["input_file_id"]], *result_urls(record)):
            await wire.do(self.bucket.delete, url)

    def requests(self, record: Record) -> Iterator[Record]:
        """The lines of a batch's input file; none if it is gone."""
        return _json(self.bucket.lines([record["input_file_id"]]))

    def outcomes(self, records: Iterable[Record]) -> dict[str, Any]:
        """What became of each request, by its id: what the model answered, or an error.

        Raises:
            ScalewayAPIError: None of the files is there any more.
        """
        found: dict[str, Any] = {}
        without_input: Record | None = None
        for record in records:
            asked = [line["custom_id"] for line in self.requests(record)]
            for custom_id in asked:
                found.setdefault(custom_id)
            without_input = without_input if asked else record
            for outcome in self._answers(record):
                is_asked = outcome.custom_id in found or not asked
                # What was sent again may have been answered the first time, or the second.
                if is_asked and isinstance(found.get(outcome.custom_id), ScalewayError | None):
                    found[outcome.custom_id] = self._read(outcome, record.get("endpoint"))
            found.update({i: missing(record, i) for i, one in found.items() if one is None})
        if not found:
            urls = [record["input_file_id"] for record in records]
            raise ScalewayAPIError(
                f"None of the files is in the bucket {self.bucket.name} any more, neither the "
                f"requests ({', '.join(urls)}) nor their answers."
            )
        if without_input:  # Then only a place that is left free tells of a request.
            places = {place_of(custom_id) for custom_id in found}
            free = {*range(max(places))} - places
            found.update({f"{place}-{0:016}": lost(without_input, place) for place in free})
        return found

    def _answers(self, record: Record) -> Iterator[Outcome]:
        """What both of a batch's result files say, as far as they are there."""
        for urls in result_urls(record):
            lines = self.bucket.lines(urls, may_be_denied=True)
            yield from filter(None, map(read_outcome, _json(lines)))

    async def _send(self, wire: InThread, file: InputFile) -> Record:
        """Upload a file, and have a batch for it: the one that there is, or a new one.

        An object beside the file tells other programs that its batch is being made. They wait, but
        not for long: it may have been left by a program that was killed.
        """
        name = await wire.do(file.name)
        url = self.bucket.url(name)
        await wire.do(self.bucket.put, url, file.content)
        lock, is_mine, waited = f"{url}.lock", False, 0
        try:
            while True:
                is_mine = await wire.do(self.bucket.claim, lock) or waited == _LONGEST_LOCK
                if found := await self._find(wire, name):
                    return found
                if is_mine:
                    return await self._create(wire, name, file.endpoint)
                await wire.sleep(1)
                waited += 1
        finally:
            if is_mine:
                with suppress(ScalewayError):  # Such as of a key that may not delete.
                    await wire.do(self.bucket.delete, lock)

    async def _create(self, wire: InThread, name: str, endpoint: str) -> Record:
        url = self.bucket.url(name)
        body = {"input_file_id": url, "endpoint": endpoint, "completion_window": "24h"}
        try:
            made = await wire.request(self._creator, "/batches", body, model=self.rows.name)
            return read_record(made)
        except ScalewayError as error:
            # If only the answer was lost, the batch is there.
            if error.is_retryable and (found := await self._find(wire, name)):
                return found
            raise

    async def _find(self, wire: InThread, name: str) -> Record | None:
        """The batch of a file, unless it ended without an answer."""
        after = ""
        while True:
            page = await self.ask(wire, f"?limit=100{after}")
            listed = [one for one in page.get("data") or () if isinstance(one, dict)]
            for record in listed:
                counts = numbers_in(record.get("request_counts"))
                is_of_use = record.get("status") not in ENDED or counts.get("completed")
                url = f"{record.get('input_file_id')}"
                if is_of_use and url.endswith(name) and self.bucket.holds(url):
                    return read_record(record)
            before, after = after, f"&after={listed[-1].get('id')}" if listed else ""
            if not page.get("has_more") or after in ("", before):
                return None

    def _read(self, outcome: Outcome, endpoint: str | None) -> Any:
        """A result, or the error that stands in its place."""
        _, body, status, error = outcome
        if body is not None:
            if is_error(body):
                return error_from_event(body, model=self.rows.name)
            try:
                return self.rows.answer(body, endpoint)
            except ScalewayError as unreadable:
                return unreadable
        if status is not None:
            text = error if isinstance(error, str) else encode(error).decode()
            return error_from(status, {}, text, model=self.rows.name)
        event = error if isinstance(error, dict) and error.get("error") else {"error": error}
        return error_from_event(event, model=self.rows.name)


def _json(lines: Iterable[bytes]) -> Iterator[Any]:
    """Lines as JSON. One that is none is left out, and its request is missing, then."""
    for line in lines:
        with suppress(ValueError):
            yield decode(line)
