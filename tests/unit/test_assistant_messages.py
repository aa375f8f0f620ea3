"""Tool calls and reasoning in assistant messages, in all the places that hold them."""

import json
import math
from datetime import date
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    FunctionMessage,
    HumanMessage,
    ToolMessage,
)
from langchain_core.messages.tool import invalid_tool_call, tool_call

from langchain_scaleway.convert.messages import messages_to_wire
from tests.support.messages import CALL, TEXT, WIRE_CALL, wire_of
from tests.support.recordings import VLLM_QWEN, Recording

LOOP: list[Any] = []
LOOP.append(LOOP)


class TestToolCalls:
    """Calls of this and other models, in all the places where messages keep them."""

    @pytest.mark.parametrize("text", ["", "Let me see."])
    def test_calls_beside_text(self, text: str) -> None:
        wire = {"role": "assistant", "content": text, "tool_calls": [WIRE_CALL]}
        assert wire_of(AIMessage(text, tool_calls=[CALL])) == wire

    @pytest.mark.parametrize(
        ("arguments", "sent"),
        [
            # What models wrote
            ("not json", '{"unreadable_arguments":"not json"}'),
            ('"Paris"', '{"unreadable_arguments":"\\"Paris\\""}'),
            ('{"a": NaN}', '{"unreadable_arguments":"{\\"a\\": NaN}"}'),
            ("[" * 100_000, f'{{"unreadable_arguments":"{"[" * 100_000}"}}'),
            ('{"city": "Orléans"}', '{"city": "Orléans"}'),
            *((nothing, "{}") for nothing in ("", " \n", None)),
            ([1], '{"unreadable_arguments":[1]}'),
            # What `json.loads` read, and no request could carry
            ({"x": "a\ud83d b"}, '{"x":"a\ufffd b"}'),
            ({"é": [1, math.inf]}, '{"unreadable_arguments":"{\\"é\\":[1,Infinity]}"}'),
            # What programs put there, which would not hear of a refusal
            ({"x": date(2026, 11, 28)}, '{"x":"2026-11-28"}'),
            ({"x": b"a"}, '{"x":"b\'a\'"}'),
            ({"x": {(1, 2): 3}}, '{"unreadable_arguments":"{\'x\': {(1, 2): 3}}"}'),
            ({"x": LOOP}, '{"unreadable_arguments":"{\'x\': [[...]]}"}'),
        ],
        ids=lambda value: str(value)[:20],
    )
    def test_arguments_go_out_as_an_object(self, arguments: Any, sent: str) -> None:
        message = (
            AIMessage("", tool_calls=[tool_call(name="f", args=arguments, id="1")])
            if isinstance(arguments, dict)
            else AIMessage(
                [{"type": "invalid_tool_call", "name": "f", "args": arguments, "id": "1"}]
            )
        )
        (call,) = wire_of(message)["tool_calls"]
        assert call["function"]["arguments"] == sent

    def test_an_invalid_call_keeps_its_id_for_the_answer(self) -> None:
        call = invalid_tool_call(name=None, args="oops", id="chatcmpl-tool-9", error=None)
        messages = [
            AIMessage("", tool_calls=[CALL], invalid_tool_calls=[call]),
            ToolMessage("invalid JSON", tool_call_id="chatcmpl-tool-9", status="error"),
        ]
        assistant, tool = messages_to_wire(messages)
        assert [c["id"] for c in assistant["tool_calls"]] == ["chatcmpl-tool-1", "chatcmpl-tool-9"]
        assert assistant["tool_calls"][1]["function"]["name"] == "unnamed_tool"
        assert tool["tool_call_id"] == "chatcmpl-tool-9"

    @pytest.mark.parametrize(
        "block",
        [
            {"type": "tool_call", "id": CALL["id"], "name": "get_weather", "args": {}},
            {"type": "tool_use", "id": CALL["id"], "name": "get_weather", "input": {}},
            {"type": "function_call", "id": "fc_1", "call_id": CALL["id"], "arguments": "{}"},
            {"type": "function_call", "name": "get_weather", "args": {}},
            {"type": "tool_call_chunk", "id": "chatcmpl-tool-1", "name": "f", "args": ""},
            {"type": "input_json_delta", "partial_json": "{}"},
        ],
        ids=["LangChain", "Anthropic", "OpenAI", "Google", "chunk", "delta"],
    )
    def test_a_call_in_the_content_is_not_doubled(self, block: dict[str, Any]) -> None:
        message = AIMessage([TEXT, block], tool_calls=[CALL])
        assert wire_of(message) == {
            "role": "assistant",
            "content": "Hi!",
            "tool_calls": [WIRE_CALL],
        }

    @pytest.mark.parametrize(
        "block",
        [
            {"type": "tool_use", "id": "1", "name": "f", "input": {"x": 1}},
            {"toolUse": {"toolUseId": "1", "name": "f", "input": {"x": 1}}},
            {"type": "tool_call", "id": "1", "name": "f", "args": {"x": 1}},
            {"type": "invalid_tool_call", "id": "1", "name": "f", "args": '{"x":1}', "error": ""},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": '{"x":1}'},
            {"type": "custom_tool_call", "call_id": "1", "name": "f", "input": '{"x":1}'},
            {
                "type": "non_standard",
                "value": {"type": "tool_use", "id": "1", "name": "f", "input": {"x": 1}},
            },
        ],
        ids=["Anthropic", "Amazon", "LangChain", "invalid", "OpenAI", "custom", "wrapped"],
    )
    def test_a_call_in_the_content_alone_is_sent(self, block: dict[str, Any]) -> None:
        assert wire_of(AIMessage([block]))["tool_calls"] == [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
        ]

    def test_a_call_in_the_content_beside_another_is_sent_behind_it(self) -> None:
        block = {"type": "tool_use", "id": "2", "name": "f", "input": {}}
        calls = wire_of(AIMessage([block], tool_calls=[CALL]))["tool_calls"]
        assert [call["id"] for call in calls] == [CALL["id"], "2"]

    def test_another_providers_message_in_v1_is_sent_as_it_was(self) -> None:
        """A thread that `output_version="v1"` joined half-way."""
        message = AIMessage(
            [
                {"type": "thinking", "thinking": "Look it up.", "signature": "EqQB"},
                {"type": "redacted_thinking", "data": "EqQB"},
                TEXT,
                {"type": "server_tool_use", "id": "srv", "name": "web_search", "input": {}},
                {"type": "tool_use", "id": CALL["id"], "name": CALL["name"], "input": CALL["args"]},
            ],
            tool_calls=[CALL],
            response_metadata={"model_provider": "anthropic"},
        )
        metadata = {**message.response_metadata, "output_version": "v1"}
        in_v1 = AIMessage(
            content_blocks=message.content_blocks, tool_calls=[CALL], response_metadata=metadata
        )
        for one in (message, in_v1):
            assert wire_of(one, replay_reasoning=True) == {
                "role": "assistant",
                "content": "Hi!",
                "tool_calls": [WIRE_CALL],
                "reasoning": "Look it up.",
            }

    @pytest.mark.parametrize(("written", "sent"), [("{}", "{}"), ("oops", None)])
    def test_raw_calls_of_old_histories(self, written: str, sent: str | None) -> None:
        raw = {"id": "1", "type": "function", "function": {"name": "f", "arguments": written}}
        message = AIMessage("")
        message.additional_kwargs["tool_calls"] = [raw, {"id": "2", "type": "custom"}]
        sent = sent or '{"unreadable_arguments":"oops"}'
        expected = {**raw, "function": {"name": "f", "arguments": sent}}
        assert wire_of(message)["tool_calls"] == [expected]
        # Beside parsed ones they are not doubled.
        parsed = AIMessage("", additional_kwargs={"tool_calls": [raw]})
        assert wire_of(parsed)["tool_calls"] == [expected]

    def test_function_calls_and_their_results_find_each_other(self) -> None:
        history = [
            message
            for city in ("Paris", "Lille")
            for message in (
                AIMessage(
                    "",
                    additional_kwargs={
                        "function_call": {"name": "get_weather", "arguments": json.dumps([city])}
                    },
                ),
                FunctionMessage(content=f"sunny in {city}", name="get_weather"),
            )
        ]
        first, first_result, second, second_result = messages_to_wire(history)
        assert first["tool_calls"][0]["id"] == first_result["tool_call_id"]
        assert second["tool_calls"][0]["id"] == second_result["tool_call_id"]
        assert first_result["tool_call_id"] != second_result["tool_call_id"]
        assert second_result["role"] == "tool"


