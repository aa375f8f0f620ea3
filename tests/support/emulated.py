"""Questions to the emulator over plain HTTP, and comparisons of what it answers."""

import itertools
import ssl
from collections.abc import Iterable, Iterator
from typing import Any

import httpx
import orjson

from langchain_scaleway.testing import ScalewayEmulator
from tests.support.models import PLAIN_MODEL
from tests.support.recordings import Recording

# Making one takes httpx longer than everything else that a client does here.
_TLS = ssl.create_default_context()


def body_of(prompt: str = "Hello", /, **fields: Any) -> dict[str, Any]:
    """The body of a chat completion request."""
    return {"model": PLAIN_MODEL, "messages": [{"role": "user", "content": prompt}], **fields}


def with_usage(*, stream: bool) -> dict[str, Any]:
    """The field that asks for usage, which answers that are not streamed have anyway."""
    return {"stream_options": {"include_usage": True}} if stream else {}


def client_of(emulator: ScalewayEmulator) -> httpx.Client:
    """A client of the emulator that has its key."""
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    return httpx.Client(base_url=emulator.base_url, headers=headers, verify=_TLS)


def send(method: str, url: str, **content: Any) -> httpx.Response:
    """Send a request on a connection of its own, without a key."""
    return httpx.request(method, url, verify=_TLS, **content)


def ask(emulator: ScalewayEmulator, prompt: str = "Hello", /, **fields: Any) -> httpx.Response:
    """Ask on a connection of its own and read the whole answer."""
    with client_of(emulator) as client:
        return client.post("/chat/completions", json=body_of(prompt, **fields))


def message_of(answer: httpx.Response) -> dict[str, Any]:
    """The message of an answer's first choice."""
    assert answer.status_code == 200, answer.text
    message: dict[str, Any] = answer.json()["choices"][0]["message"]
    return message


def differences(mine: Any, recorded: Any, place: str = "") -> Iterator[str]:
    """What keys and types differ; null may stand for anything."""
    if mine is None or recorded is None:
        return
    if isinstance(mine, dict) and isinstance(recorded, dict):
        if mine.keys() != recorded.keys():
            yield f"{place}: {sorted(mine.keys() ^ recorded.keys())} only on one side"
        for key in mine.keys() & recorded.keys():
            yield from differences(mine[key], recorded[key], f"{place}.{key}")
    elif isinstance(mine, list) and isinstance(recorded, list):
        for item in mine[: len(recorded)]:
            yield from differences(item, recorded[0], f"{place}[]")
    elif type(mine) is not type(recorded):
        yield f"{place}: {type(mine).__name__} here, {type(recorded).__name__} recorded"


def by_family(recordings: Iterable[Recording]) -> dict[str, Any]:
    """Arguments of `parametrize`: recordings whose names begin with the same word."""
    families: dict[str, list[Recording]] = {}
    for recording in recordings:
        families.setdefault(recording.case.partition("_")[0], []).append(recording)
    return {"argnames": "recordings", "argvalues": families.values(), "ids": families.keys()}


def events_of(stream: bytes) -> list[Any]:
    """The JSON of a stream's events; that it ends well is asserted."""
    *events, done, nothing = stream.split(b"\n\n")
    assert (done, nothing) == (b"data: [DONE]", b"")
    return [orjson.loads(event.removeprefix(b"data: ")) for event in events]


def kind_of(event: dict[str, Any]) -> str:
    """What an event is for, with `!` where it has the finish reason."""
    if not event["choices"]:
        return "usage"
    [choice] = event["choices"]
    delta = choice["delta"]
    if calls := delta.get("tool_calls"):
        kind = "call" if "id" in calls[0] else "arguments"
    elif "role" in delta:
        kind = "role"
    else:
        kind = next((key for key in ("reasoning", "content") if delta.get(key)), "nothing")
    return f"{choice['index']} {kind}{'!' if choice['finish_reason'] else ''}"


def in_order(events: list[dict[str, Any]]) -> list[str]:
    """The kinds of events choice by choice, each run of equal ones as one."""
    kinds = sorted(map(kind_of, events), key=lambda kind: kind.partition(" ")[0])
    return [kind for kind, _ in itertools.groupby(kinds)]
