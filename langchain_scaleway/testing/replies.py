"""What a test may script: replies, tool calls, and answers spelled out byte for byte."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from langchain_scaleway.testing.faults import Fault
from langchain_scaleway.testing.received import ReceivedRequest

FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
Queue = Literal["chat", "embeddings", "rerank", "transcriptions", "batches", "models"]
"""A queue of scripted steps. Chat completions and responses share one: which of the two an
agent's turn goes to is the client's choice."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One function call in a reply.

    Attributes:
        name: The function.
        arguments: The arguments as an object, or the exact text a model would write, which
            need not be valid JSON.
        id: `chatcmpl-tool-<hex>` when absent, as on Scaleway.
    """

    name: str
    arguments: Mapping[str, Any] | str = field(default_factory=dict)
    id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Token counts to report instead of the emulator's own.

    Attributes:
        prompt_tokens: Tokens of the request.
        completion_tokens: Tokens of the answer, reasoning included.
        cached_tokens: Prompt tokens read from the cache; `None` reports no breakdown.
        reasoning_tokens: Tokens of reasoning; `None` reports no breakdown, which is all
            that Scaleway has been seen to do.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What the emulated model says to one request.

    `stop`, `max_tokens`, `logprobs` and the stream options of the request apply to
    scripted replies as to any other.

    Attributes:
        text: The answer; `None` for none.
        reasoning: The thinking before the answer.
        tool_calls: Function calls after the answer.
        finish_reason: Derived from the reply and the request when absent.
        usage: Counted by the emulator when absent.
        model: The model that answers; the requested one, or its successor, when absent.
        faults: What goes wrong on the way to the client, applied in this order.
    """

    text: str | None = None
    reasoning: str | None = None
    tool_calls: Sequence[ToolCall] = ()
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    model: str | None = None
    faults: Sequence[Fault] = ()


@dataclass(frozen=True, slots=True)
class RawReply:
    """An HTTP answer spelled out, for everything `Reply` and the faults do not cover.

    Attributes:
        status: The HTTP status.
        headers: Sent as given; a `content-type` of JSON is added when there is none.
        body: The body, or for a stream its pieces, each of which is sent in a write of its
            own.
        faults: What goes wrong on the way to the client.
    """

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | Sequence[bytes] = b""
    faults: Sequence[Fault] = ()


Step: TypeAlias = str | Reply | RawReply | Fault | Callable[[ReceivedRequest], "Step"]
"""One entry of a script: a text, a reply, a fault on an ordinary reply, or a function."""

_WITHOUT_TEXT: Final = frozenset({"embeddings", "rerank", "models"})


def check_endpoint(name: str) -> None:
    """Refuse the name of a queue that there is not."""
    names = get_args(Queue)
    if name not in names:
        raise ValueError(f"There is no endpoint {name!r}; their names are {', '.join(names)}.")


def check_step(step: object, queue: str) -> None:
    """Refuse what is no step, or a text for an endpoint whose answers are none."""
    text = step if isinstance(step, str) else step.text if isinstance(step, Reply) else None
    if text is not None and queue in _WITHOUT_TEXT:
        raise TypeError(f"{step!r}: no text answers {queue}; script a RawReply or a fault.")
    # Classes can be called, too, and what coroutine functions return cannot be awaited here.
    is_function = callable(step) and not isinstance(step, type)
    is_function = is_function and not inspect.iscoroutinefunction(step)
    if not (isinstance(step, str | Reply | RawReply | Fault) or is_function):
        raise TypeError(
            f"A step is a text, a Reply, a RawReply, a fault or a function that is not async, "
            f"not {type(step).__name__}: {step!r}"
        )
