"""`ScalewayBatches`: piles of requests on Scaleway's Batch API, at half the price."""

import asyncio
import logging
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, Self

from langchain_core.runnables import Runnable

from langchain_scaleway.batch_rows import ChatRows, TextRows, longest_answer
from langchain_scaleway.client.encoding import decode, encode
from langchain_scaleway.client.error_mapping import error_from, error_from_event
from langchain_scaleway.convert.batches import (
    InputFile,
    InputFiles,
    missing,
    place_of,
    read_outcome,
    refusal,
    request_line,
    result_urls,
)
from langchain_scaleway.costs import usage_cost
from langchain_scaleway.embeddings import ScalewayEmbeddings
from langchain_scaleway.errors import ScalewayAPIError, ScalewayError, ScalewayWarning
from langchain_scaleway.object_storage import Bucket, bucket_policy
from langchain_scaleway.tokens import prompt_size

if TYPE_CHECKING:
    from obstore.store import ObjectStore

logger = logging.getLogger("langchain_scaleway")

_Record = dict[str, Any]
"""A batch as the service describes it (OpenAPI, autumn 2026): of one file."""

_RUNNING = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
_ENDED = frozenset({"completed", "failed", "expired", "cancelled"})
_LONGEST_PAUSE = 300.0
_AT_ONCE = 1_000
"""Inputs that go through what is before the model in one go."""


