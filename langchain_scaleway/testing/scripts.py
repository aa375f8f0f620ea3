"""What a test has said the emulator shall answer: queues, rules, functions, and what went wrong."""

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from langchain_scaleway.testing.faults import Fault
from langchain_scaleway.testing.matching import Rule
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.replies import RawReply, Reply, Step, check_endpoint, check_step


@dataclass(slots=True)
class Script:
    """The steps of one emulator, and the errors in them.

    Rules are asked before the queues, and `defaults` after them. `failures` are the exceptions of
    functions, `pytest.fail` among them, and requests that should not have come.
    """

    strict: bool = False
    queues: defaultdict[str, deque[Step]] = field(default_factory=lambda: defaultdict(deque))
    rules: list[Rule] = field(default_factory=list)
    defaults: dict[str, Callable[[ReceivedRequest], Step]] = field(default_factory=dict)
    failures: list[BaseException] = field(default_factory=list)

    def add(self, queue: str, *steps: Step) -> None:
        """Append steps to a queue, or none of them if one is no step."""
        check_endpoint(queue)
        for step in steps:
            check_step(step, queue)
        self.queues[queue].extend(steps)

    @property
    def left(self) -> int:
        """How many steps no request has taken."""
        return sum(map(len, self.queues.values()))

    def next_step(
        self, received: ReceivedRequest, *, looks: bool = False
    ) -> Reply | RawReply | Fault | None:
        """Take the step for a request; `None` where nothing is said about it.

        One that only `looks` at what there is takes no reply, and needs none.
        """
        step = self._find(received.endpoint, received, looks=looks)
        while callable(step):
            step = step(received)
            check_step(step, received.endpoint)
        return Reply(step) if isinstance(step, str) else step

    def _find(self, queue: str, received: ReceivedRequest, *, looks: bool) -> Step | None:
        for rule in self.rules:
            if rule.applies(received) and not (looks and isinstance(rule.step, str | Reply)):
                rule.taken += 1
                return rule.step
        steps = self.queues[queue]
        if steps and not (looks and isinstance(steps[0], str | Reply)):
            return steps.popleft()
        if self.strict and not looks and queue not in self.defaults:
            raise AssertionError(f"Nothing is scripted for {received}.")
        return self.defaults.get(queue)

    def problems(self, *, leftover: bool) -> Iterator[BaseException]:
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
