"""Rules beside the script, assertions about requests, scripts in files, the fixture's options."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

from langchain_scaleway.testing import HttpError, Matcher, Reply, ScalewayEmulator, Stall, ToolCall
from tests.support.emulated import ask, body_of, client_of, message_of

CALLED = {
    "role": "assistant",
    "content": None,
    "tool_calls": [
        {"id": "aaaaaaaaa", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    ],
}
RESULT = {"role": "tool", "tool_call_id": "aaaaaaaaa", "content": "21 degrees"}


def asked(text: str, *more: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": text}, *more]


# --- Rules ------------------------------------------------------------------------------


def test_turns_of_an_agent_are_told_apart_by_the_tools_result(emulator: ScalewayEmulator) -> None:
    question = emulator.when(contains="Paris", tool_result=False)
    question.reply(Reply(tool_calls=[ToolCall("f")]))
    emulator.when(contains="Paris", tool_result="21 degrees").reply("It is warm.")
    emulator.when(tool_result=True).reply("Something else.")
    assert message_of(ask(emulator, "Paris?", tools=[]))["tool_calls"]
    later = ask(emulator, messages=asked("Paris?", CALLED, RESULT))
    assert message_of(later)["content"] == "It is warm."
    other = ask(emulator, messages=asked("Rome?", CALLED, RESULT))
    assert message_of(other)["content"] == "Something else."
    new_turn = asked("x", CALLED, RESULT, {"role": "assistant", "content": "x"}, *asked("Paris?"))
    assert message_of(ask(emulator, messages=new_turn))["tool_calls"]
    emulator.assert_requested(question, times=2)


def test_criteria(emulator: ScalewayEmulator) -> None:
    messages = [
        {"role": "system", "content": "A system prompt"},
        *asked("The first question", {"role": "assistant", "content": "x"}),
        {"role": "user", "content": [{"type": "text", "text": "The last question"}]},
    ]
    ask(emulator, model="glm-5.2", messages=messages, temperature=0)
    [request] = emulator.requests
    for matcher, matches in (
        (Matcher(model="glm-5.2"), True),
        (Matcher(model="gpt-oss-120b"), False),
        (Matcher(contains="system prompt"), True),
        (Matcher(contains="last question"), True),
        (Matcher(contains="first question"), False),
        (Matcher(endpoint="chat"), True),
        (Matcher(endpoint="/chat/completions"), True),
        (Matcher(endpoint="/responses"), False),
        (Matcher(where=lambda request: request.json["temperature"] == 0), True),
        (Matcher(where=lambda request: "tools" in request.json, model="glm-5.2"), False),
    ):
        assert matcher.matches(request) is matches, matcher


def test_criteria_of_the_responses_api(emulator: ScalewayEmulator) -> None:
    emulator.when(contains="noon", endpoint="/responses").reply("never")
    emulator.when(tool_result="noon", endpoint="/responses").reply("It is noon.")
    call = {"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"}
    items = [
        *asked("Hello"),
        call,
        {"type": "function_call_output", "call_id": "c", "output": "noon"},
    ]
    with client_of(emulator) as client:
        answer = client.post("/responses", json={"model": "gpt-oss-120b", "input": items})
    assert answer.json()["output"][-1]["content"][0]["text"] == "It is noon."


def test_criteria_of_the_other_endpoints(emulator: ScalewayEmulator) -> None:
    emulator.when(endpoint="embeddings", contains="bad").reply(HttpError(503))
    emulator.when(endpoint="rerank", contains="bad").reply(HttpError(503))
    emulator.when(endpoint="transcriptions", contains="a.wav").reply("heard")
    with client_of(emulator) as client:
        embed = {"model": "qwen3-embedding-8b"}
        assert client.post("/embeddings", json={**embed, "input": "good"}).status_code == 200
        assert client.post("/embeddings", json={**embed, "input": ["bad"]}).status_code == 503
        rank = {**embed, "query": "x", "documents": ["bad"]}
        assert client.post("/rerank", json=rank).status_code == 503
        heard = client.post(
            "/audio/transcriptions",
            data={"model": "whisper-large-v3"},
            files={"file": ("a.wav", b"RIFF")},
        )
    assert heard.json()["text"] == "heard"


def test_rules_come_before_the_script_and_end(emulator: ScalewayEmulator) -> None:
    emulator.script("scripted")
    emulator.when(contains="Hello").reply("first", times=1)
    emulator.when(contains="Hello").reply("second", times=1)
    answers = [message_of(ask(emulator))["content"] for _ in range(3)]
    assert answers == ["first", "second", "scripted"]
    emulator.verify()


def test_rules_that_too_few_requests_met_are_named(emulator: ScalewayEmulator) -> None:
    emulator.when(model="glm-5.2").reply("x")
    emulator.when(contains="Hello").reply("x", times=2)
    ask(emulator)
    with pytest.raises(ExceptionGroup) as caught:
        emulator.verify()
    assert [str(error) for error in caught.value.exceptions] == [
        "Too few requests (0 of any) came for Rule(endpoint='chat', model='glm-5.2')",
        "Too few requests (1 of 2) came for Rule(endpoint='chat', contains='Hello')",
    ]


def test_assertions_about_requests(emulator: ScalewayEmulator) -> None:
    ask(emulator, "How are you?")
    emulator.assert_requested()
    emulator.assert_requested(Matcher(contains="How"), times=1)
    emulator.assert_requested(contains="Why", times=0)
    with pytest.raises(AssertionError, match="0 requests, not at least one, match") as caught:
        emulator.assert_requested(contains="Why")
    assert "How are you?" in str(caught.value)
    with pytest.raises(AssertionError, match="1 requests, not 2, match"):
        emulator.assert_requested(times=2)


def test_assertion_about_a_rule_counts_the_requests_that_it_is_for(
    emulator: ScalewayEmulator,
) -> None:
    rule = emulator.when(contains="Why").reply("Because.")
    ask(emulator, "Why?")
    with client_of(emulator) as client:
        client.post("/embeddings", json={"model": "qwen3-embedding-8b", "input": "Why?"})
    emulator.assert_requested(rule, times=1)
    emulator.assert_requested(rule, times=0, model="glm-5.2")
    emulator.assert_requested(contains="Why", times=2)


def test_misspelt_criteria_and_endpoints_are_refused_at_once(emulator: ScalewayEmulator) -> None:
    with pytest.raises(TypeError, match="no criterion contain"):
        emulator.when(contain="x")  # type: ignore[call-arg]  # that is what is tested
    for misspelt in (
        lambda: emulator.script("x", endpoint="chats"),  # type: ignore[arg-type]  # the same
        lambda: emulator.respond_with(None, endpoint="chats"),  # type: ignore[arg-type]  # the same
        lambda: emulator.when(endpoint="chats"),
        lambda: emulator.assert_requested(endpoint="chats", times=0),
    ):
        with pytest.raises(ValueError, match="no endpoint 'chats'; their names are chat, embed"):
            misspelt()


# --- Files ------------------------------------------------------------------------------

SCRIPT = """
- Hello from a file
- {body: no more than a body}
- text: Let me see.
  reasoning: thought over
  tool_calls: [{name: f, arguments: {city: Paris}}]