class ScalewayBatches:
    """Scaleway's Batch API: half the price, no rate limit, answers within a day.

    Requests are written to your bucket in Object Storage, 50,000 to a file; Scaleway reads them
    there, and puts the answers beside them. Needs the extra `batches`.

    Args:
        model: A `ChatScaleway`, or a chain with one, such as `prompt | model`,
            `model.bind_tools(…)` or `model.with_structured_output(…)`: what is before the model
            and behind it runs here. Or a `ScalewayEmbeddings`, whose inputs are texts.
        bucket: A folder in a bucket of the same project: `s3://my-bucket/llm` (region fr-par) or
            `https://my-bucket.s3.nl-ams.scw.cloud/llm`.
        access_key: The access key that belongs to the model's secret key. Unset:
            `SCW_ACCESS_KEY`, then Scaleway's config file.
        store: An obstore store that reaches the bucket, in place of one made of the keys.

    Raises:
        ValueError: A chain of another shape, another form of bucket, or no access key.
        ImportError: obstore is not installed.

    Example:
        ```python
        batches = ScalewayBatches(prompt | model, bucket="s3://my-bucket/llm")
        batch = batches.submit(inputs, max_cost=20)
        answers = batch.wait(progress=True).results()
        ```
    """

    def __init__(
        self,
        model: Runnable[Any, Any] | ScalewayEmbeddings,
        bucket: str,
        *,
        access_key: str | None = None,
        store: "ObjectStore | None" = None,
    ) -> None:
        rows = TextRows(model) if isinstance(model, ScalewayEmbeddings) else ChatRows(model)
        self._rows: ChatRows | TextRows = rows
        self._bucket = Bucket(bucket, rows.model.api_key, access_key, store)
        self._client = rows.model._client_for(dict(rows.arguments))
        # To create is not tried again unseen: an answer that was lost must not be paid twice.
        once = rows.model.model_copy(update={"max_retries": 0, "rate_limiter": None})
        self._creator = once._client_for(dict(rows.arguments))

    def submit(self, inputs: Iterable[Any], *, max_cost: float | None = None) -> "Batch":
        """Write inputs to the bucket, and have them answered.

        The same inputs find the same batch, unless it has ended without an answer: a program that
        crashed submits again, and pays once.

        Args:
            inputs: What `invoke` takes; or texts to embed.
            max_cost: The most that it may cost, in EUR. The estimate counts the longest answers
                that `max_tokens` allows, or else the model.

        Raises:
            ValueError: There are no inputs, one of them cannot be sent, or they may cost too much,
                or nobody knows what. Nothing was sent.
            ScalewayError: Object Storage or the service refused.
        """
        tokens = Counter[str]()
        with InputFiles() as files:
            for number, given in enumerate(self._through_head(inputs)):
                try:
                    path, body = self._rows.request(given)
                    line = request_line(number, f"/v1{path}", encode(body))
                    files.add(line, f"/v1{path}", body["model"])
                except ValueError as error:
                    error.add_note(f"It is inputs[{number}]. Nothing was sent.")
                    raise
                tokens["input_tokens"] += prompt_size(body).tokens
                tokens["output_tokens"] += longest_answer(body)
            if not files.count:
                raise ValueError("There are no inputs.")
            cost = usage_cost(tokens, model=self._rows.name, batch=True)
            if max_cost is not None and (cost is None or cost > max_cost):
                price = "have no known price" if cost is None else f"may cost {cost:.2f} EUR"
                raise ValueError(
                    f"{files.count} requests to {self._rows.name} {price}, and `max_cost` is "
                    f"{max_cost} EUR: nothing was sent. Answers count as long as they may become, "
                    "so a lower `max_tokens` lowers the estimate."
                )
            return Batch(self, self._send(files), files.count, cost)

    async def asubmit(self, inputs: Iterable[Any], *, max_cost: float | None = None) -> "Batch":
        """`submit` for asynchronous programs; a thread does it."""
        return await asyncio.to_thread(self.submit, inputs, max_cost=max_cost)

    def resume(self, batch_id: str) -> "Batch":
        """Find a batch by its `id` again, after a crash or on another machine.

        Raises:
            ScalewayError: There is none, or the service did not answer.
        """
        records = [self._ask(f"/batches/{one}") for one in batch_id.split(",")]
        counts = [record.get("request_counts") or {} for record in records]
        return Batch(self, records, sum(one.get("total") or 0 for one in counts), None)

    def bucket_policy(self, application_id: str, owner: str, *owners: str) -> str:
        """Write a policy for the bucket, as JSON, that lets Scaleway's batches in.

        Only a bucket that has a policy needs it. A policy shuts out everybody it does not name.

        Args:
            application_id: The id of `scw-managed-genapi-batch` in IAM.
            owner: Who keeps all rights, you in the first place: `user_id:…` or `application_id:…`.
            *owners: Others.
        """
        return bucket_policy(self._bucket.name, application_id, (owner, *owners))

    def _through_head(self, inputs: Iterable[Any]) -> Iterator[Any]:
        """What the model is given for each input."""
        rows, head = iter(inputs), self._rows.head
        while some := [*islice(rows, _AT_ONCE)]:
            yield from head.batch(some) if head else some

    def _send(self, files: InputFiles) -> list[_Record]:
        """Upload files, and have a batch for each."""
        sent: list[_Record] = []
        for file in files.files:
            try:
                sent.append(self._send_one(file))
            except ScalewayError as error:
                ids = ", ".join(record["id"] for record in sent) or "none"
                error.add_note(f"Batches that run: {ids}. To submit again finds them.")
                raise
        return sent

    def _send_one(self, file: InputFile) -> _Record:
        url = self._bucket.url(name := file.name())
        if found := self._find(name):
            return found
        self._bucket.put(url, file.content)
        body = {"input_file_id": url, "endpoint": file.endpoint, "completion_window": "24h"}
        try:
            return dict(self._creator.request("/batches", body, model=self._rows.name).body)
        except ScalewayError as error:
            # If only the answer was lost, the batch is there.
            if error.is_retryable and (found := self._find(name)):
                return found
            raise

    def _find(self, name: str) -> _Record | None:
        """The batch of a file, unless it ended without an answer."""
        page: _Record = {"has_more": True, "last_id": ""}
        while page.get("has_more"):
            page = self._ask(f"/batches?limit=100&after={page['last_id']}")
            for record in page.get("data") or ():
                counts = record.get("request_counts") or {}
                is_of_use = record.get("status") not in _ENDED or counts.get("completed")
                if is_of_use and f"{record.get('input_file_id')}".endswith(name):
                    return dict(record)
        return None

    def _ask(self, path: str, method: str = "GET") -> _Record:
        return dict(self._client.request(path, method=method).body)


