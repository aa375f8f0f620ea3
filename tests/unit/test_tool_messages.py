"""What tools returned, as it goes into a request."""

from typing import Any

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    HumanMessage,
    ToolMessage,
)

from langchain_scaleway.convert.messages import messages_to_wire
from tests.support.messages import CALL, IMAGE, IMAGE_PART, IMAGE_URL, PNG, TEXT, wire_of


class TestToolMessages:
    """What a tool returned."""

    @pytest.mark.parametrize(
        ("block", "line"),
        [
            ({"type": "json", "json": {"sky": "bleu ciel"}}, '{"sky":"bleu ciel"}'),
            ({"type": "custom_tool_call_output", "output": "ok"}, "ok"),
            (
                {"type": "search_result", "title": "T", "source": "a.example", "content": [TEXT]},
                "T\na.example\nHi!",
            ),
            # What no model takes
            (
                {"type": "file", "url": "docs://report", "mime_type": "text/markdown"},
                "[file docs://report, text/markdown: not shown]",
            ),
            (
                {"type": "file", "base64": "JVBERi0=", "mime_type": "application/pdf"},
                "[file, application/pdf: not shown]",
            ),
            (
                {"type": "file", "file_id": "1", "extras": {"filename": "report.pdf"}},
                "[file report.pdf: not shown]",
            ),
            (
                {"type": "input_file", "file_url": "https://a.example/a.pdf"},
                "[file https://a.example/a.pdf: not shown]",
            ),
            (
                {"type": "resource_link", "uri": "docs://a", "mimeType": "text/csv"},
                "[resource_link docs://a, text/csv: not shown]",
            ),
            ({"document": {"source": {"bytes": b"\xff"}, "name": "a"}}, "[file a: not shown]"),
            ({"type": "image", "url": "file:///cat.png"}, "[image file:///cat.png: not shown]"),
            ({"type": "audio", "base64": "AAAA"}, "[audio: not shown]"),
            ({"type": "image_url", "image_url": {"url": "A" * 3000}}, "[image: not shown]"),
            ({"type": "document", "data": "A" * 3000}, "[document: not shown]"),
            ({"name": "a.png", "content": ("A" * 76 + "\n") * 30}, "[block a.png: not shown]"),
            # Data in the shape of a block, as a search or a list of files returns it
            ({"title": "T", "url": "https://a.example"}, '{"title":"T","url":"https://a.example"}'),
            ({"video": {"id": 1}}, '{"video":{"id":1}}'),
            (dict.fromkeys(((n,) for n in range(9)), "x"), str({(n,): "x" for n in range(9)})),
            ({"type": "file", "path": "/a.py"}, '{"type":"file","path":"/a.py"}'),
            ({"type": "document", "id": 1}, '{"type":"document","id":1}'),
            ({"type": "text", "value": 1}, '{"type":"text","value":1}'),
            ({"type": "text", "text": 5}, "5"),
            ({"type": "text", "text": None}, ""),
            # Results of OpenAI's Responses API
            ({"type": "local_shell_call_output", "output": "ok"}, "ok"),
            ({"type": "shell_call_output", "output": [{"stdout": "ok"}]}, '{"stdout":"ok"}'),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_blocks_become_lines(self, block: dict[str, Any], line: str) -> None:
        message = ToolMessage([TEXT, block], tool_call_id="1")
        assert wire_of(message)["content"] == f"Hi!\n{line}"


class TestPicturesOfTools:
    """They go into a user message behind the results, if the model reads them."""

    TURN = (
        AIMessage("", tool_calls=[CALL, {**CALL, "id": "2", "name": "draw"}]),
        ToolMessage([TEXT, IMAGE], tool_call_id=CALL["id"], name="get_weather"),
        ToolMessage([IMAGE_URL], tool_call_id="2"),
    )
    SENT = (
        {"type": "text", "text": "get_weather returned:"},
        IMAGE_PART,
        {"type": "text", "text": "A tool returned:"},
        IMAGE_URL,
    )

    @pytest.mark.parametrize("rest", [[], [AIMessage("Nice.")]], ids=["end", "more"])
    def test_behind_all_results_of_the_turn(self, rest: list[BaseMessage]) -> None:
        _, first, second, pictures, *_ = messages_to_wire([*self.TURN, *rest])
        assert (first["role"], first["content"]) == ("tool", "Hi!")
        assert (second["role"], second["content"]) == ("tool", "")
        assert pictures == {"role": "user", "content": list(self.SENT)}

    def test_before_what_the_user_says_then(self) -> None:
        wire = messages_to_wire([*self.TURN, HumanMessage("And now?")])
        assert [m["role"] for m in wire] == ["assistant", "tool", "tool", "user", "user"]
        assert wire[-1]["content"] == "And now?"

    @pytest.mark.parametrize("content", ["Hi!", [TEXT]])
    def test_in_an_anthropic_result(self, content: Any) -> None:
        block = {"type": "tool_result", "tool_use_id": "2", "content": content}
        both = {**block, "content": [TEXT, IMAGE]}
        for message in (HumanMessage([both]), ToolMessage([block, IMAGE], tool_call_id="2")):
            result, pictures = messages_to_wire([message])
            assert result == {"role": "tool", "tool_call_id": "2", "content": "Hi!"}
            assert pictures["content"] == [{"type": "text", "text": "A tool returned:"}, IMAGE_PART]

    def test_a_file_that_is_a_picture(self) -> None:
        """As MCP adapters give embedded resources."""
        message = ToolMessage([{**IMAGE, "type": "file"}], tool_call_id="2")
        assert messages_to_wire([message])[1]["content"][1] == IMAGE_PART

    @pytest.mark.parametrize(
        "block",
        [
            {"inlineData": {"mimeType": "image/png", "data": PNG}},
            {"inline_data": {"mime_type": "image/png", "data": PNG}},
            {
                "type": "computer_call_output",
                "call_id": "2",
                "output": {
                    "type": "computer_screenshot",
                    "image_url": f"data:image/png;base64,{PNG}",
                },
            },
        ],
        ids=["Gemini", "Gemini's Python", "OpenAI's screenshot"],
    )
    def test_in_the_forms_of_other_providers(self, block: dict[str, Any]) -> None:
        _, picture = messages_to_wire([ToolMessage([block], tool_call_id="2")])
        assert picture["content"][1] == IMAGE_PART

    def test_a_recording(self) -> None:
        block = {"type": "audio", "base64": "UklGRg==", "mime_type": "audio/wav"}
        _, sound = messages_to_wire([ToolMessage([block], tool_call_id="2")])
        audio = {"data": "UklGRg==", "format": "wav"}
        assert sound["content"][1] == {"type": "input_audio", "input_audio": audio}

    def test_a_line_for_a_model_that_reads_none(self) -> None:
        _, first, second = messages_to_wire(self.TURN, inputs=frozenset())
        assert first["content"] == "Hi!\n[image, image/png: not shown]"
        assert second["content"] == "[image https://images.example/cat.png: not shown]"
        wire = wire_of(ToolMessage([IMAGE_PART], tool_call_id="1"), inputs=frozenset())
        assert wire["content"] == "[image: not shown]"  # without the data in its address
