"""What a recording should come to, worked out from its JSON without the package.

`outcome_of` takes the same facts from a LangChain message, so that a test is one comparison::

    assert outcome_of(model.invoke("Hello")) == expected_outcome(recording)
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from langchain_core.messages import AIMessage

from langchain_scaleway import errors
from tests.support.recordings import Recording

Call = tuple[str, dict[str, Any], str]
"""Name, arguments and id of a tool call."""

InvalidCall = tuple[str, str, str]
"""Name, the arguments' text and id of a tool call whose arguments are no JSON object."""


@dataclass(frozen=True)
class Outcome:
    """Everything a reply says."""

    content: str
    reasoning: str  # empty where there is none
    calls: list[Call]
    invalid_calls: list[InvalidCall]  # those whose arguments could not be read
    usage: dict[str, Any] | None  # LangChain's; `None` where the server counted nothing
    metadata: dict[str, Any]
    refusal: str = ""


@dataclass(frozen=True)
class ExpectedError:
    """Everything an error should say; the message is the service's own."""

    error_class: type[errors.ScalewayError]
    status: int
    code: str | int | None
    type: str | None
    param: str | None
    message: str
    body: Any


def outcome_of(message: AIMessage) -> Outcome:
    """What a LangChain message says, in whichever version it is written.

    Its content blocks say the same as its fields, or the test fails here.
    """
    unknown = set(message.additional_kwargs) - {"reasoning_content", "refusal"}
    assert not unknown, f"unexpected additional_kwargs: {unknown}"
    metadata = {k: v for k, v in message.response_metadata.items() if k != "output_version"}
    outcome = Outcome(
        content=str(message.text),
        reasoning=message.additional_kwargs.get("reasoning_content", ""),
        calls=calls_of(message),
        invalid_calls=invalid_calls_of(message),
        usage=usage_of(message),
        metadata=metadata,
        refusal=message.additional_kwargs.get("refusal", ""),
    )
    blocks: list[dict[str, Any]] = [dict(block) for block in message.content_blocks]
    for kind, said in (
        ("reasoning", outcome.reasoning),
        ("text", outcome.content),
        ("refusal", outcome.refusal),
    ):
        assert [block[kind] for block in blocks if block["type"] == kind] == (
            [said] if said else []
        )
    assert _calls_in(blocks, "tool_call") == outcome.calls
    # Core leaves unreadable calls out of a whole message's blocks, and as `tool_call_chunk`
    # in those of a v1 stream; every version has them in `invalid_tool_calls`.
    unreadable = _calls_in(blocks, "invalid_tool_call") + _calls_in(blocks, "tool_call_chunk")
    assert unreadable in ([], outcome.invalid_calls)
    return outcome


def _calls_in(blocks: list[dict[str, Any]], kind: str) -> list[Any]:
    return [
        (b["name"] or "", "" if b["args"] is None else b["args"], b["id"])
        for b in blocks
        if b["type"] == kind
    ]


def calls_of(message: AIMessage) -> list[Call]:
    """The tool calls of a message."""
    return [(call["name"], call["args"], call["id"] or "") for call in message.tool_calls]


def invalid_calls_of(message: AIMessage) -> list[InvalidCall]:
    """The unreadable tool calls of a message."""
    return [
        (call["name"] or "", call["args"] or "", call["id"] or "")
        for call in message.invalid_tool_calls
    ]


def usage_of(message: AIMessage) -> dict[str, Any] | None:
    """The usage of a message, with details only where there are any."""
    if message.usage_metadata is None:
        return None
    return {name: value for name, value in message.usage_metadata.items() if value != {}}


def expected_outcome(recording: Recording) -> Outcome:
    """What a recorded 200 should come to."""
    assert recording.status == 200, f"{recording} is an error"
    return _expected_stream(recording) if recording.is_streamed else _expected_whole(recording)


def _expected_whole(recording: Recording) -> Outcome:
    body = recording.json_body
    [choice] = [choice for choice in body["choices"] if choice["index"] == 0]
    message = choice["message"]
    wire_calls = [
        (call["function"]["name"], call["function"]["arguments"], call["id"])
        for call in message.get("tool_calls") or []
    ]
    calls, invalid_calls = _read_calls(wire_calls, choice["finish_reason"])
    content = message["content"] or ""
    if choice["finish_reason"] == "length" and "<tool_call>" in content:
        written = content[content.index("<tool_call>") :]
        name = "get_weather" if '"get_weather"' in written else ""
        invalid_calls.append((name, written, f"{body['id']}-tool-0"))
    reasoning = message.get("reasoning") or message.get("reasoning_content") or ""
    return Outcome(
        content=content,
        reasoning=reasoning,
        calls=calls,
        invalid_calls=invalid_calls,
        usage=_expected_usage(body["usage"]),
        metadata=_without_nulls(
            model_name=body["model"],
            model_provider="scaleway",
            id=body["id"],
            system_fingerprint=body["system_fingerprint"],
            service_tier=body.get("service_tier"),
            finish_reason=choice["finish_reason"],
            stop_reason=choice.get("stop_reason"),
            token_ids=choice.get("token_ids"),
            logprobs=choice.get("logprobs"),
            prompt_token_ids=body.get("prompt_token_ids"),
            requested_model=_other_than(body["model"], recording.requested_model),
            normalized_finish_reason=_normalized(choice["finish_reason"], wire_calls),
            token_usage=body["usage"],
        ),
    )