class Batch:
    """Requests on their way, or answered; made by `ScalewayBatches`.

    Attributes:
        count: How many requests were sent, as far as is known; those sent again count again.
        estimated_cost: The most that they may cost, in EUR; `None` if that is not known.
    """

    def __init__(
        self, owner: ScalewayBatches, records: list[_Record], count: int, cost: float | None
    ) -> None:
        self._owner = owner
        self._records = records
        self.count = count
        self.estimated_cost = cost

    @property
    def id(self) -> str:
        """What `resume` takes: the service's id of each of its files, with commas between."""
        return ",".join(record["id"] for record in self._records)

    @property
    def status(self) -> str:
        """The service's words for the states that its files were last seen in."""
        return ", ".join(sorted({record["status"] for record in self._records}))

    @property
    def usage(self) -> dict[str, int]:
        """The tokens used, as far as the service has counted them."""
        total = Counter[str]()
        for usage in (record.get("usage") or {} for record in self._records):
            total.update({name: n for name, n in usage.items() if isinstance(n, int)})
            cached = (usage.get("input_tokens_details") or {}).get("cached_tokens")
            total["cached_tokens"] += cached or 0
        return dict(total)

    @property
    def cost(self) -> float | None:
        """What these tokens cost, in EUR, see `usage_cost`; `None` if that is not known."""
        usage = {**self.usage, "input_tokens_details": self.usage}
        return usage_cost(usage, model=self._owner._rows.name, batch=True)

    def wait(self, *, progress: bool = False, poll: float = 10.0) -> Self:
        """Wait until all is answered or ended otherwise; to stop waiting cancels nothing.

        Args:
            progress: Whether to show a progress bar, for which tqdm has to be installed.
            poll: Seconds until the service is asked again; they become more, up to 300.

        Raises:
            ScalewayInvalidRequestError: The service refused all of it.
            ScalewayError: The service does not know it, or not the key.
        """
        with self._progress_bar(progress) as bar:
            while not self._has_ended(bar):
                time.sleep(poll)
                poll = min(poll * 1.5, _LONGEST_PAUSE)
        return self

    async def await_done(self, *, progress: bool = False, poll: float = 10.0) -> Self:
        """`wait` for asynchronous programs."""
        with self._progress_bar(progress) as bar:
            while not await asyncio.to_thread(self._has_ended, bar):
                await asyncio.sleep(poll)
                poll = min(poll * 1.5, _LONGEST_PAUSE)
        return self

    def results(self) -> list[Any]:
        """Wait for the end, and read the answers.

        Returns:
            An answer of the chain or an error for each input, in their order, as `batch` gives
            with `return_exceptions=True`. What was answered before a batch expired or was
            cancelled is among them.

        Raises:
            ScalewayError: See `wait`; or Object Storage failed.
        """
        found = self.wait()._read()
        answers = [found[custom_id] for custom_id in sorted(found, key=place_of)]
        if tail := self._owner._rows.tail:
            good = [n for n, one in enumerate(answers) if not isinstance(one, ScalewayError)]
            parsed = tail.batch([answers[place] for place in good], return_exceptions=True)
            for place, one in zip(good, parsed, strict=True):
                answers[place] = one
        reasons = Counter(str(one) for one in answers if isinstance(one, Exception))
        if reasons.total() == len(answers):
            [(reason, times)] = reasons.most_common(1)
            message = f"{len(answers)} of {len(answers)} failed: {reason} ({times} times)"
            warnings.warn(message, ScalewayWarning, stacklevel=2)
        return answers

    async def aresults(self) -> list[Any]:
        """`results` for asynchronous programs; a thread reads them."""
        return await asyncio.to_thread((await self.await_done()).results)

    def failed(self) -> "FailedRequests":
        """Wait for the end, and find what failed, expired or is missing."""
        found = self.wait()._read()
        failed = [i for i, one in found.items() if isinstance(one, ScalewayError)]
        return FailedRequests(self, sorted(failed, key=place_of))

    def cancel(self) -> None:
        """Have the service stop; what is answered by then is kept, and paid for."""
        for record in self._records:
            if record["status"] not in _ENDED:
                self._owner._ask(f"/batches/{record['id']}/cancel", "POST")

    def delete_files(self) -> None:
        """Delete its files from the bucket, and its record at the service."""
        for record in self._records:
            self._owner._ask(f"/batches/{record['id']}", "DELETE")
            for url in chain([record["input_file_id"]], *result_urls(record)):
                self._owner._bucket.delete(url)

    def _has_ended(self, bar: Any) -> bool:
        """Look how far it is; a failure that passes ends no wait of hours."""
        for place, record in enumerate(self._records):
            if record["status"] in _ENDED:
                continue
            try:
                now = self._owner._ask(f"/batches/{record['id']}")
            except ScalewayError as error:
                if not error.is_retryable:
                    raise
                logger.warning("Batch %s could not be looked at: %s", record["id"], error)
                continue
            self._records[place] = now
            if now["status"] not in _RUNNING | _ENDED and now["status"] != record["status"]:
                message = f"Batch {now['id']} is {now['status']!r}: unknown, so it is waited for."
                warnings.warn(message, ScalewayWarning, stacklevel=2)
        if bar is not None:
            counts = [record.get("request_counts") or {} for record in self._records]
            bar.update(sum(c.get("completed", 0) + c.get("failed", 0) for c in counts) - bar.n)
        if all(record["status"] == "failed" for record in self._records):
            raise refusal(self._records[0])
        return all(record["status"] in _ENDED for record in self._records)

    def _progress_bar(self, is_wanted: bool) -> Any:  # noqa: FBT001 -- of `wait`
        if not is_wanted:
            return nullcontext()
        try:
            from tqdm.auto import tqdm  # noqa: PLC0415 -- what few programs need
        except ImportError as error:
            raise ImportError("`progress=True` needs tqdm: `pip install tqdm`.") from error
        return tqdm(total=self.count or None, unit="request")

    def _read(self) -> dict[str, Any]:
        """What became of each request, by its id: what the model answered, or an error."""
        found: dict[str, Any] = {}
        for record in self._records:
            for line in self._requests(record):
                found.setdefault(line["custom_id"])
            for urls in result_urls(record):
                lines = self._owner._bucket.lines(urls, may_be_denied=True)
                for outcome in map(read_outcome, _json(lines)):
                    # What was sent again may have been answered the first time, or the second.
                    if outcome and isinstance(found.get(outcome[0]), ScalewayError | None):
                        found[outcome[0]] = self._answer(record.get("endpoint"), *outcome[1:])
            found.update({i: missing(record, i) for i, one in found.items() if one is None})
        if not found:
            raise ScalewayAPIError(
                f"None of the files of batch {self.id} is in the bucket any more."
            )
        return found

    def _requests(self, record: _Record) -> Iterator[_Record]:
        return _json(self._owner._bucket.lines([record["input_file_id"]]))

    def _answer(self, endpoint: str | None, body: Any, status: int | None, error: Any) -> Any:
        """A result, or the error that stands in its place."""
        rows = self._owner._rows
        if body is not None:
            try:
                return rows.answer(body, endpoint)
            except ScalewayError as unreadable:
                return unreadable
        if status is not None:
            text = error if isinstance(error, str) else encode(error).decode()
            return error_from(status, {}, text, model=rows.name)
        event = error if isinstance(error, dict) and error.get("error") else {"error": error}
        return error_from_event(event, model=rows.name)


