"""What endpoints have in common: how bodies are read, and how a model's answer is charged."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from langchain_scaleway.data.facts import Kind
from langchain_scaleway.testing.answers import Answer
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.quotas import QuotaLedger
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.refusals import Refusal, engine_refusal, gateway_refusal, invalid
from langchain_scaleway.testing.replies import Queue, Reply
from langchain_scaleway.testing.service import EmulatedService
from langchain_scaleway.tokens import prompt_size

_OBJECT: Final = TypeAdapter(dict[str, Any])


class RequestModel(BaseModel):
    """A request's body; fields that it does not declare are ignored, as Scaleway does."""

    model_config = ConfigDict(
        frozen=True, extra="allow", protected_namespaces=(), arbitrary_types_allowed=True
    )

    @property
    def prompt_tokens(self) -> int:
        """The estimated tokens that the quota is charged with at once."""
        return prompt_size(self.model_dump()).tokens

    @property
    def audio_seconds(self) -> float:
        """The seconds of audio that the quota is charged with."""
        return 0


RequestT = TypeVar("RequestT", bound=RequestModel)


def fields_of(received: ReceivedRequest) -> dict[str, Any]:
    """Return the fields of a form, or of a JSON object as vLLM reads it."""
    if form := received.form:
        return form
    media_type = received.headers.get("content-type", "application/json")
    if media_type.partition(";")[0].strip() != "application/json":
        message = "Unsupported Media Type: Only 'application/json' is allowed"
        raise engine_refusal(f"1 validation error:\n  {message}", kind="Bad Request")
    if not received.body:
        raise invalid({"type": "missing", "loc": (), "msg": "Field required", "input": None})
    try:
        return _OBJECT.validate_json(received.body)
    except ValidationError as error:
        raise invalid(*error.errors()) from None


def validate(model: type[RequestT], fields: dict[str, Any]) -> RequestT:
    """Read a body with a Pydantic model."""
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise invalid(*error.errors()) from None


@dataclass(frozen=True, slots=True)
class ModelEndpoint(Generic[RequestT]):
    """An endpoint that a model answers.

    Attributes:
        path: Behind `/v1`.
        queue: Where its scripted steps are.
        kind: Which models answer.
        body: What its requests are read as.
        check: Refuses what the types of the fields allow, and gateway or engine do not.
        answer: Returns what a scripted reply amounts to, or without one the usual answer.
    """

    path: str
    queue: Queue
    kind: Kind
    body: type[RequestT]
    check: Callable[[RequestT, ServedModel], None]
    answer: Callable[[RequestT, ServedModel, EmulatedService, Reply | None], Answer]

    def serve(
        self, received: ReceivedRequest, service: EmulatedService, ledger: QuotaLedger | None = None
    ) -> Answer:
        """Check a request, count it against the quotas, and answer it.

        In this order: Scaleway does not bill what it refuses. Another ledger than the service's
        is for what has no quotas.
        """
        charged, now = ledger or service.ledger, service.clock.now
        fields = fields_of(received)
        model = service.find_model(fields.get("model"))
        if self.kind not in model.kinds:
            raise not_supported(self.path)
        request = validate(self.body, fields)
        self.check(request, model)

        def usual(reply: Reply | None) -> Answer:
            answer = self.answer(request, model, service, reply)
            answer.delay = service.latency
            if not answer.is_stream:
                answer.delay += answer.generated_tokens * service.token_interval
            answer.headers |= charged.headers(model.id, now())
            return answer

        tokens, audio = request.prompt_tokens, request.audio_seconds
        if refused := charged.admit(model.id, tokens, now(), audio_seconds=audio):
            raise gateway_refusal(429, refused)
        try:
            answer = service.scripted(received, usual)
        except BaseException:
            charged.finish(model.id, 0, now())
            raise
        answer.release = lambda: charged.finish(model.id, answer.generated_tokens, now())
        return answer


def not_supported(path: str) -> Refusal:
    """Refuse a model that does not answer on a path (live, 2026-08)."""
    return gateway_refusal(422, f"endpoint '/v1{path}' is not supported", "ROUTE NOT SUPPORTED")