def _expected_stream(recording: Recording) -> Outcome:
    events = recording.events
    choices = [choice for event in events for choice in event["choices"] if choice["index"] == 0]
    deltas = [choice["delta"] for choice in choices]
    logprobs = [
        token for choice in choices for token in (choice.get("logprobs") or {}).get("content", [])
    ]
    finish_reason = _last(choice.get("finish_reason") for choice in choices)
    calls, invalid_calls = _read_calls(_join_fragments(deltas), finish_reason)
    if (
        finish_reason == "length"
    ):  # A bracket that core cannot repair; core would complete the JSON.
        invalid_calls = [(name, f"{text}]", call_id) for name, text, call_id in invalid_calls]
    usages = [event["usage"] for event in events if event.get("usage")]
    return Outcome(
        content="".join(delta.get("content") or "" for delta in deltas),
        reasoning="".join(
            delta.get("reasoning") or delta.get("reasoning_content") or "" for delta in deltas
        ),
        calls=calls,
        invalid_calls=invalid_calls,
        usage=_expected_usage(usages[-1]) if usages else None,
        metadata=_without_nulls(
            model_name=events[0]["model"],
            model_provider="scaleway",
            id=events[0]["id"],
            system_fingerprint=_last(event.get("system_fingerprint") for event in events),
            finish_reason=finish_reason,
            stop_reason=_last(choice.get("stop_reason") for choice in choices),
            logprobs={"content": logprobs} if logprobs else None,
            requested_model=_other_than(events[0]["model"], recording.requested_model),
            normalized_finish_reason=_normalized(finish_reason, calls + invalid_calls),
            token_usage=usages[-1] if usages else None,
        ),
    )


def _join_fragments(deltas: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    """Join the fragments of each call by its index, as all recorded servers number them."""
    names: dict[int, str] = {}
    arguments: dict[int, str] = {}
    ids: dict[int, str] = {}
    for fragment in (call for delta in deltas for call in delta.get("tool_calls") or []):
        index, function = fragment["index"], fragment["function"]
        names[index] = names.get(index, "") + function.get("name", "")
        arguments[index] = arguments.get(index, "") + function.get("arguments", "")
        ids[index] = ids.get(index, "") + fragment.get("id", "")
    return [(names[index], arguments[index], ids[index]) for index in sorted(names)]


def _read_calls(
    wire_calls: list[tuple[str, str, str]], finish_reason: str
) -> tuple[list[Call], list[InvalidCall]]:
    calls: list[Call] = []
    invalid_calls: list[InvalidCall] = []
    # Without arguments a call is whole, unless the limit on tokens ended the reply there.
    nothing = "" if finish_reason == "length" else "{}"
    for name, arguments, call_id in wire_calls:
        try:
            parsed = json.loads(arguments or nothing)
        except ValueError:
            parsed = None
        if isinstance(parsed, dict):
            calls.append((name, parsed, call_id))
        else:
            invalid_calls.append((name, arguments, call_id))
    return calls, invalid_calls


def _expected_usage(usage: dict[str, Any]) -> dict[str, Any]:
    expected: dict[str, Any] = {
        "input_tokens": usage["prompt_tokens"],
        "output_tokens": usage["completion_tokens"],
        "total_tokens": usage["total_tokens"],
    }
    if usage.get("prompt_tokens_details"):
        cached = usage["prompt_tokens_details"]["cached_tokens"]
        expected["input_token_details"] = {"cache_read": cached}
    if usage.get("completion_tokens_details"):
        reasoning = usage["completion_tokens_details"]["reasoning_tokens"]
        expected["output_token_details"] = {"reasoning": reasoning}
    return expected


def _without_nulls(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _normalized(finish_reason: str, calls: Sequence[Any]) -> str | None:
    """The finish reason in the words that LangChain knows."""
    if finish_reason == "tool_calls" or (finish_reason == "stop" and calls):
        return "tool_call"
    return "stop" if finish_reason == "stop" else None


def _other_than(answered: str, requested: str) -> str | None:
    return requested if requested != answered else None


def _last(values: Any) -> Any:
    given = [value for value in values if value is not None]
    return given[-1] if given else None


_CLASSES: dict[int, type[errors.ScalewayError]] = {
    400: errors.ScalewayInvalidRequestError,
    401: errors.ScalewayAuthenticationError,
    404: errors.ScalewayModelNotFoundError,
    500: errors.ScalewayAPIError,
}

_CONTEXT_OVERFLOWS = {
    "err_context_overflow",
    "err_context_overflow_stream",
    "err_context_sum_overflow",
}


def expected_error(recording: Recording) -> ExpectedError:
    """What a recorded answer other than 200 should come to."""
    assert recording.status != 200, f"{recording} is no error"
    body = recording.json_body
    error = body["error"]
    if isinstance(error, str):  # vLLM's 401: {"error": "Unauthorized"}
        error = {"type": error, "message": error}
    error_class = _CLASSES[recording.status]
    if recording.case in _CONTEXT_OVERFLOWS:
        error_class = errors.ScalewayContextOverflowError
    return ExpectedError(
        error_class=error_class,
        status=recording.status,
        code=error.get("code"),
        type=error.get("type"),
        param=error.get("param"),
        message=error["message"],
        body=body,
    )
