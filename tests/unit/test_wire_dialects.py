"""Text, reasoning and metadata in every form that servers are known to send.

The recordings show vLLM 0.32 and llama.cpp; this is what other versions and engines behind
the same API do. Where it was seen stands beside it.
"""

from typing import Any

import pytest
from langchain_core.messages import AIMessage

from langchain_scaleway.convert.replies import ReplyContext, ReplyDecoder
from langchain_scaleway.errors import ScalewayResponseError
from tests.support.outcomes import usage_of
from tests.support.wire import (
    MODEL,
    Event,
    decode,
    decode_chunks,
    event,
    fragment,
    streamed_outcome,
    usage_event,
    whole,
    whole_message,
)


@pytest.mark.parametrize(
    "delta",
    [
        {"reasoning_content": "Why?", "content": "Because"},
        {"reasoning": "Why?", "reasoning_content": "Why?", "content": "Because"},
        {"reasoning": None, "reasoning_content": "Why?", "content": "Because"},
        {"reasoning": "Why?", "content": [{"type": "text", "text": "Bec"}, "ause"]},
        {"reasoning": {"text": "Why?"}, "content": {"type": "text", "text": "Because"}},
    ],
)
def test_reasoning_and_text_under_either_name_and_in_parts(delta: dict[str, Any]) -> None:
    for message in (decode(event(delta), event({}, "stop")), whole_message(whole(delta))):
        assert message.additional_kwargs == {"reasoning_content": "Why?"}
        assert message.content == "Because"


def test_empty_reasoning_leaves_no_trace() -> None:
    delta = {"content": "Four.", "reasoning": ""}
    for message in (decode(event(delta), event({}, "stop")), whole_message(whole(delta))):
        assert message.additional_kwargs == {}


class TestLastChunk:
    """Metadata comes once: core joins repeated strings."""

    def test_it_alone_has_what_is_known_at_the_end(self) -> None:
        *chunks, last = decode_chunks([event({"content": "Hi"}), event({"content": "!"}, "stop")])
        assert [chunk.content for chunk in chunks] == ["Hi", "!"]
        assert all(chunk.chunk_position is None for chunk in chunks)
        assert all("finish_reason" not in chunk.response_metadata for chunk in chunks)
        assert all("model_name" not in chunk.response_metadata for chunk in chunks)
        assert last.chunk_position == "last"
        assert last.response_metadata["finish_reason"] == "stop"
        assert last.response_metadata["model_name"] == MODEL

    @pytest.mark.parametrize("then", ["length", None, ""])
    def test_a_finish_reason_followed_by_itself_or_none(self, then: str | None) -> None:
        message = decode(event({"content": "Hi"}, "length"), event({}, then))
        assert message.response_metadata["finish_reason"] == "length"

    def test_the_model_that_answered_is_named_beside_the_requested_one(self) -> None:
        [last] = ReplyDecoder(ReplyContext("retired-model")).finish({})[-1:]
        assert last.message.response_metadata["model_name"] == "retired-model"
        decoder = ReplyDecoder(ReplyContext("retired-model"))
        decoder.feed(event({"content": "Hi"}))
        metadata = decoder.finish({})[-1].message.response_metadata
        assert metadata["model_name"] == MODEL
        assert metadata["requested_model"] == "retired-model"

    def test_vllm_tells_of_the_prompt_in_the_first_event(self) -> None:
        of_the_prompt = {"prompt_token_ids": [1469, 305], "prompt_text": "<|user|>Hi"}
        first = {**event({"content": "Hi"}), **of_the_prompt}
        metadata = decode(first, event({}, "stop")).response_metadata
        assert {name: metadata[name] for name in of_the_prompt} == of_the_prompt


class TestOddEvents:
    """What may lie between the words."""

    @pytest.mark.parametrize(
        "odd",
        [
            *({"choices": choices} for choices in ([], None, [None], 1)),
            {},
            event({}),
            event(None),
            {"choices": [{"index": 0}]},
            event({"content": None}),
            event({"content": ""}),
            event({"role": "assistant", "name": ""}),
            event({"made_up": {"x": 1}}),
            event({"content": "Another answer"}, index=1),
        ],
    )
    def test_says_nothing(self, odd: Event) -> None:
        words = event({"content": "Fo"}), event({"content": "ur"}), event({}, "stop")
        outcome = streamed_outcome(odd, *(one for word in words for one in (word, odd)))
        assert outcome.content == "Four"
        assert outcome.metadata["finish_reason"] == "stop"
        assert outcome.metadata["id"] == "chatcmpl-1"

    def test_a_message_in_place_of_a_delta_and_the_reverse(self) -> None:
        assert decode(whole({"content": "Four."})).content == "Four."
        assert whole_message(event({"content": "Four."}, "stop")).content == "Four."

    @pytest.mark.parametrize("unnamed", [{"model": ""}, {"model": None}, {}])
    def test_the_model_is_named_later(self, unnamed: Event) -> None:
        """Some gateways begin with an event of their own, such as a content filter's."""
        envelope = {"choices": [], **unnamed}
        metadata = decode(envelope, event({"content": "Hi"}, "stop")).response_metadata
        assert metadata["model_name"] == MODEL

    def test_two_choices_in_one_event(self) -> None:
        first, second = event({"content": "one"}), event({"content": "two"}, index=1)
        both = {**first, "choices": [*second["choices"], *first["choices"]]}
        assert decode(both, event({}, "stop")).content == "one"

    @pytest.mark.parametrize("index", [0, "0", None, ""])
    def test_the_first_choice_may_be_numbered_oddly(self, index: Any) -> None:
        """Whichever index counts as the answer's end has to count as its text, too."""
        assert decode(event({"content": "Four."}, "stop", index=index)).content == "Four."


