"""Messages of every type, as they go into a request."""

import base64
import json
from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
    convert_to_messages,
)
from langchain_core.messages.tool import invalid_tool_call, tool_call

from langchain_scaleway.convert.messages import messages_to_wire
from tests.support.messages import IMAGE, IMAGE_PART, IMAGE_URL, PNG, TEXT, wire_of

ROLES: dict[str, tuple[BaseMessage, dict[str, Any]]] = {
    "system": (SystemMessage("a"), {"role": "system", "content": "a"}),
    "human": (HumanMessage("a"), {"role": "user", "content": "a"}),
    "AI": (AIMessage("a"), {"role": "assistant", "content": "a"}),
    "empty AI": (AIMessage(""), {"role": "assistant", "content": ""}),
    "chat": (ChatMessage(content="a", role="user"), {"role": "user", "content": "a"}),
    **{
        f"{name}'s chat": (ChatMessage(content="a", role=name), {"role": role, "content": "a"})
        for name, role in {"human": "user", "ai": "assistant", "model": "assistant"}.items()
    },
    "function's chat": (
        ChatMessage(content="a", role="function"),
        {"role": "tool", "tool_call_id": "", "content": "a"},
    ),
    "own role": (ChatMessage(content="a", role="critic"), {"role": "critic", "content": "a"}),
    "tool": (
        ToolMessage("a", tool_call_id="1", status="error", artifact=object(), id="run-1"),
        {"role": "tool", "tool_call_id": "1", "content": "a"},
    ),
    "tool without an id": (
        ToolMessage("a", tool_call_id=""),
        {"role": "tool", "tool_call_id": "", "content": "a"},
    ),
    "function": (
        FunctionMessage(content="a", name="f"),
        {"role": "tool", "tool_call_id": "", "content": "a", "name": "f"},
    ),
}


@pytest.mark.parametrize(("message", "wire"), ROLES.values(), ids=ROLES)
def test_each_type_has_its_role_and_a_name_is_sent(
    message: BaseMessage, wire: dict[str, Any]
) -> None:
    assert wire_of(message) == wire
    named = message.model_copy(update={"name": "ada"})
    assert wire_of(named) == {**wire, "name": "ada"}


def test_a_developer_message_is_a_system_message() -> None:
    messages = convert_to_messages([{"role": "developer", "content": "Be brief."}])
    messages.append(ChatMessage(content=[TEXT], role="developer"))
    assert messages_to_wire(messages) == [
        {"role": "system", "content": "Be brief."},
        {"role": "system", "content": TEXT["text"]},
    ]


def test_a_subclass_is_what_it_derives_from() -> None:
    class Question(HumanMessage):
        pass

    assert wire_of(Question(content="Why?")) == {"role": "user", "content": "Why?"}


class TestContentLists:
    """Users send parts, the others text."""

    def test_user_blocks_stay_a_list(self) -> None:
        content: list[str | dict[Any, Any]] = [
            "Look:",
            {**TEXT, "id": "lc_1", "cache_control": {"type": "ephemeral"}},
            IMAGE,
        ]
        assert wire_of(HumanMessage(content))["content"] == [
            {"type": "text", "text": "Look:"},
            TEXT,
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
        ]

    @pytest.mark.parametrize(
        ("message", "sent"),
        [
            (SystemMessage([TEXT, "Be kind."]), "Hi!\nBe kind."),
            (ToolMessage([TEXT, "Bye."], tool_call_id="1"), "Hi!\nBye."),
            (AIMessage([TEXT, "Bye."]), "Hi!Bye."),
            (ChatMessage(content=[TEXT, "Bye."], role="assistant"), "Hi!Bye."),
            (ChatMessage(content=[TEXT], role="critic"), [TEXT]),
            *(
                (message, "")
                for message in (
                    *(HumanMessage([]), SystemMessage([]), AIMessage([])),
                    *(ToolMessage([], tool_call_id="1"), ChatMessage(content=[], role="system")),
                )
            ),
        ],
        ids=lambda value: value.type if isinstance(value, BaseMessage) else str(value),
    )
    def test_a_list_in_each_role(self, message: BaseMessage, sent: Any) -> None:
        assert wire_of(message)["content"] == sent

    @pytest.mark.parametrize(
        ("content", "text"), [(None, ""), (5, "5"), (("a", "b"), "ab")], ids=repr
    )
    def test_content_that_no_message_should_have(self, content: Any, text: str) -> None:
        """Programs assign it, which nobody checks."""
        for message in (HumanMessage("Hi!"), AIMessage("Hi!")):
            message.content = content
            sent = wire_of(message)["content"]
            assert "".join(part if isinstance(part, str) else part["text"] for part in sent) == text


