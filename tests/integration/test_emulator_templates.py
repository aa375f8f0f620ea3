"""What the chat templates refuse: model families and odd histories, with the engines' words."""

from collections.abc import Iterator
from typing import Any

import pytest

from langchain_scaleway.testing import ScalewayEmulator, ServedModel
from tests.support.emulated import ask, client_of

TOOLS = [{"type": "function", "function": {"name": "f"}}]
USER: dict[str, Any] = {"role": "user", "content": "x"}
SYSTEM = {"role": "system", "content": "x"}
ANSWER = {"role": "assistant", "content": "x"}


def calling(*ids: str, name: str = "f") -> dict[str, Any]:
    calls = [{"id": one, "function": {"name": name, "arguments": "{}"}} for one in ids]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def result(call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": "x"}


A, B = "aaaaaaaaa", "bbbbbbbbb"
HISTORIES: dict[str, list[dict[str, Any]]] = {
    "one question": [USER],
    "a system message": [SYSTEM, USER],
    "a conversation": [USER, ANSWER, USER],
    "a call and its result": [SYSTEM, USER, calling(A), result(A)],
    "an answer after a result": [USER, calling(A), result(A), ANSWER, USER],
    # Odd ones:
    "system later": [USER, ANSWER, SYSTEM, USER],
    "two systems": [SYSTEM, SYSTEM, USER],
    "no user": [SYSTEM],
    "results alone": [calling(A), result(A)],
    "users in a row": [USER, USER],
    "assistants in a row": [USER, ANSWER, ANSWER, USER],
    "assistant first": [ANSWER, USER],
    "assistant last": [USER, ANSWER],
    "user behind a result": [USER, calling(A), result(A), USER],
    "two calls": [USER, calling(A, B), result(A), result(B)],
    "a result without its call": [USER, calling(A), result(A), result(B)],
    "two results of a call": [USER, calling(A), result(A), result(A)],
    "a call without its result": [USER, calling(A, B), result(A)],
    "an id that is not Mistral's": [USER, calling("call_1"), result("call_1")],
    "a name with a dot": [USER, calling(A, name="a.b"), result(A)],
}
ALTERNATE = "roles must alternate user/assistant"
BEGINNING = "System message must be at the beginning."
ONE_SYSTEM = "with the exception of an initial optional system message!"
REFUSED: dict[str, dict[str, str]] = {
    "mistralai/Mistral-Small-3.2-24B-Instruct-2506": {
        "system later": ONE_SYSTEM,
        "two systems": ONE_SYSTEM,
        "no user": "Expected last role User or Tool (or Assistant with prefix) for serving",
        "users in a row": ALTERNATE,
        "assistants in a row": ALTERNATE,
        "assistant first": ALTERNATE,
        "assistant last": "Cannot set `add_generation_prompt` to True when the last message is",
        "user behind a result": ALTERNATE,
        "a result without its call": f"Unexpected tool call id {B} in tool results",
        "two results of a call": f"Unexpected tool call id {A} in tool results",
        "a call without its result": "Not the same number of function calls and responses",
        "an id that is not Mistral's": "Tool call id was call_1 but must be a-z, A-Z, 0-9",
        "a name with a dot": "Function name was a.b but must be a-z, A-Z, 0-9",
    },
    "Qwen/Qwen3.6-35B-A3B": {
        "system later": BEGINNING,
        "two systems": BEGINNING,
        "no user": "No user query found in messages.",
        "results alone": "No user query found in messages.",
    },
    "meta/llama-3.3-70b-instruct:fp8": {
        "no user": "Cannot put tools in the first user message",
        "results alone": "Cannot put tools in the first user message",
        "two calls": "This model only supports single tool-calls at once!",
        "a call without its result": "This model only supports single tool-calls at once!",
    },
    # Templates that raise nothing about any of these.
    "qwen3-235b-a22b-instruct-2507": {},
    "gemma-4-26b-a4b-it": {},
    "deepseek-v4-flash-0731": {},
    "glm-5.2": {},
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[ScalewayEmulator]:
    """An emulator of one model of each family, under names as hubs and deployments write them."""
    with ScalewayEmulator(models=tuple(ServedModel(id=model) for model in REFUSED)) as emulator:
        yield emulator


@pytest.mark.parametrize("model", REFUSED)
def test_template_refuses_what_the_family_does_not_take(
    emulator: ScalewayEmulator, model: str
) -> None:
    for name, history in HISTORIES.items():
        answer = ask(emulator, model=model, messages=history, tools=TOOLS)
        sentence = REFUSED[model].get(name)
        assert answer.status_code == (200 if sentence is None else 400), (name, answer.text)
        assert sentence is None or sentence in answer.text, name


def test_names_of_tools_that_mistral_does_not_take(emulator: ScalewayEmulator) -> None:
    mistral, qwen, *_ = REFUSED
    tools = [{"type": "function", "function": {"name": "météo paris"}}]
    assert ask(emulator, model=mistral, tools=tools).status_code == 400
    assert ask(emulator, model=qwen, tools=tools).status_code == 200


def test_responses_api_applies_the_same_templates(emulator: ScalewayEmulator) -> None:
    with client_of(emulator) as client:
        body = {"model": "Qwen/Qwen3.6-35B-A3B", "instructions": "x", "input": [SYSTEM, USER]}
        answer = client.post("/responses", json=body)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == BEGINNING