@pytest.mark.parametrize(
    ("message", "finish_reason", "normalized"),
    [
        ({"content": "Four."}, "stop", "stop"),
        ({"tool_calls": [fragment("{}", name="now", id="call_a")]}, "tool_calls", "tool_call"),
        # vLLM says so of a call that `tool_choice` names (recording `tool_named`).
        ({"tool_calls": [fragment("{}", name="now", id="call_a")]}, "stop", "tool_call"),
        ({"refusal": "I will not."}, "stop", "refusal"),
        ({"content": "Fo"}, "length", None),
        ({"tool_calls": [fragment('{"a"', name="now", id="call_a")]}, "length", None),
    ],
)
def test_the_finish_reason_in_langchains_words(
    message: dict[str, Any], finish_reason: str, normalized: str | None
) -> None:
    answered = whole_message(whole(message, finish_reason))
    streamed = decode(event(message), event({}, finish_reason))
    for metadata in (answered.response_metadata, streamed.response_metadata):
        assert metadata["finish_reason"] == finish_reason
        assert metadata.get("normalized_finish_reason") == normalized


@pytest.mark.parametrize(("tokens", "reason"), [(10, "length"), (9, "stop")])
def test_thoughts_that_used_up_the_limit_were_cut_off_whatever_the_server_says(
    tokens: int, reason: str
) -> None:
    """An agent would take the empty answer for the last one (vLLM 24184, oMLX 2817)."""
    usage = {"prompt_tokens": 3, "completion_tokens": tokens, "total_tokens": 3 + tokens}
    thought = {"reasoning": "First I"}
    events = event(thought), event({}, "stop"), usage_event(usage)
    for message in (
        decode(*events, max_tokens=10),
        whole_message(whole(thought, usage=usage), max_tokens=10),
    ):
        assert message.response_metadata["finish_reason"] == reason


def test_the_name_of_a_reply_is_kept() -> None:
    assert whole_message(whole({"content": "Hi", "name": "Alice"})).name == "Alice"
    assert whole_message(whole({"content": "Hi", "name": ""})).name is None
    decoder = ReplyDecoder(ReplyContext(MODEL))
    decoder.feed(event({"content": "Hi", "name": "Alice"}))
    # Not in the sum of the chunks: docs/upstream/langchain-core-chunk-names.md
    assert decoder.finish({})[-1].message.name == "Alice"


@pytest.mark.parametrize(
    "reply",
    [
        {},
        *({"choices": choices} for choices in ([], None, [None])),
        *({"choices": [{"index": 0, **said}]} for said in ({}, {"message": None}, {"text": "4"})),
        {"choices": [{"index": 0, "message": "Four.", "finish_reason": "stop"}]},
    ],
    ids=str,
)
def test_a_whole_reply_without_an_answer_is_an_error(reply: Event) -> None:
    said = f"{MODEL}.*no `choices` with a message"
    with pytest.raises(ScalewayResponseError, match=said) as caught:
        ReplyDecoder(ReplyContext(MODEL)).result(reply, {})
    assert caught.value.body == reply
    assert caught.value.model == MODEL


@pytest.mark.parametrize("model", [None, "", ["glm-5.2"]])
def test_a_model_that_is_no_name_is_passed_over(model: Any) -> None:
    """LangChain counts usage by this name, and a list cannot be a key."""
    reply = whole({"content": "Four."}) | {"model": model}
    (generation,) = ReplyDecoder(ReplyContext(MODEL)).result(reply, {}).generations
    streamed = ReplyDecoder(ReplyContext(MODEL))
    streamed.feed(reply)
    for message in (generation.message, streamed.finish({})[-1].message):
        assert message.response_metadata["model_name"] == MODEL
        assert "requested_model" not in message.response_metadata


def test_several_choices_make_several_generations() -> None:
    reply = whole({"content": "one"}, usage={"prompt_tokens": 1, "completion_tokens": 2})
    reply["choices"].append({**reply["choices"][0], "index": 1, "message": {"content": "two"}})
    result = ReplyDecoder(ReplyContext(MODEL)).result(reply, {})
    assert [generation.text for generation in result.generations] == ["one", "two"]
    # It counts the tokens of all of them.
    messages = [one.message for one in result.generations]
    assert [isinstance(m, AIMessage) and usage_of(m) for m in messages] == [
        {"input_tokens": 1, "output_tokens": 2, "total_tokens": 3},
        None,
    ]