class TestEarlierPictures:
    """A thread goes on with a model that does not read what an earlier one did."""

    THREAD = (HumanMessage([TEXT, IMAGE]), AIMessage("A cat."), HumanMessage("What colour?"))

    def test_a_line_takes_their_place(self) -> None:
        told: list[str] = []
        question, *_ = messages_to_wire(self.THREAD, inputs=frozenset(), on_left_out=told.append)
        line = {"type": "text", "text": "[image, image/png: not shown]"}
        assert question["content"] == [TEXT, line]
        assert told == ["image"]

    def test_files_that_another_provider_took(self) -> None:
        pdf = {"type": "file", "base64": "JVBERi0=", "mime_type": "application/pdf"}
        question, *_ = messages_to_wire([HumanMessage([TEXT, pdf]), *self.THREAD[1:]])
        assert question["content"][1]["text"] == "[file, application/pdf: not shown]"

    def test_what_was_refused_does_not_end_the_thread(self) -> None:
        """An agent's checkpoint holds it when the user writes something else."""
        pdf = {"type": "file", "base64": "JVBERi0=", "mime_type": "application/pdf"}
        with pytest.raises(ValueError, match="cannot be sent"):
            wire_of(HumanMessage([TEXT, pdf]))
        sent = messages_to_wire([HumanMessage([TEXT, pdf]), HumanMessage("Without it, then.")])
        assert sent[0]["content"][1]["text"] == "[file, application/pdf: not shown]"

    def test_as_many_as_a_request_may_hold_go_out(self) -> None:
        asked = HumanMessage([IMAGE, IMAGE])
        _, _, question = messages_to_wire([asked, AIMessage("Cats."), asked], most_images=1)
        assert question["content"] == [IMAGE_PART, IMAGE_PART], "the server says what is wrong"
        thread = [asked, AIMessage("Cats."), HumanMessage([TEXT, IMAGE])]
        earlier, _, question = messages_to_wire(thread, most_images=2)
        assert [part["type"] for part in earlier["content"]] == ["text", "image_url"]
        assert question["content"] == [TEXT, IMAGE_PART]

    def test_a_message_of_the_harness(self) -> None:
        """Its summary is a human message that no human wrote."""
        block = {"type": "file", "file_id": "file-1"}
        message = HumanMessage([block], additional_kwargs={"lc_source": "summarization"})
        assert wire_of(message)["content"][0]["text"] == "[file file-1: not shown]"

    def test_a_new_picture_goes_out(self) -> None:
        """The service says that the model does not read it; nothing is answered without it."""
        assert wire_of(self.THREAD[0], inputs=frozenset())["content"] == [TEXT, IMAGE_PART]

    def test_a_model_that_reads_them_gets_them(self) -> None:
        assert messages_to_wire(self.THREAD)[0]["content"] == [TEXT, IMAGE_PART]