class TestReasoning:
    """It goes out within one run of tools if the template reads it, or where it is asked for."""

    RUN = (
        HumanMessage("Hello!"),
        AIMessage("Good day!"),
        HumanMessage("Where is Lille?"),
        AIMessage("In France.", additional_kwargs={"reasoning_content": "Easy."}),
        HumanMessage("And the weather there?"),
        AIMessage("", tool_calls=[CALL], additional_kwargs={"reasoning_content": "Look it up."}),
        ToolMessage("sunny", tool_call_id=CALL["id"]),
        AIMessage("", tool_calls=[CALL]),
        ToolMessage("sunny", tool_call_id=CALL["id"]),
    )

    @pytest.mark.parametrize(
        ("family", "asked", "sent"),
        [
            ("qwen3.5", None, [None, "Look it up.", None]),
            ("gemma-4", None, [None, "Look it up.", None]),
            ("glm-5", None, [None, "Look it up.", None]),
            ("gpt-oss", None, [None, "Look it up.", None]),
            ("deepseek-v4", None, [None, "Look it up.", ""]),
            ("mistral", None, [None, None, None]),
            (None, None, [None, None, None]),
            ("qwen3.5", True, ["Easy.", "Look it up.", None]),
            ("deepseek-v4", True, ["Easy.", "Look it up.", ""]),
            (None, True, ["Easy.", "Look it up.", None]),
            ("qwen3.5", False, [None, None, None]),
            ("deepseek-v4", False, [None, None, None]),
        ],
    )
    def test_between_calls(
        self, family: str | None, asked: bool | None, sent: list[str | None]
    ) -> None:
        wire = messages_to_wire(self.RUN, family=family, replay_reasoning=asked)
        assert [m.get("reasoning") for m in wire if m["role"] == "assistant"] == [None, *sent]

    def test_it_goes_out_as_vllm_was_seen_to_take_it(self) -> None:
        recorded = Recording(VLLM_QWEN, "reasoning_history_reasoning").request["body"]["messages"]
        question, answer, next_question = recorded
        fields = {"reasoning_content": answer["reasoning"]}
        history = [
            HumanMessage(question["content"]),
            AIMessage(answer["content"], additional_kwargs=fields),
            HumanMessage(next_question["content"]),
        ]
        assert messages_to_wire(history, replay_reasoning=True) == recorded

    @pytest.mark.parametrize(
        "block",
        [
            {"type": "reasoning", "reasoning": "France: Paris."},
            {"type": "thinking", "thinking": "France: Paris.", "signature": "EqQB"},
            {"type": "thinking", "thinking": [{"type": "text", "text": "France: Paris."}]},
            {"type": "reasoning_content", "reasoning_content": {"text": "France: Paris."}},
            {
                "type": "reasoning",
                "id": "rs_1",
                "summary": [{"type": "summary_text", "text": "France: Paris."}],
            },
            {
                "type": "reasoning",
                "summary": [],
                "content": [{"type": "reasoning_text", "text": "France: Paris."}],
            },
        ],
        ids=["LangChain", "Anthropic", "Mistral", "Amazon", "OpenAI summary", "OpenAI text"],
    )
    def test_reasoning_blocks(self, block: dict[str, Any]) -> None:
        message = AIMessage([block, "Paris."])
        assert wire_of(message) == {"role": "assistant", "content": "Paris."}
        assert wire_of(message, replay_reasoning=True)["reasoning"] == "France: Paris."

    def test_each_summary_is_a_paragraph(self) -> None:
        summary = [{"type": "summary_text", "text": text} for text in ("France.", "Paris.")]
        message = AIMessage([{"type": "reasoning", "id": "rs_1", "summary": summary}])
        assert wire_of(message, replay_reasoning=True)["reasoning"] == "France.\n\nParis."

    @pytest.mark.parametrize(
        "kwargs",
        [
            {"reasoning_content": "France: Paris."},
            {"reasoning": "France: Paris."},
            {"reasoning": {"summary": [{"type": "summary_text", "text": "France: Paris."}]}},
        ],
        ids=["LangChain", "vLLM", "OpenAI v0.3"],
    )
    def test_reasoning_fields_beside_which_copies_are_sent_once(
        self, kwargs: dict[str, Any]
    ) -> None:
        block = {"type": "reasoning", "reasoning": "France: Paris."}
        for content in ("Paris.", [block, "Paris."]):
            message = AIMessage(content, additional_kwargs=kwargs)  # type: ignore[arg-type]  # both
            assert wire_of(message) == {"role": "assistant", "content": "Paris."}
            assert wire_of(message, replay_reasoning=True)["reasoning"] == "France: Paris."

    @pytest.mark.parametrize(
        "message",
        [
            AIMessage("Paris.", additional_kwargs={"summary": "a", "content": "b"}),
            AIMessage([{"type": "redacted_thinking", "data": "EqQB"}, "Paris."]),
            AIMessage(
                [{"type": "reasoning", "summary": [], "encrypted_content": "gAAA"}, "Paris."]
            ),
        ],
        ids=["other fields", "Anthropic", "OpenAI"],
    )
    def test_what_is_no_reasoning_or_encrypted_is_left_out(self, message: AIMessage) -> None:
        assert wire_of(message, replay_reasoning=True) == {"role": "assistant", "content": "Paris."}
