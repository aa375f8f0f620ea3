"""What is known about one model."""

from typing import Literal, NamedTuple

Kind = Literal["chat", "embedding", "rerank", "transcription", "ocr"]
"""What a model is for."""

Status = Literal["beta", "preview", "active", "deprecated", "end_of_life"]
"""Where a model stands in Scaleway's life cycle (docs: model-lifecycle, 2026-04-24).

A deprecated model still answers. After its end of life, requests are answered by a similar
model or refused.
"""

Input = Literal["text", "image", "video", "audio"]
"""What a model can read."""

ToolCalling = Literal["yes", "partial", "no"]
"""How far a model calls tools."""


# A frozen dataclass would take five times as long to define: a millisecond at every start.
class ModelFacts(NamedTuple):
    """What is known about one model. `None` means unknown, unless noted.

    Attributes:
        model: The model's id on the serverless API.
        name: The model's name for people.
        kinds: What it is for.
        reviewed: The ISO date of the last look at these facts.
        status: Where it stands in Scaleway's life cycle. `None` for a dedicated deployment,
            which has none.
        deprecated: The ISO date since which it is deprecated.
        end_of_life: The ISO date of its end.
        successor: The id of the model that takes over.
        context_window: Tokens that prompt and output may have together; for an embedding model,
            the most tokens of one text.
        dedicated_context_window: The same on a dedicated deployment; `None` if it is the same.
        max_output_tokens: The largest `max_tokens` that the serverless API takes.
        embedding_dimensions: The length of its vectors.
        inputs: What it reads.
        tool_calling: How far it calls tools.
        tool_call_streaming: Whether it was seen to stream its tool calls; `False` where they
            were seen to be missing from streams.
        use_responses_api: Whether requests with tools, or with a history of calls, belong on the
            Responses API, because chat completions fail with them.
        efforts: The values of `reasoning_effort`, weakest first. Empty for a model that does
            not reason and must not be sent any.
        default_effort: The effort when none is sent.
        input_price: EUR per million prompt tokens, list price; also that of texts to embed and
            to rank.
        cached_input_price: EUR per million prompt tokens read from the cache; `None` if they
            cost as much as the others.
        output_price: EUR per million completion tokens, reasoning included.
        audio_minute_price: EUR per minute of audio.
        prices_as_of: The ISO date of the prices.
    """

    model: str
    name: str
    kinds: tuple[Kind, ...]
    reviewed: str
    status: Status | None = None
    deprecated: str | None = None
    end_of_life: str | None = None
    successor: str | None = None
    context_window: int | None = None
    dedicated_context_window: int | None = None
    max_output_tokens: int | None = None
    embedding_dimensions: int | None = None
    inputs: tuple[Input, ...] | None = None
    tool_calling: ToolCalling | None = None
    tool_call_streaming: bool | None = None
    use_responses_api: bool = False
    efforts: tuple[str, ...] | None = None
    default_effort: str | None = None
    input_price: float | None = None
    cached_input_price: float | None = None
    output_price: float | None = None
    audio_minute_price: float | None = None
    prices_as_of: str | None = None

    @property
    def accepts_images(self) -> bool | None:
        """Whether it reads images."""
        return None if self.inputs is None else "image" in self.inputs

    @property
    def most_images(self) -> int | None:
        """How many images the serverless API takes in a request (docs: query-vision-models)."""
        return 12 if self.status else None

    def on_dedicated_deployment(self) -> "ModelFacts":
        """The same model on a deployment of one's own.

        There it has no life cycle, no output cap and no price per token; its context window is
        the model's own.
        """
        return self._replace(
            status=None,
            deprecated=None,
            end_of_life=None,
            successor=None,
            context_window=self.dedicated_context_window or self.context_window,
            max_output_tokens=None,
            input_price=None,
            cached_input_price=None,
            output_price=None,
            audio_minute_price=None,
            prices_as_of=None,
        )
