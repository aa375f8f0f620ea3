"""What requests to models have in common: they read, check and answer themselves."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

from langchain_scaleway.data.facts import Kind
from langchain_scaleway.testing.answers import Answer
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.refusals import (
    RequestModel,
    gateway_refusal,
    json_object,
    validate,
)
from langchain_scaleway.testing.replies import Queue, Reply
from langchain_scaleway.testing.service import EmulatedService
from langchain_scaleway.tokens import prompt_size


class ModelRequest(RequestModel, ABC):
    """A request that names a model, which answers it; its fields are those of the body."""

    path: ClassVar[str]
    """Behind `/v1`."""

    kind: ClassVar[Kind] = "chat"
    """Which models answer."""

    queue: ClassVar[Queue] = "chat"
    """Where its scripted steps are."""

    model: str

    @classmethod
    def fields_of(cls, received: ReceivedRequest) -> dict[str, Any]:
        """Return the body's fields."""
        return json_object(received)

    @classmethod
    def is_served_by(cls, model: ServedModel) -> bool:
        """Return whether a model answers such requests."""
        return cls.kind in model.kinds

    @abstractmethod
    def check(self, model: ServedModel) -> None:
        """Refuse what the types of the fields allow, and gateway or engine do not."""

    @abstractmethod
    def answer(self, model: ServedModel, service: EmulatedService, reply: Reply | None) -> Answer:
        """Return the answer that a scripted reply amounts to, or without one the usual answer."""

    @property
    def prompt_tokens(self) -> int:
        """The estimated tokens that the quota is charged with at once."""
        return prompt_size(self.model_dump()).tokens

    @property
    def audio_seconds(self) -> float:
        """The seconds of audio that the quota is charged with."""
        return 0

    @classmethod
    def read(cls, received: ReceivedRequest, service: EmulatedService) -> tuple[Self, ServedModel]:
        """Return a good request with the model that answers it, or refuse it."""
        fields = cls.fields_of(received)
        model = service.find_model(fields.get("model"))
        if not cls.is_served_by(model):  # live, 2026-08
            message = f"endpoint '/v1{cls.path}' is not supported"
            raise gateway_refusal(422, message, "ROUTE NOT SUPPORTED")
        request = validate(cls, fields)
        request.check(model)
        return request, model

    def answered(
        self, model: ServedModel, received: ReceivedRequest, service: EmulatedService
    ) -> Answer:
        """Return the answer that the script has for a request, or the usual one."""

        def usual(reply: Reply | None) -> Answer:
            answer = self.answer(model, service, reply)
            answer.delay = service.latency
            if not answer.is_stream:
                answer.delay += answer.generated_tokens * service.token_interval
            answer.headers |= service.ledger.headers(model.id, service.clock.now())
            return answer

        return service.scripted(received, usual)

    @classmethod
    def serve(cls, received: ReceivedRequest, service: EmulatedService) -> Answer:
        """Check a request, count it against the quotas, and answer it.

        In this order: Scaleway does not bill what it refuses.
        """
        request, model = cls.read(received, service)
        ledger, now, name = service.ledger, service.clock.now, model.id
        tokens, audio = request.prompt_tokens, request.audio_seconds
        if refused := ledger.admit(name, tokens, now(), audio_seconds=audio):
            raise gateway_refusal(429, refused)
        try:
            answer = request.answered(model, received, service)
        except BaseException:
            ledger.finish(name, 0, now())
            raise
        answer.release = lambda: ledger.finish(name, answer.generated_tokens, now())
        return answer
