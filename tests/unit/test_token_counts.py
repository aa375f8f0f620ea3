"""Counting tokens without a tokenizer: LangChain's rule of thumb, or the user's own."""

import json

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, trim_messages
from langchain_core.messages.utils import count_tokens_approximately
from langchain_core.utils.function_calling import convert_to_openai_tool

from langchain_scaleway import ChatScaleway

MODEL = ChatScaleway(model="glm-5.2", api_key="test")
PICTURE = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 100_000}}


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"sunny in {city}"


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


def test_picture_does_not_count_by_its_letters() -> None:
    assert MODEL.get_num_tokens_from_messages([HumanMessage([PICTURE])]) < 1_000


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
