"""The emulator's answers beside Scaleway's documented and captured ones."""

from typing import Any

import httpx

from langchain_scaleway.testing import Quotas, ScalewayEmulator
from tests.support.emulated import events_of, in_order, send

KEY = "sk-local-test"
QUESTION: dict[str, Any] = {
    "model": "mistral-medium-3.5-128b",
    "messages": [{"role": "user", "content": "How far is it?"}],
}


def post(emulator: ScalewayEmulator, body: dict[str, Any], key: str | None = KEY) -> httpx.Response:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return send("POST", f"{emulator.base_url}/chat/completions", json=body, headers=headers)


def test_bodies_of_refusals_as_captured() -> None:
    """Live, 2026-09-29 and often; the last, in the older shape, is of public issues."""
    twice = QUESTION | {"messages": QUESTION["messages"] * 2}
    with ScalewayEmulator(api_key=KEY) as emulator:
        no_key, in_a_row = post(emulator, QUESTION, key=None), post(emulator, twice)
    with ScalewayEmulator(api_key=KEY, quotas=Quotas(tokens_per_minute=1)) as emulator:
        exhausted = post(emulator, QUESTION)
    assert no_key.json() == {
        "status": 401,
        "error": "UNAUTHORIZED",
        "message": "missing 'Authorization' header",
    }
    assert exhausted.json() == {
        "status": 429,
        "error": "INSUFFICIENT QUOTA",
        "message": "You exceeded your current quota of tokens per minute.",
    }
    assert set(exhausted.headers) == {"content-length", "content-type", "date", "server"}
    assert in_a_row.json() == {
        "object": "error",
        "message": "After the optional system message, conversation roles must alternate "
        "user/assistant/user/assistant/...",
        "type": "BadRequestError",
        "param": None,
        "code": 400,
    }


def test_stream_as_captured() -> None:
    """A mistral-medium stream, live, 2026-07-31: role, thinking, answer."""
    with ScalewayEmulator(api_key=KEY) as emulator:
        stream = post(emulator, QUESTION | {"stream": True})
    assert in_order(events_of(stream.content)) == [
        "0 role",
        "0 reasoning",
        "0 content",
        "0 nothing!",
    ]


def test_dedicated_stream_as_documented() -> None:
    """Page "OpenAI compatibility", 2026-04-24: cumulative usage, role and empty name everywhere."""
    with ScalewayEmulator(api_key=KEY, framing="dedicated") as emulator:
        events = events_of(post(emulator, QUESTION | {"stream": True}).content)
    counts = [event["usage"]["completion_tokens"] for event in events]
    assert counts == sorted(counts)
    assert counts[0] == 1
    for event in events:
        [choice] = event["choices"]
        assert choice["delta"]["role"] == "assistant"
        assert choice["delta"]["name"] == ""
    assert [event["choices"][0]["finish_reason"] for event in events][-1] == "stop"
    assert events[-1]["choices"][0]["delta"]["content"]


def test_models_as_documented() -> None:
    with ScalewayEmulator(api_key=KEY) as emulator:
        url = f"{emulator.base_url}/models"
        listed = send("GET", url, headers={"Authorization": f"Bearer {KEY}"}).json()
    assert listed["object"] == "list"
    for model in listed["data"]:
        assert set(model) == {"id", "object", "created", "owned_by"}
        assert (model["object"], model["owned_by"]) == ("model", "Scaleway")
    names = {model["id"] for model in listed["data"]}
    assert "mistral-small-3.2-24b-instruct-2506" in names
    assert "devstral-2-123b-instruct-2512" not in names, "retired"
