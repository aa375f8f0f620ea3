"""Counting tokens without a tokenizer: by the bytes of the text, or the user's own way."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, trim_messages
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.utils.function_calling import convert_to_openai_tool

from langchain_scaleway import ChatScaleway
from langchain_scaleway.tokens import MEDIA, prompt_size, text_tokens
from tests.support.tools import get_weather

MODEL = ChatScaleway(model="glm-5.2", api_key="test")
DATA = "A" * 400_000
"""Base64 of 300 kB, which would be 100,000 tokens if it were text."""

URL = f"data:a/b;base64,{DATA}"
SOURCE = {"type": "base64", "media_type": "image/png", "data": DATA}
LONG_BLOCKS: dict[str, dict[str, Any]] = {
    "image_url": {"type": "image_url", "image_url": {"url": URL}},
    "input_image": {"type": "input_image", "image_url": URL},
    "image, v1": {"type": "image", "base64": DATA, "mime_type": "image/png"},
    "image, Anthropic": {"type": "image", "source": SOURCE},
    "input_audio": {"type": "input_audio", "input_audio": {"data": DATA, "format": "mp3"}},
    "audio, v1": {"type": "audio", "base64": DATA, "mime_type": "audio/wav"},
    "video_url": {"type": "video_url", "video_url": {"url": URL}},
    "video, v1": {"type": "video", "base64": DATA, "mime_type": "video/mp4"},
    "media, Google": {"type": "media", "data": DATA, "mime_type": "video/mp4"},
    "file, v1": {"type": "file", "base64": DATA, "mime_type": "application/pdf"},
    "file, OpenAI": {"type": "file", "file": {"file_data": URL}},
    "document, Converse": {"document": {"format": "pdf", "source": {"bytes": DATA}}},
    "resource, MCP": {"type": "resource", "resource": {"uri": "docs://a", "blob": DATA}},
    "a kind that nobody knows": {"type": "hologram", "data": DATA},
}


def letters(text: str) -> list[int]:
    """Ids of tokens that are one letter each."""
    return [ord(letter) for letter in text]


def test_counts_are_langchains() -> None:
    messages: list[BaseMessage] = [HumanMessage("Hello"), AIMessage("Good day!")]

    assert MODEL.get_num_tokens_from_messages(messages) == count_tokens_approximately(messages)


def test_text_counts_without_a_message_around_it() -> None:
    """Text splitters add up the counts of words, each of which would bring a message's own."""
    assert [MODEL.get_num_tokens(text) for text in ("", "a", "word", "Hello")] == [0, 1, 1, 2]
    in_a_message = MODEL.get_num_tokens_from_messages([HumanMessage("word " * 100)])
    assert 0 < in_a_message - MODEL.get_num_tokens("word " * 100) < 10


def test_tools_count() -> None:
    question: list[BaseMessage] = [HumanMessage("Hello")]

    with_tools = MODEL.get_num_tokens_from_messages(question, [get_weather])

    tool = convert_to_openai_tool(get_weather)
    assert with_tools == count_tokens_approximately(question, tools=[tool])
    assert with_tools - MODEL.get_num_tokens_from_messages(question) > len(json.dumps(tool)) / 5


@pytest.mark.parametrize("block", LONG_BLOCKS.values(), ids=LONG_BLOCKS)
def test_media_do_not_count_by_their_letters(block: dict[str, Any]) -> None:
    text = {"type": "text", "text": "What is this?"}

    assert 500 < MODEL.get_num_tokens_from_messages([HumanMessage([text, block])]) < 1_000


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("人人生而自由,在尊严和权利上一律平等。他们赋有理性和良心。", 28),
        (
            "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
            29,
        ),
        ("모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.", 21),
        ("All human beings are born free and equal in dignity and rights.", 13),
    ],
)
def test_every_script_counts_about_as_a_tokenizer_counts(text: str, tokens: int) -> None:
    """The tokens are those of Mistral's `tekken` (240911)."""
    assert 0.75 * tokens < MODEL.get_num_tokens(text) < 1.75 * tokens


TEXT_PARTS = st.fixed_dictionaries({"type": st.just("text"), "text": st.text()})
MEDIA_PARTS = st.builds(
    lambda kind, data: {"type": kind, kind: {"url": data}, "data": data},
    st.sampled_from(sorted(MEDIA)),
    st.text(max_size=10).map(lambda text: text * 1_000),
)


@given(texts=st.lists(TEXT_PARTS), media=st.lists(MEDIA_PARTS))
def test_what_is_not_text_adds_no_text(
    texts: list[dict[str, Any]], media: list[dict[str, Any]]
) -> None:
    def size(content: list[dict[str, Any]]) -> tuple[int, int]:
        return prompt_size({"messages": [{"role": "user", "content": content}]})

    assert size([*texts, *media]) == (size(texts)[0], len(media))


@given(st.text(), st.text())
def test_parts_of_a_text_count_as_the_text(first: str, second: str) -> None:
    together = text_tokens(first + second)

    assert together <= text_tokens(first) + text_tokens(second) <= together + 1


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_bodies_that_no_server_takes_are_counted_all_the_same(value: Any) -> None:
    body = {"messages": value, "tools": value, "input": [value]}

    assert prompt_size(body).tokens >= 0


def test_a_type_that_is_no_string_is_counted_all_the_same() -> None:
    message = HumanMessage([{"type": ["text"], "text": "Hi!"}])
    assert MODEL.get_num_tokens_from_messages([message]) > 0


def test_users_own_count_wins() -> None:
    model = MODEL.model_copy(update={"custom_get_token_ids": letters})

    assert model.get_num_tokens("Hello") == 5
    assert model.get_num_tokens_from_messages([HumanMessage("Hello")]) == len("Human: Hello")


def test_messages_are_trimmed() -> None:
    messages: list[BaseMessage] = [HumanMessage("long " * 50), AIMessage("long " * 50)]
    question = HumanMessage("Short?")

    for counter in (MODEL, MODEL.model_copy(update={"custom_get_token_ids": letters})):
        trimmed = trim_messages([*messages, question], max_tokens=30, token_counter=counter)
        assert trimmed == [question]
