"""Token counts of replies, in every form that servers are known to send.

Those of a stream are the last ones seen, and stand on the last chunk alone.
"""

from typing import Any

import pytest
from langchain_core.messages import HumanMessage

from langchain_scaleway.convert.replies import ReplyContext, ReplyDecoder
from tests.support.outcomes import usage_of
from tests.support.replay import ReplayServer
from tests.support.wire import (
    MODEL,
    decode,
    decode_chunks,
    event,
    http_reply,
    usage_event,
    whole,
    whole_message,
)
from tests.unit.conftest import ModelFactory


def test_a_running_total_in_every_event() -> None:
    """Dedicated deployments do this (Scaleway, "OpenAI compatibility")."""
    events = [
        {**event({"role": "assistant", "name": "", "content": word}), "usage": usage}
        for word, usage in [
            ("a", {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}),
            ("b", {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}),
            ("c", {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}),
        ]
    ]
    chunks = decode_chunks([*events, event({}, "stop")])
    assert [chunk.usage_metadata is not None for chunk in chunks] == [False, False, False, True]
    expected = {"input_tokens": 5, "output_tokens": 3, "total_tokens": 8}
    assert usage_of(chunks[-1]) == expected
    assert usage_of(decode(*events, event({}, "stop"))) == expected


def test_a_null_after_the_count_does_not_erase_it() -> None:
    count = {"prompt_tokens": 5, "completion_tokens": 1, "total_tokens": 6}
    message = decode(
        {**event({"content": "Hi"}), "usage": count}, {**event({}, "stop"), "usage": None}
    )
    assert usage_of(message) == {"input_tokens": 5, "output_tokens": 1, "total_tokens": 6}


@pytest.mark.parametrize(
    ("details", "expected"),
    [
        ({"prompt_tokens_details": None, "completion_tokens_details": None}, {}),
        ({"total_tokens": None}, {}),  # It is added up.
        (
            {"completion_tokens": None, "total_tokens": None},
            {"output_tokens": 0, "total_tokens": 5},
        ),
        (
            {"prompt_tokens_details": {"cached_tokens": 256, "created_cache_tokens": 384}},
            {"input_token_details": {"cache_read": 256, "cache_creation": 384}},
        ),
        (
            {"prompt_tokens_details": {"cached_tokens": 0}},
            {"input_token_details": {"cache_read": 0}},
        ),
        (
            {
                "prompt_tokens_details": {"cached_tokens": 1, "audio_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 4},
            },
            {
                "input_token_details": {"cache_read": 1, "audio": 2},
                "output_token_details": {"reasoning": 3, "audio": 4},
            },
        ),
    ],
)
def test_details_have_langchains_names(details: dict[str, Any], expected: dict[str, Any]) -> None:
    count = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7, **details}
    expected = {"input_tokens": 5, "output_tokens": 2, "total_tokens": 7, **expected}
    streamed = decode(event({}, "stop"), usage_event(count))
    for message in (streamed, whole_message(whole({"content": "Hi"}, usage=count))):
        assert usage_of(message) == expected
        assert message.response_metadata["token_usage"] == count  # for older cost trackers


@pytest.mark.parametrize("usage", [None, {}, "many", {"prompt_tokens": None}])
def test_what_is_no_count(usage: Any) -> None:
    assert decode(event({}, "stop"), usage_event(usage)).usage_metadata is None
    assert whole_message(whole({"content": "Hi"}, usage=usage)).usage_metadata is None


USAGE = {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}


def test_callbacks_find_usage_model_and_id_in_llm_output() -> None:
    """Rate-limit callbacks, cost trackers and evaluations of older make read nothing else."""
    result = ReplyDecoder(ReplyContext("retired-model")).result(
        whole({"content": "Hi"}, usage=USAGE), {}
    )
    assert result.llm_output == {"token_usage": USAGE, "model_name": MODEL, "id": "chatcmpl-1"}
    [generation] = result.generations
    assert generation.generation_info == {"finish_reason": "stop"}


def test_tracers_find_the_finish_reason_of_a_stream() -> None:
    decoder = ReplyDecoder(ReplyContext(MODEL))
    first, *_ = decoder.feed(event({"content": "Hi"}, "stop"))
    *_, last = decoder.finish({})
    assert (first.generation_info, last.generation_info) == (None, {"finish_reason": "stop"})


def test_the_usage_of_several_prompts_is_added_up(
    replay_server: ReplayServer, model_at: ModelFactory
) -> None:
    answer = http_reply(whole({"content": "Hi"}, usage=USAGE))
    model = model_at(replay_server.base_url_of(answer), MODEL)
    result = model.generate([[HumanMessage("Hi")], [HumanMessage("Hi again")]])
    assert result.llm_output is not None
    assert result.llm_output["model_name"] == MODEL
    assert result.llm_output["token_usage"] == {
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "prompt_tokens_details": {"cached_tokens": 8},
    }