- fault: HtmlError:status=502
- {status: 418, headers: {x-a: b}, body: {short: and stout}}
- {text: late, faults: ["Delay:seconds=0.01"]}
- {fault: HttpError:status=503, endpoint: embeddings}
- {text: by a rule, when: {contains: weather}, times: 1}
- {fault: HttpError, endpoint: embeddings, when: {contains: weather}}
"""


def test_script_in_a_file(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    path.write_text(SCRIPT, "utf-8")
    with ScalewayEmulator(script_file=path) as emulator:
        assert message_of(ask(emulator, "How is the weather?"))["content"] == "by a rule"
        assert message_of(ask(emulator))["content"] == "Hello from a file"
        assert ask(emulator).text == "no more than a body"
        with_call = message_of(ask(emulator, model="glm-5.2", tools=[]))
        assert with_call["reasoning"] == "thought over"
        assert with_call["tool_calls"][0]["function"]["arguments"] == '{"city":"Paris"}'
        assert ask(emulator).status_code == 502
        teapot = ask(emulator)
        assert (teapot.status_code, teapot.json()) == (418, {"short": "and stout"})
        assert message_of(ask(emulator))["content"] == "late"
        assert emulator.scripted_steps_left == 1, "the one for embeddings"
        emulator.reset()
        assert emulator.scripted_steps_left == 7


def test_script_as_other_languages_write_json(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_bytes(b'[\n\t"\\ud83d\\ude00 \\/",\n\t{"text": "\xc3\xbc"}\n]')
    with ScalewayEmulator(script_file=path) as emulator:
        assert [message_of(ask(emulator))["content"] for _ in range(2)] == ["😀 /", "ü"]


def test_script_that_is_none_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "script.yaml"
    for text, said in {
        "- 5": "0\n",
        "- {txt: x}": "0.reply.txt\n",
        "a: b": "list",
        "": "list",
        "- x\n- {text: x, fault: HtmlError}": "strikes no other step",
        "- {text: x, status: 200}": "0.answer.text\n",
        "- {text: x, times: 0}": "0.times\n",
        "- {fault: null, bodi: x}": "0.reply.bodi\n",
        "- {text: x, when: {contain: x}}": "0.when.contain\n",
        "- {text: x, when: {endpoint: chats}}": "There is no endpoint 'chats'",
        "- {fault: {name: HtmlError}}": "0.fault\n",
        "- {tool_calls: [{name: f, args: {}}]}": "0.reply.tool_calls.0.args\n",
        "- {fault: Nothing}": "No fault is called 'Nothing'",
        "- {text: x, endpoint: embeddings}": "no text answers embeddings",
        "[": "expected",
    }.items():
        path.write_text(text, "utf-8")
        with pytest.raises(ValueError, match=r"script\.yaml") as caught:
            ScalewayEmulator(script_file=path)
        assert said in str(caught.value)


# --- Waiting, forgetting, the environment ------------------------------------------------


async def test_waiting_does_not_stop_the_event_loop(emulator: ScalewayEmulator) -> None:
    emulator.script(Reply("a b c", faults=[Stall(after_events=2)]))

    async def leave_early() -> None:
        headers = {"Authorization": f"Bearer {emulator.api_key}"}
        async with httpx.AsyncClient(base_url=emulator.base_url, headers=headers) as client:
            stream = client.stream("POST", "/chat/completions", json=body_of(stream=True))
            async with stream as answer:
                await anext(answer.aiter_raw())

    leaving = asyncio.create_task(leave_early())
    assert await emulator.wait_for(lambda it: it.requests[-1:] != [])
    assert await emulator.wait_for(lambda it: it.requests[0].client_disconnected)
    await leaving
    assert not await emulator.wait_for(lambda it: len(it.requests) == 2, seconds=0.05)


def test_reset_forgets_everything(emulator: ScalewayEmulator) -> None:
    emulator.script("left", lambda _: "x")
    emulator.when(contains="x").reply("y")
    emulator.respond_with(lambda _: "default")
    ask(emulator)
    emulator.reset()
    assert (emulator.requests, emulator.statuses, emulator.scripted_steps_left) == ([], {}, 0)
    assert "emulated" in message_of(ask(emulator))["content"]
    assert emulator.requests[0].number == 1
    emulator.verify()
