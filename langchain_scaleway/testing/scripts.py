"""What a test has said the emulator shall answer, and what went wrong with it."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import get_args

from langchain_scaleway.testing.faults import Fault
from langchain_scaleway.testing.matching import Rule
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.replies import Queue, RawReply, Reply, Step, check_step


@dataclass(slots=True)
class Script:
    """All of it is rules: those of `when`, then each step of a queue, then each queue's default.

    `failures` are the exceptions of functions, `pytest.fail` among them, and requests that should
    not have come.
    """

    strict: bool = False
    rules: list[Rule] = field(default_factory=list)
    steps: list[Rule] = field(default_factory=list)  # that no request has taken yet
    defaults: dict[str, Rule] = field(default_factory=dict)
    failures: list[BaseException] = field(default_factory=list)

    def next_step(
        self, received: ReceivedRequest, *, looks: bool = False
    ) -> Reply | RawReply | Fault | None:
        """Take the step for a request; `None` where nothing is said about it.

        One that only `looks` at what there is takes no reply, and needs none.
        """
        step: Step | None = None
        for rule in chain(self.rules, self.steps, self.defaults.values()):
            if rule.applies(received) and not (looks and isinstance(rule.step, str | Reply)):
                step = rule.step
                rule.taken += 1
                if rule in self.steps:
                    self.steps.remove(rule)
                break
        else:
            if self.strict and not looks:
                raise AssertionError(f"Nothing is scripted for {received}.")
        while callable(step):
            step = step(received)
            check_step(step, received.endpoint)
        return Reply(step) if isinstance(step, str) else step

    def leftovers(self) -> Iterator[AssertionError]:
        """Yield what a test ought to fail for because too few requests came."""
        for queue in get_args(Queue):
            if steps := [rule.step for rule in self.steps if rule.criteria["endpoint"] == queue]:
                yield AssertionError(
                    f"{len(steps)} step(s) of the {queue} script were never taken: {steps}"
                )
        for rule in self.rules:
            if rule.step is not None and rule.taken < (rule.times or 1):
                counted = f"{rule.taken} of {rule.times or 'any'}"
                yield AssertionError(f"Too few requests ({counted}) came for {rule}")
