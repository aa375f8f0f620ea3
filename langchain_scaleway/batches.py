"""`ScalewayBatches`: piles of requests on Scaleway's Batch API, at half the price."""

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from langchain_core.messages import BaseMessage
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable
from langchain_core.utils import batch_iterate

from langchain_scaleway.advice import warn
from langchain_scaleway.batch_rows import ChatRows, TextRows, longest_answer
from langchain_scaleway.batch_service import ENDED, BatchService, InLoop, InThread, Record
from langchain_scaleway.client.encoding import encode
from langchain_scaleway.client.wires import run
from langchain_scaleway.convert.batches import InputFiles, place_of, refusal, request_line
from langchain_scaleway.costs import usage_cost
from langchain_scaleway.embeddings import ScalewayEmbeddings
from langchain_scaleway.errors import ScalewayAPIError, ScalewayError
from langchain_scaleway.object_storage import Bucket
from langchain_scaleway.progress import progress_bar
from langchain_scaleway.tokens import prompt_size

if TYPE_CHECKING:
    from obstore.store import ObjectStore

logger = logging.getLogger("langchain_scaleway")

_RUNNING = frozenset({"validating", "in_progress", "finalizing", "cancelling"})
_LONGEST_PAUSE = 300.0
_AT_ONCE = 1_000
"""Inputs or answers that go through a part of a chain in one go."""

_HERE, _IN_LOOP = InThread(), InLoop()


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
        of_the_files = Bucket(bucket, rows.model.api_key, access_key, store)
        self._service = BatchService(rows, of_the_files)

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
        return run(self._submit(_HERE, inputs, max_cost))

    async def asubmit(self, inputs: Iterable[Any], *, max_cost: float | None = None) -> "Batch":
        """`submit` for asynchronous programs; a thread writes the inputs."""
        return await self._submit(_IN_LOOP, inputs, max_cost)

    def resume(self, batch_id: str) -> "Batch":
        """Find a batch by its `id` again, after a crash or on another machine.

        Raises:
            ValueError: The id is empty.
            ScalewayError: There is none, or the service did not answer.
        """
        return run(self._resume(_HERE, batch_id))

    async def aresume(self, batch_id: str) -> "Batch":
        """`resume` for asynchronous programs."""
        return await self._resume(_IN_LOOP, batch_id)

    def bucket_policy(self, application_id: str, owner: str, *owners: str) -> str:
        """Write a policy for the bucket, as JSON, that lets Scaleway's batches in.

        Only a bucket that has a policy needs it. A policy shuts out everybody it does not name.

        Args:
            application_id: The id of `scw-managed-genapi-batch` in IAM.
            owner: Who keeps all rights, you in the first place: `user_id:…` or `application_id:…`.
            *owners: Others.
        """
        return self._service.bucket.policy(application_id, owner, *owners)

    async def _submit(
        self, wire: InThread, inputs: Iterable[Any], max_cost: float | None
    ) -> "Batch":
        # Its letters, keys or fields would be sent.
        if isinstance(inputs, str | Mapping | BaseMessage | PromptValue):
            raise ValueError("`inputs` is one input, but has to be a list: `[input]`.")  # noqa: TRY004 -- one kind of error for what cannot be sent
        with InputFiles() as files:
            cost = await self._write(wire, files, inputs)
            if max_cost is not None and not (cost is not None and cost <= max_cost):
                price = "have no known price" if cost is None else f"may cost {_plain(cost)} EUR"
                raise ValueError(
                    f"{files.count} requests to {self._service.rows.name} {price}, and "
                    f"`max_cost` is {_plain(max_cost)} EUR: nothing was sent. Answers count as "
                    "long as they may become, so a lower `max_tokens` lowers the estimate."
                )
            records = await self._service.send(wire, files)
            return Batch(self._service, records, files.count, cost)

    async def _write(
        self, wire: InThread, files: InputFiles, inputs: Iterable[Any]
    ) -> float | None:
        """Write inputs into files; gives the most that they may cost."""
        tokens, head = Counter[str](), self._service.rows.head
        rest = batch_iterate(_AT_ONCE, inputs)
        while some := await wire.do(next, rest, None):
            given = await wire.batch(head, some) if head else some
            await wire.do(self._add, given, files, tokens)
        if not files.count:
            raise ValueError("There are no inputs.")
        return usage_cost(tokens, model=self._service.rows.name, batch=True)

    def _add(self, inputs: list[Any], files: InputFiles, tokens: Counter[str]) -> None:
        """Write what the model is given, and count the tokens that it may take."""
        for number, given in enumerate(inputs, start=files.count):
            try:
                path, body = self._service.rows.request(given)
                line = request_line(number, f"/v1{path}", encode(body))
                files.add(line, f"/v1{path}", body["model"])
            except Exception as error:
                error.add_note(f"It is inputs[{number}]. Nothing was sent.")
                raise
            tokens["input_tokens"] += prompt_size(body).tokens
            tokens["output_tokens"] += longest_answer(body)

    async def _resume(self, wire: InThread, batch_id: str) -> "Batch":
        ids = [one.strip() for one in batch_id.split(",") if one.strip()]
        if not ids:
            raise ValueError("`resume` takes the id of a batch, as `Batch.id` has it.")
        records = [await self._service.look_at(wire, one) for one in ids]
        return Batch(self._service, records, _total(records, "total"), None)


