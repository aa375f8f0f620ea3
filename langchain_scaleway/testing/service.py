"""The emulated service: what it was told, what it has received, and whom it serves.

A request goes from `server` through `EmulatedService.serve` to its endpoint, which reads and checks
it and asks the quotas; the script then says what the model says, or what fails; the answer goes
through its faults, and `delivery` sends it.
"""

import itertools
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Self

from langchain_scaleway.testing.answers import JSON_TYPE, Answer, json_answer
from langchain_scaleway.testing.matching import Script
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.quotas import QuotaLedger, ScaledClock
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.recordings import Player
from langchain_scaleway.testing.refusals import Refusal, gateway_refusal
from langchain_scaleway.testing.replies import RawReply, Reply
from langchain_scaleway.testing.script_file import read_script
from langchain_scaleway.testing.settings import EmulatorSettings

# Vendor prefixes that Scaleway has been seen to accept (2026-08-13).
_ACCEPTED_VENDORS: Final = ("qwen/", "google/")


@dataclass(kw_only=True, eq=False)
class EmulatedService(EmulatorSettings):
    """Scaleway's behaviour without the network.

    Answers are made on the server's thread; scripts are filled and requests read on the test's.
    """

    def __post_init__(self) -> None:
        """Prepare to serve."""
        self.clock = ScaledClock(self.time_scale)
        self._served = {model.id: model for model in self.models}
        self.reset()

    def reset(self) -> None:
        """Forget all requests, scripts, failures and quotas; the clock runs on."""
        self.ledger = QuotaLedger(self.quotas)
        self.received: deque[ReceivedRequest] = deque(maxlen=self.keep_requests)
        self.statuses: Counter[int] = Counter()
        self.scripts = Script(self.strict)
        if self.script_file is not None:
            read_script(self.script_file, self.scripts)
        self._player: Player | None = None
        if self.recordings is not None and self.upstream is None:
            self._player = Player(self.recordings)
        self.numbers = itertools.count(1)
        self.seen_prompts: set[int] = set()
        self.batches: dict[str, Any] = {}
        chance = self.random_faults
        self._random_faults = chance.draw() if chance else itertools.repeat(None)

    def serve(
        self,
        received: ReceivedRequest,
        project: str | None,
        answer: Callable[[ReceivedRequest, Self], Answer],
    ) -> Answer:
        """Return what a request gets, whatever it is: what an endpoint says, or what refuses it."""

        def served() -> Answer:
            if self._player is not None:
                return self._player.answer(received)
            self._authorize(received, project)
            return answer(received, self)

        return self.attempt(received, served)

    def attempt(self, received: ReceivedRequest, make: Callable[[], Answer]) -> Answer:
        """Make an answer, or say what refuses the request or what is wrong with the test."""
        try:
            return make()
        except Refusal as refusal:
            return json_answer(refusal.status, refusal.body)
        except BaseException as error:  # noqa: BLE001 -- the end of a test, too, is not to be lost
            return self.failed(received, error)

    def failed(self, received: ReceivedRequest, error: BaseException) -> Answer:
        """Note an error of the test; its status is one that no client retries."""
        error.add_note(f"Raised when {received} was to be answered.")
        self.scripts.failures.append(error)
        message = f"The test's script failed: {type(error).__name__}: {error}"
        refusal = gateway_refusal(400, message, "EMULATOR SCRIPT FAILED")
        return json_answer(refusal.status, refusal.body)

    def scripted(
        self,
        received: ReceivedRequest,
        usual: Callable[[Reply | None], Answer],
        *,
        looks: bool = False,
    ) -> Answer:
        """Return the answer that the script, or chance, has for a request, or the usual one."""
        step = self.scripts.next_step(received, looks=looks) or next(self._random_faults)
        if isinstance(step, RawReply):
            answer, faults = _raw_answer(step), step.faults
        elif isinstance(step, Reply):
            answer, faults = usual(step), step.faults
        else:
            answer, faults = usual(None), [step] if step else []
        received.text = answer.text
        for fault in faults:
            fault.rewrite(answer)
        received.faults = tuple(type(fault).__name__ for fault in faults)
        return answer

    def find_model(self, name: object) -> ServedModel:
        """Return the model that answers for a name, or refuse it."""
        if not isinstance(name, str) or not name:
            raise gateway_refusal(422, "model is required")
        plain = name
        for vendor in _ACCEPTED_VENDORS:
            plain = plain.removeprefix(vendor)
        model = self._served.get(name) or self._served.get(plain)
        if model is None:
            # Unknown names with a vendor's prefix got 404 (live, 2026-08-13).
            raise gateway_refusal(404 if "/" in name else 422, f"model '{name}' not found")
        return self._served[model.answered_by] if model.answered_by else model

    def _authorize(self, received: ReceivedRequest, project: str | None) -> None:
        """Refuse a request without a key (401), with a wrong one or for another project (403).

        Only the body for a missing header has been captured; for 403 the documentation
        names the status and the cases.
        """
        if self.api_key is not None:
            given = received.headers.get("authorization")
            if not given:
                raise gateway_refusal(401, "missing 'Authorization' header")
            if given != f"Bearer {self.api_key}":
                raise gateway_refusal(403, "insufficient permissions: the API key is not valid")
        if project is None and not self.default_project_allowed:
            raise gateway_refusal(403, "insufficient permissions on the default project")
        if project not in {None, self.project_id}:
            raise gateway_refusal(403, f"insufficient permissions on project {project}")


def _raw_answer(reply: RawReply) -> Answer:
    headers = {"content-type": JSON_TYPE}
    headers |= {name.lower(): value for name, value in reply.headers.items()}
    if isinstance(reply.body, bytes):
        return Answer(reply.status, headers, [reply.body], content_length=len(reply.body))
    return Answer(reply.status, headers, reply.body)
