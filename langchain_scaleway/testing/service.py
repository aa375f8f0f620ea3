"""The emulated service: from a request to the answer that Scaleway would give."""

from __future__ import annotations

import itertools
import threading
from collections import Counter, deque
from collections.abc import Callable
from typing import Any, Final

from langchain_scaleway.testing.answers import JSON_TYPE, Answer, json_answer
from langchain_scaleway.testing.chat_request import PromptCache
from langchain_scaleway.testing.endpoints.base import Endpoint
from langchain_scaleway.testing.endpoints.batches import Batch
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.quotas import QuotaLedger, ScaledClock
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.recordings import Player
from langchain_scaleway.testing.refusals import Refusal, error_body, gateway_refusal
from langchain_scaleway.testing.replies import RawReply, Reply
from langchain_scaleway.testing.scripts import Queue, Script, read_script
from langchain_scaleway.testing.settings import EmulatorSettings

# Vendor prefixes that Scaleway has been seen to accept (2026-08-13).
_ACCEPTED_VENDORS: Final = ("qwen/", "google/")


class EmulatedService:
    """Scaleway's behaviour without the network.

    Its answers are made on the server's thread; scripts are filled and requests read from
    the test's.
    """

    def __init__(self, settings: EmulatorSettings) -> None:
        self.settings = settings
        self.clock = ScaledClock(settings.time_scale)
        self.changed = threading.Condition()
        self._player: Player | None = None
        if settings.recordings is not None and settings.upstream is None:
            self._player = Player(settings.recordings)
        self._models = {model.id: model for model in settings.models}
        self.reset()

    def reset(self) -> None:
        """Forget all requests, scripts and quotas; the clock runs on."""
        settings = self.settings
        with self.changed:
            self.quotas = QuotaLedger(settings.quotas)
            self.requests: deque[ReceivedRequest] = deque(maxlen=settings.keep_requests)
            self.statuses: Counter[int] = Counter()
            self.script = Script(settings.strict)
            if settings.script_file is not None:
                read_script(settings.script_file, self.script)
            self._numbers = itertools.count(1)
            self.prompt_cache = PromptCache()
            self.batches: dict[str, Batch] = {}
            chance = settings.random_faults
            self._random_faults = chance.draw() if chance else itertools.repeat(None)

    def note(self, **received: Any) -> ReceivedRequest:
        """Keep a request that has arrived."""
        request = ReceivedRequest(
            number=next(self._numbers), arrived_at=self.clock.now(), **received
        )
        with self.changed:
            self.requests.append(request)
            self.changed.notify_all()
        return request

    def note_status(self, request: ReceivedRequest, status: int) -> None:
        """Note how a request is about to be answered."""
        with self.changed:
            self.statuses[status] += 1
            request.status = status
            self.changed.notify_all()

    def note_finished(self, request: ReceivedRequest, *, given: bool) -> None:
        """Note whether a request was answered to the end."""
        with self.changed:
            request.completed, request.client_disconnected = given, not given
            self.changed.notify_all()

    def serve(self, received: ReceivedRequest, endpoint: Endpoint, project: str | None) -> Answer:
        """Return the answer to a request, whatever it is."""
        try:
            if self._player is not None:
                return self._replayed(received, self._player)
            self._authorize(received, project)
            return endpoint.serve(received, self)
        except Refusal as refusal:
            return json_answer(refusal.status, refusal.body)
        except Exception as error:  # noqa: BLE001 -- a fault of the emulator fails the test, too
            self.script.failures.append(error)
            return json_answer(500, error_body("gateway", 500, f"The emulator: {error!r}"))

    def _replayed(self, received: ReceivedRequest, player: Player) -> Answer:
        try:
            return player.answer(received)
        except LookupError as error:
            self.script.fail(error)

    def scripted(
        self, received: ReceivedRequest, queue: Queue, usual: Callable[[Reply | None], Answer]
    ) -> Answer:
        """Return the answer that the script, or chance, has for a request, or the usual one."""
        step = self.script.next_step(queue, received) or next(self._random_faults)
        if isinstance(step, RawReply):
            answer, faults = _raw_answer(step), step.faults
        elif isinstance(step, Reply):
            answer, faults = usual(step), step.faults
        else:
            answer, faults = usual(None), [step] if step else []
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
        model = self._models.get(name) or self._models.get(plain)
        if model is None:
            # Unknown names with a vendor's prefix got 404 (live, 2026-08-13).
            raise gateway_refusal(404 if "/" in name else 422, f"model '{name}' not found")
        return self._models[model.answered_by] if model.answered_by else model

    def _authorize(self, received: ReceivedRequest, project: str | None) -> None:
        """Refuse a request without a key (401), with a wrong one or for another project (403).

        Only the body for a missing header has been captured; for 403 the documentation
        names the status and the cases.
        """
        settings = self.settings
        if settings.api_key is not None:
            given = received.headers.get("authorization")
            if not given:
                raise gateway_refusal(401, "missing 'Authorization' header")
            if given != f"Bearer {settings.api_key}":
                raise gateway_refusal(403, "insufficient permissions: the API key is not valid")
        if project is None and not settings.default_project_allowed:
            raise gateway_refusal(403, "insufficient permissions on the default project")
        if project not in {None, settings.project_id}:
            raise gateway_refusal(403, f"insufficient permissions on project {project}")


def _raw_answer(reply: RawReply) -> Answer:
    headers = {name.lower(): value for name, value in reply.headers.items()}
    pairs = [*({"content-type": JSON_TYPE} | headers).items()]
    if isinstance(reply.body, bytes):
        return Answer(reply.status, pairs, [reply.body], content_length=len(reply.body))
    return Answer(reply.status, pairs, iter(reply.body))
