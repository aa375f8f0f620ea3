"""How an emulator behaves, fixed when it is made."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict

from langchain_scaleway.testing.faults import RandomFaults
from langchain_scaleway.testing.models import ServedModel, serverless_models
from langchain_scaleway.testing.quotas import Quotas
from langchain_scaleway.testing.wire import Framing, ReasoningField

# A secret key and a project id have the form of a UUID on Scaleway.
EMULATED_KEY = "5ca1e0a1-0000-4000-8000-00000000cafe"
EMULATED_PROJECT = "5ca1e0a1-0000-4000-8000-000000000001"


@dataclass(frozen=True, kw_only=True)
class EmulatorSettings:
    """The settings of a `ScalewayEmulator`.

    Attributes:
        api_key: The only key that is accepted; `None` accepts requests without one, as a
            dedicated deployment with `disable_auth` does.
        project_id: The project whose URL is served beside the bare `/v1`.
        default_project_allowed: Whether the key may use the bare `/v1`. On Scaleway it may
            if it has rights on its default project; otherwise the answer is 403.
        models: What is served; other names are answered with 422. Scaleway's serverless chat
            models by default.
        framing: How streams are framed: with one usage chunk at the end on request
            (`serverless`), or with cumulative usage on every chunk (`dedicated`).
        reasoning_field: The field of the thinking: `reasoning` as of 2026,
            `reasoning_content` on older models, or both.
        reasoning_usage: Whether usage breaks out reasoning tokens. vLLM 0.32 does; Scaleway
            has not been seen to.
        quotas: Limits per model; `None` for none, and no `x-ratelimit-*` headers.
            `Quotas()` is what Scaleway grants with a payment method.
        time_scale: Emulated seconds per second. Every duration of the emulator, and on the
            wire, is in emulated seconds: with 60 a quota's minute lasts a second.
        latency: Emulated seconds before an answer's first byte.
        token_interval: Emulated seconds between the events of a stream, and per token of an
            answer that is not streamed.
        random_faults: Faults that hit unscripted requests by chance.
        keep_requests: How many of the latest requests are kept; `None` for all.
        keep_alive: Real seconds after which the server closes an idle connection.
    """

    api_key: str | None = EMULATED_KEY
    project_id: str = EMULATED_PROJECT
    default_project_allowed: bool = True
    models: tuple[ServedModel, ...] = field(default_factory=serverless_models)
    framing: Framing = "serverless"
    reasoning_field: ReasoningField = "reasoning"
    reasoning_usage: bool = False
    quotas: Quotas | None = None
    time_scale: float = 1.0
    latency: float = 0.0
    token_interval: float = 0.0
    random_faults: RandomFaults | None = None
    keep_requests: int | None = None
    keep_alive: float = 60.0


class EmulatorOptions(TypedDict, total=False):
    """The fields of `EmulatorSettings` as keyword arguments, for type checkers."""

    api_key: str | None
    project_id: str
    default_project_allowed: bool
    models: tuple[ServedModel, ...]
    framing: Framing
    reasoning_field: ReasoningField
    reasoning_usage: bool
    quotas: Quotas | None
    time_scale: float
    latency: float
    token_interval: float
    random_faults: RandomFaults | None
    keep_requests: int | None
    keep_alive: float
