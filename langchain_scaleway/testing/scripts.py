"""What a test has said the emulator shall answer: queues, rules, functions, and what went wrong."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, NoReturn

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, PlainValidator, TypeAdapter

from langchain_scaleway.testing.chance import fault_from_text
from langchain_scaleway.testing.faults import Fault
from langchain_scaleway.testing.matching import Criteria, Rule
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.refusals import gateway_refusal
from langchain_scaleway.testing.replies import (
    FinishReason,
    Queue,
    RawReply,
    Reply,
    Step,
    ToolCall,
    Usage,
    check_step,
)


@dataclass(slots=True)
class Script:
    """The steps of one emulator, and the errors in them.

    Rules are asked before the queues, and `defaults` after them. `failures` are the exceptions of
    functions, and requests that should not have come.
    """

    strict: bool = False
    queues: defaultdict[str, deque[Step]] = field(default_factory=lambda: defaultdict(deque))
    rules: list[Rule] = field(default_factory=list)
    defaults: dict[str, Callable[[ReceivedRequest], Step]] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)

    def add(self, queue: str, *steps: Step) -> None:
        """Append steps to a queue, or none of them if one is no step."""
        for step in steps:
            check_step(step, queue)
        self.queues[queue].extend(steps)

    @property
    def left(self) -> int:
        """How many steps no request has taken."""
        return sum(map(len, self.queues.values()))

    def next_step(self, received: ReceivedRequest) -> Reply | RawReply | Fault | None:
        """Take the step for a request; `None` where nothing is said about it."""
        try:
            step = self._find(received.endpoint, received)
            while callable(step):
                step = step(received)
                check_step(step, received.endpoint)
        except Exception as error:  # noqa: BLE001 -- whatever a test's function raises fails the test
            error.add_note(f"Raised when {received} was to be answered.")
            self.fail(error)
        return Reply(step) if isinstance(step, str) else step

    def _find(self, queue: str, received: ReceivedRequest) -> Step | None:
        for rule in self.rules:
            if rule.applies(received):
                rule.taken += 1
                return rule.step
        if self.queues[queue]:
            return self.queues[queue].popleft()
        if self.strict and queue not in self.defaults:
            raise AssertionError(f"Nothing is scripted for {received}.")
        return self.defaults.get(queue)

    def fail(self, error: Exception) -> NoReturn:
        """Note an error of the test, and refuse the request with a status that no client retries.

        So the test sees it soon.
        """
        self.failures.append(error)
        message = f"The test's script failed: {type(error).__name__}: {error}"
        raise gateway_refusal(400, message, "EMULATOR SCRIPT FAILED") from None

    def problems(self, *, leftover: bool) -> Iterator[Exception]:
        """Yield what a test ought to fail for; steps that no request took, if they count."""
        yield from self.failures
        if not leftover:
            return
        for queue, steps in self.queues.items():
            if steps:
                yield AssertionError(
                    f"{len(steps)} step(s) of the {queue} script were never taken: {list(steps)}"
                )
        for rule in self.rules:
            if rule.is_left_over:
                counted = f"{rule.taken} of {rule.times or 'any'}"
                yield AssertionError(f"Too few requests ({counted}) came for {rule}")


_NamedFault = Annotated[Fault, PlainValidator(fault_from_text)]


class _Entry(BaseModel):
    """One step: a reply by its fields, an answer by its status and body, or a fault alone."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] = []
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    model: str | None = None
    faults: list[_NamedFault] = []
    fault: _NamedFault | None = None
    status: int | None = None
    headers: dict[str, str] = {}
    body: Any = b""
    endpoint: Queue = "chat"
    when: Criteria | None = None
    times: int | None = None

    def step(self) -> Step:
        if self.fault is not None:
            return self.fault
        if self.status is not None:
            body = self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)
            body = self.body.encode() if isinstance(self.body, str) else body
            return RawReply(self.status, self.headers, body, self.faults)
        return Reply(**{one.name: getattr(self, one.name) for one in fields(Reply)})


def read_script(path: Path, script: Script) -> None:
    """Add the steps of a JSON or YAML file to a script.

    The file is a list. An entry is a text, or an object with the fields of `Reply`, with the
    `status`, `headers` and `body` of an answer, or with a `fault` such as
    `CutStream:after_events=3`. `endpoint` says whose requests take it; with `when` it is a rule,
    with the criteria of `ScalewayEmulator.when`, and with `times` it holds so often.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no such list; the message names the entry.
    """
    try:
        entries = yaml.safe_load(path.read_text("utf-8"))
        for entry in TypeAdapter(list[str | _Entry]).validate_python(entries):
            if isinstance(entry, str):
                script.add("chat", entry)
            elif entry.when is None:
                script.add(entry.endpoint, *[entry.step()] * (entry.times or 1))
            else:
                rule = Rule(**entry.when)
                script.rules.append(rule.reply(entry.step(), times=entry.times))
    except (ValueError, yaml.YAMLError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error
