"""What a test has said the emulator shall answer: queues, rules, functions, and what went wrong."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NoReturn, TypeAlias

from langchain_scaleway.testing.faults import Fault
from langchain_scaleway.testing.matching import Rule
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.refusals import gateway_refusal
from langchain_scaleway.testing.replies import RawReply, Reply, Step, check_step

ResolvedStep: TypeAlias = Reply | RawReply | Fault


@dataclass(slots=True)
class Script:
    """The steps of one emulator, and the errors in them.

    Attributes:
        queues: The steps that are left, by the queue of the endpoint that takes them.
        rules: The steps for requests of a kind, which are asked before the queues.
        defaults: The functions that answer beyond the queues.
        strict: Whether a request without a step is an error.
        failures: The exceptions of functions, and requests that should not have come.
    """

    strict: bool = False
    queues: defaultdict[str, deque[Step]] = field(default_factory=lambda: defaultdict(deque))
    rules: list[Rule] = field(default_factory=list)
    defaults: dict[str, Callable[[ReceivedRequest], Step]] = field(default_factory=dict)
    failures: list[Exception] = field(default_factory=list)

    def add(self, queue: str, *steps: Step) -> None:
        """Append steps to a queue.

        Raises:
            TypeError: One is no step; none is appended then.
        """
        for step in steps:
            check_step(step, queue)
        self.queues[queue].extend(steps)

    def clear(self) -> None:
        """Forget all steps and failures."""
        self.queues.clear()
        self.rules.clear()
        self.defaults.clear()
        self.failures.clear()

    @property
    def steps_left(self) -> int:
        """How many steps no request has taken."""
        return sum(map(len, self.queues.values()))

    def next_step(self, queue: str, received: ReceivedRequest) -> ResolvedStep | None:
        """Take the step for a request; `None` where nothing is said about it.

        Raises:
            Refusal: The step's function failed, or strictness wants a step. The status is one
                that no client retries, so that the test sees it soon.
        """
        try:
            step = self._find(queue, received)
            if step is None:
                return None
            while not isinstance(step, str | Reply | RawReply | Fault):
                step = step(received)
                check_step(step, queue)
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
        """Note an error of the test, and refuse the request.

        Raises:
            Refusal: Always.
        """
        self.failures.append(error)
        message = f"The test's script failed: {type(error).__name__}: {error}"
        raise gateway_refusal(400, message, "EMULATOR SCRIPT FAILED") from None

    def problems(self, *, leftover: bool) -> Iterator[Exception]:
        """Yield what a test ought to fail for.

        Args:
            leftover: Whether steps that no request took count.
        """
        yield from self.failures
        for queue, steps in self.queues.items() if leftover else ():
            if steps:
                yield AssertionError(
                    f"{len(steps)} step(s) of the {queue} script were never taken: {list(steps)}"
                )
        for rule in self.rules if leftover else ():
            if rule.is_left_over:
                counted = f"{rule.taken} of {rule.times or 'any'}"
                yield AssertionError(f"Too few requests ({counted}) came for {rule}")