class TestForeignHistories:
    """Histories that other providers' integrations left."""

    @pytest.mark.parametrize(
        "block",
        [
            {"type": "server_tool_call", "id": "1", "name": "web_search", "args": {}},
            {"type": "server_tool_result", "tool_call_id": "1", "output": []},
            {"type": "server_tool_use", "id": "1", "name": "web_search", "input": {}},
            {"type": "web_search_tool_result", "tool_use_id": "1", "content": []},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"type": "executable_code", "executable_code": "print(1)"},
            {"type": "reference", "reference_ids": [1]},
            {"type": "function_call_signature", "signature": "EqQB", "index": 0},
            {"type": "compaction", "id": "cmp_1", "encrypted_content": "gAAA"},
            {"cachePoint": {"type": "default"}},
            IMAGE,
            IMAGE_URL,
            {"type": "file", "file_id": "file-1"},
            {"type": "computer_call", "call_id": "1", "action": {"type": "screenshot"}},
            {"type": "non_standard", "value": {"type": "smell"}},
            {"type": "non_standard", "value": "text"},
            {"type": "text", "text": None},
            {"type": "refusal"},
            {"no": "type"},
            {"type": ["a"]},
        ],
        ids=lambda block: str(block.get("type", next(iter(block)))),
    )
    def test_what_is_neither_said_nor_called_is_left_out(self, block: dict[str, Any]) -> None:
        assert wire_of(AIMessage(["Hel", block, "lo."]))["content"] == "Hello."

    def test_a_summary_of_what_was_said_before_is_kept(self) -> None:
        """LangChain's Anthropic models leave it, for a history that they have cut."""
        block = {"type": "compaction", "content": "They plan a trip to Lyon."}
        message = AIMessage([block, {"type": "text", "text": "By train?"}])
        assert wire_of(message)["content"] == "They plan a trip to Lyon.\n\nBy train?"

    def test_what_was_said_aloud_is_kept(self) -> None:
        audio = {"id": "audio_1", "data": "UklGRg==", "transcript": "By train."}
        message = AIMessage("", additional_kwargs={"audio": audio})
        assert wire_of(message)["content"] == "By train."

    def test_anthropic_tool_results_become_tool_messages(self) -> None:
        history = [
            AIMessage([{"type": "tool_use", "id": "toolu_01", "name": "f", "input": {}}]),
            HumanMessage(
                [
                    {"type": "text", "text": "And now?"},
                    {"type": "tool_result", "tool_use_id": "toolu_01", "content": [TEXT]},
                    {"type": "tool_result", "tool_use_id": "toolu_02", "is_error": True},
                ]
            ),
        ]
        assert messages_to_wire(history)[1:] == [
            {"role": "tool", "tool_call_id": "toolu_01", "content": "Hi!"},
            {"role": "tool", "tool_call_id": "toolu_02", "content": ""},
            {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
        ]

    @pytest.mark.parametrize(
        ("block", "sent"),
        [
            ({"type": "function_call_output", "call_id": "1", "output": "42"}, "42"),
            ({"type": "custom_tool_call_output", "call_id": "1", "output": "42"}, "42"),
            ({"type": "tool_result", "tool_use_id": "1", "content": {"a": 1}}, '{"a":1}'),
            (
                {"toolResult": {"toolUseId": "1", "content": [{"json": {"a": 1}}, {"text": "b"}]}},
                '{"a":1}\nb',
            ),
        ],
        ids=["OpenAI", "OpenAI's custom tool", "Anthropic", "Amazon"],
    )
    def test_a_human_message_of_a_result_alone_is_no_user_message(
        self, block: dict[str, Any], sent: str
    ) -> None:
        result = {"role": "tool", "tool_call_id": "1", "content": sent}
        assert messages_to_wire([HumanMessage([block])]) == [result]

    @pytest.mark.parametrize(
        "block",
        [
            {"type": "tool_use", "id": "1", "name": "f", "input": {}},
            {"toolUse": {"toolUseId": "1", "name": "f", "input": {}}},
            {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"},
            {"type": "invalid_tool_call", "id": "1", "name": "f", "args": "{", "error": None},
            {"type": "thinking", "thinking": "Hm."},
            {"type": "redacted_thinking", "data": "EqQB"},
            {"type": "reasoning", "reasoning": "Hm."},
            {"reasoningContent": {"reasoningText": {"text": "Hm."}}},
        ],
        ids=lambda block: str(block.get("type", next(iter(block)))),
    )
    def test_what_an_assistant_thought_and_called_is_dropped_elsewhere(
        self, block: dict[str, Any]
    ) -> None:
        """Programs hand one agent's reply to another as a human's message or a tool's result."""
        assert wire_of(HumanMessage([TEXT, block], name="researcher"))["content"] == [TEXT]
        assert wire_of(ToolMessage([TEXT, block], tool_call_id="1"))["content"] == "Hi!"
        assert wire_of(SystemMessage([TEXT, block]))["content"] == "Hi!"

    def test_a_tools_chat_message_finds_its_call(self) -> None:
        called = ChatMessage(
            role="assistant",
            content="",
            additional_kwargs={"tool_calls": [{"id": "1", "function": {"name": "f"}}]},
        )
        named = ChatMessage(role="tool", content="a", tool_call_id="9")
        assistant, unnamed_result, named_result = messages_to_wire(
            [called, ChatMessage(role="tool", content="42"), named]
        )
        assert assistant["tool_calls"][0]["id"] == unnamed_result["tool_call_id"] == "1"
        assert named_result["tool_call_id"] == "9"

    def test_a_refusal_is_what_the_assistant_said_behind_its_text(self) -> None:
        block, field = {"type": "refusal", "refusal": "No."}, {"refusal": "No."}
        for said in (
            AIMessage("Well.", additional_kwargs=field),
            AIMessage(["Well.", block]),
            AIMessage(["Well.", block], additional_kwargs=field),
        ):
            assert wire_of(said)["content"] == "Well.\n\nNo."
        assert wire_of(AIMessage([block]))["content"] == "No."


def test_a_system_message_holds_text_only() -> None:
    told: list[str] = []
    wire = wire_of(SystemMessage([TEXT, IMAGE]), on_left_out=told.append)
    assert wire["content"] == "Hi!\n[image, image/png: not shown]"
    assert told == ["image"]


def test_half_a_character_that_a_program_wrote_ends_no_run() -> None:
    """A tool that reads a file's name, or a text that was cut off, has it in every later turn."""
    call = tool_call(name="f", args={"x": "3\ud83d"}, id="4\ud83d")
    bad_call = invalid_tool_call(name="f", args='{"x": "5\ud83d', id="6\ud83d", error=None)
    thought = {"reasoning_content": "7\ud83d"}
    history = [
        SystemMessage("1\ud83d"),
        HumanMessage(["2\ud83d"]),
        AIMessage(
            "8\ud83d", tool_calls=[call], invalid_tool_calls=[bad_call], additional_kwargs=thought
        ),
        ToolMessage([{"name": "9\udce9"}, "0\udce9"], tool_call_id="4\ud83d"),
    ]
    wire = messages_to_wire([*history, HumanMessage("Go on.")], replay_reasoning=True)
    sent = json.dumps(wire, ensure_ascii=False)
    assert all(f"{digit}\ufffd" in sent for digit in range(10))
    assert sent.encode()


class TestRefused:
    """Errors come before the request and say where, what and what to do."""

    def test_the_position_and_type_are_named(self) -> None:
        history = [SystemMessage("a"), HumanMessage("b"), HumanMessage([{"type": "smell"}])]
        with pytest.raises(ValueError, match=r"^messages\[2\] \(HumanMessage\): A `smell` block"):
            messages_to_wire(history)

    def test_a_deletion_and_an_unknown_type_are_no_messages(self) -> None:
        class Telegram(BaseMessage):
            type: str = "telegram"

        with pytest.raises(ValueError, match=r"messages\[0\] \(RemoveMessage\).*add_messages"):
            messages_to_wire([RemoveMessage(id="1")])
        with pytest.raises(ValueError, match=r"messages\[0\] \(Telegram\): No role"):
            messages_to_wire([Telegram(content="STOP")])

    def test_no_payload_is_quoted(self) -> None:
        secret = base64.b64encode(b"%PDF-1.7 " + b"secret" * 1000).decode()
        block = {"type": "file", "base64": secret, "mime_type": "application/pdf"}
        with pytest.raises(ValueError, match="take no files") as raised:
            messages_to_wire([HumanMessage([block])])
        assert secret[:8] not in str(raised.value)
        assert "`base64`" in str(raised.value)
