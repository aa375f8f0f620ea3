"""What an endpoint of the emulator is: one that a model serves, or a plain one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias

from langchain_scaleway.testing.answers import Answer
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.refusals import RequestT, gateway_refusal, json_object, validate
from langchain_scaleway.testing.replies import Reply
from langchain_scaleway.testing.scripts import Queue

if TYPE_CHECKING:
    from langchain_scaleway.testing.service import EmulatedService

Usual: TypeAlias = Callable[[Reply | None], Answer]
"""Makes the usual answer, of a scripted reply if there is one."""


@dataclass(frozen=True)
class PlainEndpoint:
    """An endpoint that no model serves; `usual` checks a request and says how to answer it."""

    method: str
    path: str
    queue: Queue
    usual: Callable[[ReceivedRequest, EmulatedService], Usual]

    def serve(self, received: ReceivedRequest, service: EmulatedService) -> Answer:
        """Answer as the script says, or as usual."""
        return service.scripted(received, self.queue, self.usual(received, service))


@dataclass(slots=True, kw_only=True)
class Call(Generic[RequestT]):
    """A request that has passed all checks, and what it is answered with.

    Without a scripted `reply` the endpoint has an answer of its own.
    """

    received: ReceivedRequest
    request: RequestT
    model: ServedModel
    service: EmulatedService
    reply: Reply | None = None


@dataclass(frozen=True, kw_only=True)
class ModelEndpoint(Generic[RequestT]):
    """An endpoint whose requests name a model that answers them.

    `check` refuses what the types of the fields allow, and gateway or engine do not; `answer`
    what only then turns out to be bad. `prompt_tokens` and `audio_seconds` are taken from quotas.
    """

    method: ClassVar[str] = "POST"
    path: str
    queue: Queue
    served_by: Callable[[ServedModel], bool]
    request_model: type[RequestT]
    check: Callable[[RequestT, ServedModel], None]
    prompt_tokens: Callable[[RequestT], int]
    answer: Callable[[Call[RequestT]], Answer]
    fields: Callable[[ReceivedRequest], dict[str, Any]] = json_object
    audio_seconds: Callable[[RequestT], float] = lambda _: 0

    def checked(self, received: ReceivedRequest, service: EmulatedService) -> Call[RequestT]:
        """Return a good request with the model that answers it, or refuse it."""
        fields = self.fields(received)
        model = service.find_model(fields.get("model"))
        if not self.served_by(model):  # live, 2026-08
            message = f"endpoint '/v1{self.path}' is not supported"
            raise gateway_refusal(422, message, "ROUTE NOT SUPPORTED")
        request = validate(self.request_model, fields)
        self.check(request, model)
        return Call(received=received, request=request, model=model, service=service)

    def answered(self, call: Call[RequestT]) -> Answer:
        """Return the answer that the script has for a request, or the usual one."""

        def usual(reply: Reply | None) -> Answer:
            call.reply, settings = reply, call.service.settings
            answer = self.answer(call)
            answer.delay = settings.latency
            if not answer.is_stream:
                answer.delay += answer.generated_tokens * settings.token_interval
            answer.headers += call.service.quotas.headers(call.model.id, call.service.clock.now())
            return answer

        return call.service.scripted(call.received, self.queue, usual)

    def serve(self, received: ReceivedRequest, service: EmulatedService) -> Answer:
        """Check a request, count it against the quotas, and answer it.

        In this order: Scaleway does not bill what it refuses.
        """
        call = self.checked(received, service)
        quotas, clock, name = service.quotas, service.clock, call.model.id
        tokens, audio = self.prompt_tokens(call.request), self.audio_seconds(call.request)
        if refused := quotas.admit(name, tokens, clock.now(), audio_seconds=audio):
            raise gateway_refusal(429, refused)
        try:
            answer = self.answered(call)
        except BaseException:
            quotas.finish(name, 0, clock.now())
            raise
        answer.release = lambda: quotas.finish(name, answer.generated_tokens, clock.now())
        return answer


Endpoint: TypeAlias = PlainEndpoint | ModelEndpoint[Any]