@dataclass(frozen=True)
class FailedRequests:
    """What failed, expired or is missing of a batch; as long as that is many.

    Attributes:
        batch: The batch.
        custom_ids: The ids of the requests; each begins with its index among the inputs.
    """

    batch: Batch
    custom_ids: list[str]

    def __len__(self) -> int:
        """How many requests that are."""
        return len(self.custom_ids)

    def submit(self) -> Batch:
        """Send only these again.

        Returns:
            Both batches as one: its results are those of all inputs, its cost that of all.

        Raises:
            ScalewayError: Object Storage or the service refused.
        """
        (owner, records), wanted = (self.batch._owner, self.batch._records), {*self.custom_ids}
        with InputFiles() as files:
            for line in chain.from_iterable(map(self.batch._requests, records)):
                if line["custom_id"] in wanted:
                    wanted.remove(line["custom_id"])
                    files.add(encode(line) + b"\n", line["url"], line["body"]["model"])
            if wanted:
                message = f"{len(wanted)} requests are in no input file any more: submit them anew."
                raise ScalewayAPIError(message)
            sent = owner._send(files)
            return Batch(owner, [*records, *sent], self.batch.count + files.count, None)


def _json(lines: Iterable[bytes]) -> Iterator[Any]:
    """Lines as JSON. One that is none is left out, and its request is missing, then."""
    for line in lines:
        with suppress(ValueError):
            yield decode(line)