class Batch:
    """Requests on their way, or answered; made by `ScalewayBatches`.

    Attributes:
        count: How many requests were sent, as far as is known; those sent again count again.
        estimated_cost: The most that they may cost, in EUR; `None` if that is not known.
    """

    def __init__(
        self, service: BatchService, records: list[Record], count: int, cost: float | None
    ) -> None:
        self._service = service
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
        for record in self._records:
            total.update(record["usage"])
        return dict(total)

    @property
    def cost(self) -> float | None:
        """What these tokens cost, in EUR, see `usage_cost`; `None` if that is not known."""
        usage = {**self.usage, "input_tokens_details": self.usage}
        return usage_cost(usage, model=self._service.rows.name, batch=True)

    def wait(self, *, progress: bool = False, poll: float = 10.0) -> Self:
        """Wait until all is answered or ended otherwise; to stop waiting cancels nothing.

        Args:
            progress: Whether to show a progress bar, for which tqdm has to be installed.
            poll: Seconds until the service is asked again; they become more, up to 300.

        Raises:
            ScalewayInvalidRequestError: The service refused all of it.
            ScalewayError: The service does not know it, or not the key.
        """
        run(self._wait(_HERE, poll, is_shown=progress))
        return self

    async def await_done(self, *, progress: bool = False, poll: float = 10.0) -> Self:
        """`wait` for asynchronous programs."""
        await self._wait(_IN_LOOP, poll, is_shown=progress)
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
        return run(self._results(_HERE))

    async def aresults(self) -> list[Any]:
        """`results` for asynchronous programs; a thread reads them."""
        return await self._results(_IN_LOOP)

    def failed(self) -> "FailedRequests":
        """Wait for the end, and find what failed, expired or is missing."""
        return run(self._failed(_HERE))

    async def afailed(self) -> "FailedRequests":
        """`failed` for asynchronous programs; a thread reads the answers."""
        return await self._failed(_IN_LOOP)

    def cancel(self) -> None:
        """Have the service stop; what is answered by then is kept, and paid for."""
        run(self._cancel(_HERE))

    async def acancel(self) -> None:
        """`cancel` for asynchronous programs."""
        await self._cancel(_IN_LOOP)

    def delete_files(self) -> None:
        """Delete its files from the bucket, and its record at the service."""
        run(self._delete_files(_HERE))

    async def adelete_files(self) -> None:
        """`delete_files` for asynchronous programs."""
        await self._delete_files(_IN_LOOP)

    async def _wait(self, wire: InThread, poll: float = 10.0, *, is_shown: bool = False) -> None:
        shown = 0
        with progress_bar(self.count or None, "request", is_wanted=is_shown) as tell:
            while True:
                for place, record in enumerate(self._records):
                    if record["status"] not in ENDED:
                        self._records[place] = await self._look_at(wire, record)
                done = _total(self._records, "completed", "failed")
                tell(done - shown)
                shown = done
                if all(record["status"] in ENDED for record in self._records):
                    break
                await wire.sleep(poll)
                poll = min(poll * 1.5, _LONGEST_PAUSE)
        if all(record["status"] == "failed" for record in self._records):
            raise refusal(self._records[0])

    async def _look_at(self, wire: InThread, record: Record) -> Record:
        """A record as it is now. A failure that passes ends no wait of hours."""
        try:
            now = await self._service.look_at(wire, record["id"])
        except ScalewayError as error:
            if not error.is_retryable:
                raise
            logger.warning("Batch %s could not be looked at: %s", record["id"], error)
            return record
        if now["status"] not in _RUNNING | ENDED and now["status"] != record["status"]:
            warn(f"Batch {now['id']} is {now['status']!r}: unknown, so it is waited for.")
        return now

    async def _outcomes(self, wire: InThread) -> dict[str, Any]:
        await self._wait(wire)
        return await wire.do(self._service.outcomes, self._records)

    async def _results(self, wire: InThread) -> list[Any]:
        found = await self._outcomes(wire)
        answers = [found[custom_id] for custom_id in sorted(found, key=place_of)]
        if tail := self._service.rows.tail:
            good = [n for n, one in enumerate(answers) if not isinstance(one, ScalewayError)]
            for places in batch_iterate(_AT_ONCE, good):
                parsed = await wire.batch(tail, [answers[place] for place in places])
                for place, one in zip(places, parsed, strict=True):
                    answers[place] = one
        reasons = Counter(str(one) for one in answers if isinstance(one, Exception))
        if reasons.total() == len(answers):
            [(reason, times)] = reasons.most_common(1)
            warn(f"{len(answers)} of {len(answers)} failed: {reason} ({times} times)")
        return answers

    async def _failed(self, wire: InThread) -> "FailedRequests":
        found = await self._outcomes(wire)
        failed = [i for i, one in found.items() if isinstance(one, ScalewayError)]
        return FailedRequests(self, sorted(failed, key=place_of))

    async def _cancel(self, wire: InThread) -> None:
        for record in self._records:
            if record["status"] not in ENDED:
                await self._service.ask(wire, f"/{record['id']}/cancel", "POST")

    async def _delete_files(self, wire: InThread) -> None:
        for record in self._records:
            await self._service.delete(wire, record)


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
        return run(self._submit(_HERE))

    async def asubmit(self) -> Batch:
        """`submit` for asynchronous programs; a thread writes the requests."""
        return await self._submit(_IN_LOOP)

    async def _submit(self, wire: InThread) -> Batch:
        batch, service = self.batch, self.batch._service
        with InputFiles() as files:
            await wire.do(self._write, files)
            records = [*batch._records, *await service.send(wire, files)]
            return Batch(service, records, batch.count + files.count, None)

    def _write(self, files: InputFiles) -> None:
        wanted = {*self.custom_ids}
        for record in self.batch._records:
            for line in self.batch._service.requests(record):
                if line["custom_id"] in wanted:
                    wanted.remove(line["custom_id"])
                    files.add(encode(line) + b"\n", line["url"], line["body"]["model"])
        if wanted:
            message = f"{len(wanted)} requests are in no input file any more: submit them anew."
            raise ScalewayAPIError(message)


def _total(records: list[Record], *counts: str) -> int:
    return sum(record["request_counts"].get(name, 0) for record in records for name in counts)


def _plain(amount: float) -> str:
    """An amount without an exponent, however small."""
    return f"{amount:.10f}".rstrip("0").rstrip(".")
