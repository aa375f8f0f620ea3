"""How an emulator behaves, fixed when it is made."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from langchain_scaleway.testing.faults import Fault
from langchain_scaleway.testing.models import ServedModel, serverless_models
from langchain_scaleway.testing.quotas import Quotas

# A secret key and a project id have the form of a UUID on Scaleway.
EMULATED_KEY = "5ca1e0a1-0000-4000-8000-00000000cafe"
EMULATED_PROJECT = "5ca1e0a1-0000-4000-8000-000000000001"


class ObjectStore(Protocol):
    """A bucket, as an `obstore` store is one."""

    def get(self, path: str, /) -> Any:
        """Return a result whose `bytes()` are the object's."""

    def put(self, path: str, file: bytes, /) -> Any:
        """Write an object."""


@dataclass(frozen=True, kw_only=True)
class RandomFaults:
    """Faults that hit unscripted requests by chance, the same ones in every run.

    Attributes:
        probability: The share of requests that are hit, from 0 to 1.
        faults: What they are hit with, each as likely as the others.
        seed: The seed of the random numbers, drawn in the order in which requests arrive.
    """

    probability: float
    faults: Sequence[Fault]
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse an impossible probability, and an empty list of faults."""
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability must be from 0 to 1, got {self.probability}.")
        if not self.faults:
            raise ValueError("RandomFaults needs at least one fault.")

    def draw(self) -> Iterator[Fault | None]:
        """Yield the fault, or none, for each request in turn."""
        chance = random.Random(self.seed)  # noqa: S311 -- repeatable, not secret
        while True:
            hit = chance.random() < self.probability
            yield chance.choice(self.faults) if hit else None


@dataclass(kw_only=True)
class EmulatorSettings:
    """The settings of a `ScalewayEmulator`: its keyword arguments and the program's options.

    Attributes:
        api_key: The only key that is accepted; `None` accepts requests without one, as a
            dedicated deployment with `disable_auth` does.
        project_id: The project whose URL is served beside the bare `/v1`.
        default_project_allowed: Whether the key may use the bare `/v1`. On Scaleway it may
            if it has rights on its default project; otherwise the answer is 403.
        models: What is served; other names are answered with 422. Scaleway's serverless
            models by default.
        strict: Whether a request that no script and no rule answers is an error of the test.
        script_file: A JSON or YAML file with steps and rules; see
            `langchain_scaleway.testing.script_file`.
        upstream: The address of a real service, such as `https://api.scaleway.ai`, that requests
            are handed on to with their own key; what it answers is recorded.
        recordings: The directory that exchanges with `upstream` are kept in. Without one, the
            recordings in it are served, and no other request is answered.
        framing: How streams are framed: with one usage chunk at the end on request
            (`serverless`), or with cumulative usage on every chunk (`dedicated`).
        reasoning_field: The field of the thinking: `reasoning` as of 2026,
            `reasoning_content` on older models, or both.
        reasoning_usage: Whether usage breaks out reasoning tokens. vLLM 0.32 does; Scaleway
            has not been seen to on chat completions.
        transcription_stream: The events of a streamed transcription: `openai` as the one public
            client of Scaleway's expects them, or `vllm`. Nobody has captured Scaleway's.
        batch_storage: The bucket of the batches: a folder, or an `obstore` store.
        batch_seconds: Emulated seconds from a batch's creation to its end. Batches expire after
            a day.
        batch_error_lines: The form of the lines of requests that failed: `vllm` or `openai`.
        quotas: Limits per model; `None` for none, and no `x-ratelimit-*` headers.
            `Quotas()` is what Scaleway grants with a payment method.
        time_scale: Emulated seconds per second. Every duration of the emulator, and on the
            wire, is in emulated seconds: with 60 a quota's minute lasts a second.
        latency: Emulated seconds before an answer's first byte.
        token_interval: Emulated seconds between the events of a stream, and per token of an
            answer that is not streamed.
        random_faults: Faults that hit unscripted requests by chance.
        keep_requests: How many of the latest requests are kept; `None` for all.
    """

    api_key: str | None = field(default=EMULATED_KEY, repr=False)
    project_id: str = EMULATED_PROJECT
    default_project_allowed: bool = True
    models: tuple[ServedModel, ...] = field(default_factory=serverless_models, repr=False)
    strict: bool = False
    script_file: Path | None = None
    upstream: str | None = None
    recordings: Path | None = None
    framing: Literal["serverless", "dedicated"] = "serverless"
    reasoning_field: Literal["reasoning", "reasoning_content", "both"] = "reasoning"
    reasoning_usage: bool = False
    transcription_stream: Literal["openai", "vllm"] = "openai"
    batch_storage: Path | ObjectStore | None = None
    batch_seconds: float = 1.0
    batch_error_lines: Literal["vllm", "openai"] = "vllm"
    quotas: Quotas | None = None
    time_scale: float = 1.0
    latency: float = 0.0
    token_interval: float = 0.0
    random_faults: RandomFaults | None = None
    keep_requests: int | None = None
