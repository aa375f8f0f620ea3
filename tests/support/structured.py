"""Asks for structured output in every way, and gives what comes of it: objects or errors."""

from collections.abc import Callable
from typing import Any, Literal

from langchain_core.runnables import Runnable

from langchain_scaleway import ChatScaleway
from tests.support.wire import Event, calls_event, event, fragment, usage_event, whole

Method = Literal["json_schema", "function_calling", "json_mode"]
METHODS: tuple[Method, ...] = ("json_schema", "function_calling", "json_mode")
BY_TEXT: tuple[Method, ...] = ("json_schema", "json_mode")

PROMPT = "Alice is 30 years old and lives in Paris. Extract the person as JSON."
USAGE = {"prompt_tokens": 1, "completion_tokens": 20, "total_tokens": 21}

Ask = Callable[..., ChatScaleway]
"""Makes a model that gets one answer: a recording, a reply, or the events of a stream."""


def saying(method: Method, text: str, name: str = "Person") -> dict[str, Any]:
    """A message with the object where the method has it."""
    if method == "function_calling":
        return {"tool_calls": [fragment(text, name=name, id="call_a")]}
    return {"content": text}


def pieces(message: dict[str, Any]) -> list[Event]:
    """The events of a stream that brings a message in small pieces."""
    events = []
    for field in ("reasoning", "content", "refusal"):
        text = message.get(field) or ""
        events += [event({field: text[i : i + 3]}) for i in range(0, len(text), 3)]
    for index, call in enumerate(message.get("tool_calls", ())):
        function, text = call["function"], call["function"]["arguments"]
        events.append(calls_event(fragment("", name=function["name"], id=call["id"], index=index)))
        events += [
            calls_event(fragment(text[i : i + 3], index=index)) for i in range(0, len(text), 3)
        ]
    return events


async def outcomes(
    runnable: Runnable[Any, Any], *, streamed: bool, prompt: str = PROMPT
) -> list[Any]:
    """What comes of asking synchronously and asynchronously."""
    found: list[Any] = []
    for asynchronous in (False, True):
        try:
            if streamed and asynchronous:
                found.append([part async for part in runnable.astream(prompt)][-1])
            elif streamed:
                found.append(list(runnable.stream(prompt))[-1])
            elif asynchronous:
                found.append(await runnable.ainvoke(prompt))
            else:
                found.append(runnable.invoke(prompt))
        except Exception as error:  # noqa: BLE001 -- the tests look at it
            found.append(error)
    return found


async def answers(
    ask: Ask,
    message: dict[str, Any],
    schema: Any,
    method: Method,
    finish: str = "stop",
    **more: Any,
) -> list[Any]:
    """What comes of a message, whole and streamed."""
    stream = [*pieces(message), event({}, finish), usage_event(USAGE)]
    found: list[Any] = []
    for reply in (whole(message, finish, usage=USAGE), stream):
        runnable = ask(reply).with_structured_output(schema, method=method, **more)
        found += await outcomes(runnable, streamed=isinstance(reply, list))
    return found
