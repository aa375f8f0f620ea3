"""What an endpoint of the emulator is, and what those that a model serves have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Literal, Protocol

from langchain_scaleway.data.facts import Kind
from langchain_scaleway.testing.answers import Answer, Served
from langchain_scaleway.testing.bodies import RequestT, json_object, validate
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.refusals import gateway_refusal, not_served
from langchain_scaleway.testing.replies import Reply

if TYPE_CHECKING:
    from langchain_scaleway.testing.service import EmulatedService

Queue = Literal["chat", "embeddings", "rerank", "transcriptions", "batches", "models"]
"""A queue of scripted steps. Chat completions and responses share one: which of the two an
agent's turn goes to is the client's choice."""


class Endpoint(Protocol):
    """A method and a path of the API."""

    @property
    def method(self) -> str:
        """The HTTP method."""

    @property
    def path(self) -> str:
        """The path below `/v1`, which may have a parameter in braces."""

    @property
    def queue(self) -> Queue:
        """The queue of scripted steps that its requests take from."""

    def serve(self, received: ReceivedRequest, service: EmulatedService) -> Served:
        """Return the answer to a request that came with a good key.

        Raises:
            Refusal: The request is refused.
        """
        ...


@dataclass(slots=True, kw_only=True)
class Call(Generic[RequestT]):
    """A request that has passed all checks, and what it is answered with.

    Attributes:
        received: The request as it arrived.
        request: Its body.
        model: The model that answers.
        reply: What is scripted; `None` for the endpoint's own answer.
        service: What the emulator is set to and has seen.
    """

    received: ReceivedRequest
    request: RequestT
    model: ServedModel
    reply: Reply | None
    service: EmulatedService


class ModelEndpoint(ABC, Generic[RequestT]):
    """An endpoint whose requests name a model that answers them.

    Attributes:
        kind: What a model must be to serve it.
        request_model: The fields of the body.
    """

    method: ClassVar[str] = "POST"
    path: ClassVar[str]
    queue: ClassVar[Queue]
    kind: ClassVar[Kind]
    request_model: type[RequestT]

    def fields(self, received: ReceivedRequest) -> dict[str, Any]:
        """Return the body's fields.

        Raises:
            Refusal: They cannot be read.
        """
        media_type = received.headers.get("content-type", "application/json")
        return json_object(received.body, media_type)

    def is_served_by(self, model: ServedModel) -> bool:
        """Return whether a model serves this path."""
        return self.kind in model.kinds

    def check(self, request: RequestT, model: ServedModel) -> None:
        """Check what the types of a request's fields do not say.

        Raises:
            Refusal: The gateway or the engine would refuse it.
        """

    @abstractmethod
    def prompt_tokens(self, request: RequestT) -> int:
        """Return what a request takes from the quota of tokens when it arrives."""

    def audio_seconds(self, request: RequestT) -> float:  # noqa: ARG002 -- most have none
        """Return what a request takes from the quota of audio."""
        return 0

    @abstractmethod
    def answer(self, call: Call[RequestT]) -> Answer:
        """Return the answer.

        Raises:
            Refusal: Only now it turns out that the engine would refuse it.
        """

    def checked(
        self, received: ReceivedRequest, service: EmulatedService
    ) -> tuple[RequestT, ServedModel]:
        """Return a good request's body, and the model that answers.

        Raises:
            Refusal: The request is not good.
        """
        fields = self.fields(received)
        model = service.find_model(fields.get("model"))
        if not self.is_served_by(model):
            raise not_served(f"/v1{self.path}")
        request = validate(self.request_model, fields)
        self.check(request, model)
        return request, model

    def answered(
        self,
        received: ReceivedRequest,
        request: RequestT,
        model: ServedModel,
        service: EmulatedService,
    ) -> Answer:
        """Return the answer that the script has for a request, or the usual one.

        Raises:
            Refusal: Only now it turns out that the engine would refuse it.
        """

        def usual_answer(reply: Reply | None) -> Answer:
            call = Call(
                received=received, request=request, model=model, reply=reply, service=service
            )
            answer = self.answer(call)
            answer.headers += service.quotas.headers(model.id, service.clock.now())
            return answer

        return service.scripted(received, self.queue, usual_answer)

    def serve(self, received: ReceivedRequest, service: EmulatedService) -> Served:
        """Check a request, count it against the quotas, and answer it.

        In this order: Scaleway does not bill what it refuses.
        """
        request, model = self.checked(received, service)
        quotas, clock = service.quotas, service.clock
        tokens, audio = self.prompt_tokens(request), self.audio_seconds(request)
        if refused := quotas.admit(model.id, tokens, clock.now(), audio_seconds=audio):
            raise gateway_refusal(429, refused)

        try:
            answer = self.answered(received, request, model, service)
        except BaseException:
            quotas.finish(model.id, 0, clock.now())
            raise
        return Served(answer, lambda: quotas.finish(model.id, answer.generated_tokens, clock.now()))
