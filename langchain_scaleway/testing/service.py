"""The emulated service: from a request to the answer that Scaleway would give."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

import orjson

from langchain_scaleway.testing.answers import EVENT_STREAM_TYPE, Answer, json_answer
from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.clock import ScaledClock
from langchain_scaleway.testing.faults import Fault
from langchain_scaleway.testing.generation import Generation, generate
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.prompt_cache import PromptCache
from langchain_scaleway.testing.quotas import QuotaLedger
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.replies import RawReply, Reply, Step, Usage
from langchain_scaleway.testing.responder import respond
from langchain_scaleway.testing.settings import EmulatorSettings
from langchain_scaleway.testing.validation import (
    Refusal,
    check_context,
    check_engine,
    check_fields,
    check_gateway,
    engine_refusal,
    gateway_refusal,
    invalid,
)
from langchain_scaleway.testing.wire import Completion

# Vendor prefixes that Scaleway has been seen to accept (2026-08-13).
_ACCEPTED_VENDORS: Final = ("qwen/", "google/")


class EmulatedService:
    """Scaleway's behaviour without the network.

    Its answers are made on the server's thread; scripts are filled and requests read from
    the test's.

    Args:
        settings: How it behaves.
    """

    def __init__(self, settings: EmulatorSettings) -> None:
        self.settings = settings
        self.clock = ScaledClock(settings.time_scale)
        self.quotas = QuotaLedger(settings.quotas)
        self.requests: deque[ReceivedRequest] = deque(maxlen=settings.keep_requests)
        self.statuses: Counter[int] = Counter()
        self.script: deque[Step] = deque()
        self.default_step: Callable[[ReceivedRequest], Step] | None = None
        self.changed = threading.Condition()
        self._numbers = itertools.count(1)
        self._models = {model.id: model for model in settings.models}
        self._prompt_cache = PromptCache()
        random_faults = settings.random_faults
        self._random_faults = (
            random_faults.draw() if random_faults is not None else itertools.repeat(None)
        )

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
            request.completed = given
            request.client_disconnected = not given
            self.changed.notify_all()

    def authorize(self, received: ReceivedRequest, project_id: str | None) -> None:
        """Check the key and the project of the URL.

        Only the body for a missing header has been captured; for 403 the documentation
        names the status and the cases.

        Raises:
            Refusal: 401 without a key, 403 with a wrong one or for another project.
        """
        settings = self.settings
        if settings.api_key is not None:
            given = received.headers.get("authorization")
            if not given:
                raise gateway_refusal(401, "missing 'Authorization' header")
            if given != f"Bearer {settings.api_key}":
                raise gateway_refusal(403, "insufficient permissions: the API key is not valid")
        if project_id is None and not settings.default_project_allowed:
            raise gateway_refusal(403, "insufficient permissions on the default project")
        if project_id not in {None, settings.project_id}:
            raise gateway_refusal(403, f"insufficient permissions on project {project_id}")

    def model_list(self) -> Answer:
        """Return the answer to `GET /v1/models`; retired models are not in it."""
        models = [
            {"id": model.id, "object": "model", "created": 1_795_357_352, "owned_by": "Scaleway"}
            for model in self.settings.models
            if model.answered_by is None
        ]
        return json_answer(200, {"object": "list", "data": models})

    def chat(self, received: ReceivedRequest) -> tuple[Answer, Callable[[], None]]:
        """Return the answer to a chat completion, and what to call when it is out.

        Requests are checked before they count against a quota: Scaleway does not bill
        refused ones.

        Raises:
            Refusal: The request is refused.
        """
        body = _json_object(received)
        model = self._find_model(body)
        check_fields(body)
        check_gateway(body, model)
        check_engine(body, model)
        request = ChatRequest.from_body(body)
        check_context(request, model)
        refused = self.quotas.admit(model.id, request.prompt_tokens, self.clock.now())
        if refused is not None:
            raise gateway_refusal(429, refused)
        try:
            answer = self._answer(received, request, model)
        except BaseException:
            self.quotas.finish(model.id, 0, self.clock.now())
            raise

        def release() -> None:
            self.quotas.finish(model.id, answer.generated_tokens, self.clock.now())

        return answer, release

    def _find_model(self, body: dict[str, Any]) -> ServedModel:
        name = body.get("model")
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

    def _answer(
        self, received: ReceivedRequest, request: ChatRequest, model: ServedModel
    ) -> Answer:
        step = self._next_step(received)
        faults: tuple[Fault, ...] = ()
        if isinstance(step, Fault):
            faults, step = (step,), None
        if isinstance(step, RawReply):
            answer = _raw_answer(step)
        else:
            answer = self._completion_answer(received, request, model, step)
        if step is not None:
            faults = tuple(step.faults)
        for fault in faults:
            fault.rewrite(answer)
        received.faults = tuple(type(fault).__name__ for fault in faults)
        return answer

    def _next_step(self, received: ReceivedRequest) -> Reply | RawReply | Fault | None:
        """Return what the script, or chance, has for a request; `None` for nothing special."""
        step: Step | None = self.script.popleft() if self.script else self.default_step
        if step is None:
            return next(self._random_faults)
        while callable(step):
            step = step(received)
        return Reply(step) if isinstance(step, str) else step

    def _completion_answer(
        self,
        received: ReceivedRequest,
        request: ChatRequest,
        model: ServedModel,
        reply: Reply | None,
    ) -> Answer:
        completion = self._complete(request, model, reply)
        received.text = completion.choices[0].text
        headers = self.quotas.headers(model.id, self.clock.now())
        latency = self.settings.latency
        if request.stream:
            headers.append(("content-type", EVENT_STREAM_TYPE))
            answer = Answer(200, headers, completion.as_events(), delay=latency)
        else:
            answer = json_answer(200, completion.as_json())
            answer.headers += headers
            tokens = completion.usage.completion_tokens
            answer.delay = latency + tokens * self.settings.token_interval
        answer.generated_tokens = completion.usage.completion_tokens
        return answer

    def _complete(
        self, request: ChatRequest, model: ServedModel, reply: Reply | None
    ) -> Completion:
        bound = model.max_output_tokens if request.max_tokens is None else request.max_tokens
        choices = []
        for choice in range(request.n):
            said = respond(request, model, choice=choice) if reply is None else reply
            choices.append(generate(self._as_served(said, request), request, bound))
        return Completion(
            request=request,
            model=(reply and reply.model) or model.id,
            choices=choices,
            usage=(reply and reply.usage) or self._usage(request, model, choices),
            framing=self.settings.framing,
            reasoning_field=self.settings.reasoning_field,
        )

    def _as_served(self, reply: Reply, request: ChatRequest) -> Reply:
        """Honour `parallel_tool_calls: false` where it is: in vLLM, not on serverless."""
        if request.parallel_tool_calls or self.settings.framing == "serverless":
            return reply
        return replace(reply, tool_calls=reply.tool_calls[:1])

    def _usage(
        self, request: ChatRequest, model: ServedModel, choices: Iterable[Generation]
    ) -> Usage:
        cached = reasoning = None
        if model.reports_cached_tokens:
            cached = self._prompt_cache.cached_tokens(model.id, request.messages)
        if self.settings.reasoning_usage:
            reasoning = sum(len(choice.reasoning) for choice in choices)
        return Usage(
            prompt_tokens=request.prompt_tokens,
            completion_tokens=sum(choice.completion_tokens for choice in choices),
            cached_tokens=cached,
            reasoning_tokens=reasoning,
        )


def _json_object(received: ReceivedRequest) -> dict[str, Any]:
    """Read a request's body as vLLM does, with its words for what is wrong with it."""
    media_type = received.headers.get("content-type", "application/json")
    if media_type.partition(";")[0].strip() != "application/json":
        message = "Unsupported Media Type: Only 'application/json' is allowed"
        raise engine_refusal(f"1 validation error:\n  {message}", kind="Bad Request")
    if not received.body:
        raise invalid("missing", "", "Field required", "None")
    try:
        body = orjson.loads(received.body)
    except orjson.JSONDecodeError:
        raise _not_json(received.body) from None
    if not isinstance(body, dict):
        raise invalid("dict_type", "", "Input should be a valid dictionary", str(body))
    return body


def _not_json(body: bytes) -> Refusal:
    """Refuse a body in the words of Python's own JSON module, which vLLM reads it with."""
    try:
        json.loads(body)
    except json.JSONDecodeError as error:
        place, reason = str(error.pos), error.msg
    except UnicodeDecodeError as error:
        place, reason = str(error.start), error.reason
    else:
        place, reason = "0", "Expecting value"
    context = {"error": reason}
    return invalid("json_invalid", place, "JSON decode error", "<dict of 0 items>", context)


def _raw_answer(reply: RawReply) -> Answer:
    headers = [(name.lower(), value) for name, value in reply.headers.items()]
    if "content-type" not in dict(headers):
        headers.append(("content-type", "application/json"))
    if isinstance(reply.body, bytes):
        length = len(reply.body)
        return Answer(reply.status, headers, [reply.body], content_length=length)
    return Answer(reply.status, headers, iter(reply.body))
