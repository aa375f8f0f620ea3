"""What `ChatOpenAI` at Scaleway's URL loses, and `ChatScaleway` keeps.

Each test asks both of them the same thing, on the same emulator. README.md and
docs/coming-from-chatopenai.md name these tests.
"""

import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from functools import partial, reduce
from importlib.metadata import version
from operator import add
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelNotFoundError,
    ModelRateLimitError,
)
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, HumanMessage
from langchain_openai import ChatOpenAI
from packaging.version import Version

from langchain_scaleway import ChatScaleway, ScalewayWarning
from langchain_scaleway.errors import ScalewayStreamInterruptedError
from langchain_scaleway.testing import (
    CutStream,
    ErrorEvent,
    Reply,
    ScalewayEmulator,
    ToolCall,
    rate_limited,
)

ROOT = Path(__file__).parents[2]

QWEN = "qwen3.6-35b-a3b"
MISTRAL = "mistral-small-3.2-24b-instruct-2506"

Make: TypeAlias = Callable[..., Any]
"""Makes a model that asks the emulator; takes the arguments of its class."""

of_todays_openai = pytest.mark.skipif(
    Version(version("openai")) < Version("3.57"),
    reason="openai 3.16, of the lowest lane, repeats the answer's body in its errors.",
)


@pytest.fixture
def theirs(emulator: ScalewayEmulator) -> Make:
    return partial(
        ChatOpenAI, model=QWEN, base_url=emulator.base_url, api_key=emulator.api_key, max_retries=0
    )


@pytest.fixture
def ours(emulator: ScalewayEmulator) -> Make:
    return partial(
        ChatScaleway,
        model=QWEN,
        base_url=emulator.base_url,
        api_key=emulator.api_key,
        max_retries=0,
    )


def streamed(model: Any, question: str = "Hello") -> AIMessageChunk:
    """The sum of a stream's chunks."""
    chunks: list[AIMessageChunk] = list(model.stream(question))
    return reduce(add, chunks)


def error_of(model: BaseChatModel, question: Any = "Hello") -> Exception:
    """What a model raises."""
    with pytest.raises(Exception, match=r".") as caught:
        model.invoke(question)
    return caught.value


def kinds_of_blocks(message: Any) -> list[str]:
    return [block["type"] for block in message.content_blocks]


def test_reasoning_is_kept(theirs: Make, ours: Make) -> None:
    assert kinds_of_blocks(theirs().invoke("Hello")) == ["text"]
    assert kinds_of_blocks(ours().invoke("Hello")) == ["reasoning", "text"]


def test_reasoning_is_kept_in_streams(theirs: Make, ours: Make) -> None:
    assert kinds_of_blocks(streamed(theirs())) == ["text"]
    assert kinds_of_blocks(streamed(ours())) == ["reasoning", "text"]


def test_think_tags_are_no_answer(emulator: ScalewayEmulator, theirs: Make, ours: Make) -> None:
    emulator.respond_with(lambda _: "<think>Two and two.</think>Four.")

    assert theirs().invoke("2 + 2?").text == "<think>Two and two.</think>Four."
    assert ours().invoke("2 + 2?").text == "Four."


def test_streams_report_usage(theirs: Make, ours: Make) -> None:
    assert streamed(theirs()).usage_metadata is None
    assert streamed(ours()).usage_metadata is not None


def test_usage_of_dedicated_deployments_is_not_multiplied() -> None:
    usages = {}
    for make in (ChatOpenAI, ChatScaleway):
        with ScalewayEmulator(framing="dedicated") as emulator:
            model = make(
                model=QWEN,
                base_url=emulator.base_url,
                api_key=emulator.api_key,
                stream_usage=True,
            )
            usages[make] = streamed(model).usage_metadata
            whole = model.invoke("Hello").usage_metadata

    assert whole is not None
    assert usages[ChatScaleway] == whole
    summed = usages[ChatOpenAI]
    assert summed is not None
    assert summed["output_tokens"] > 5 * whole["output_tokens"]


def test_a_cut_stream_is_an_error(emulator: ScalewayEmulator, theirs: Make, ours: Make) -> None:
    emulator.respond_with(lambda _: Reply("one two three four", faults=[CutStream(after_events=3)]))

    assert streamed(theirs()).text == "one two"
    with pytest.raises(ScalewayStreamInterruptedError) as caught:
        streamed(ours())
    assert caught.value.partial_text == "one two"


@pytest.mark.parametrize("shape", ["recent", "gateway", "legacy"])
def test_errors_inside_streams_are_typed(
    emulator: ScalewayEmulator, theirs: Make, ours: Make, shape: Any
) -> None:
    fault = ErrorEvent(after_events=2, shape=shape)
    emulator.respond_with(lambda _: Reply("one two three four", faults=[fault]))

    if shape == "legacy":
        assert streamed(theirs()).text == "one"
    else:
        with pytest.raises(Exception, match=r".") as caught:
            streamed(theirs())
        assert not isinstance(caught.value, ModelAPIError)
    with pytest.raises(ModelAPIError, match="Internal server error"):
        streamed(ours())


def test_half_a_tool_call_is_not_run(emulator: ScalewayEmulator, theirs: Make, ours: Make) -> None:
    def delete(path: str) -> None:
        """Delete a file."""

    half = ToolCall("delete", '{"path": "/home/alice')
    emulator.respond_with(lambda _: Reply(tool_calls=[half], finish_reason="length"))

    from_openai = streamed(theirs().bind_tools([delete]))
    assert [call["args"] for call in from_openai.tool_calls] == [{"path": "/home/alice"}]
    from_scaleway = streamed(ours().bind_tools([delete]))
    assert from_scaleway.tool_calls == []
    assert len(from_scaleway.invalid_tool_calls) == 1


@of_todays_openai
def test_a_429_says_which_quota(emulator: ScalewayEmulator, theirs: Make, ours: Make) -> None:
    emulator.respond_with(lambda _: rate_limited())

    assert str(error_of(theirs())) == "Error code: 429"
    error = error_of(ours())
    assert isinstance(error, ModelRateLimitError)
    assert "You exceeded your current limit of concurrent requests." in str(error)
    assert "this has nothing to do with billing" in str(error)


@of_todays_openai
def test_a_403_names_the_project(theirs: Make, ours: Make) -> None:
    key = "11111111-2222-3333-4444-555555555555"

    assert str(error_of(theirs(api_key=key))) == "Error code: 403"
    told = str(error_of(ours(api_key=key)))
    assert "GenerativeApisModelAccess in the deployment's project" in told


@of_todays_openai
def test_a_refused_limit_says_what_is_allowed(theirs: Make, ours: Make) -> None:
    assert str(error_of(theirs(model="glm-5.2", max_tokens=99_999))) == "Error code: 400"
    error = error_of(ours(model="glm-5.2", max_tokens=99_999))
    assert "Set `max_tokens` to 16384 or less." in str(error)


@of_todays_openai
def test_an_unknown_model_is_typed(theirs: Make, ours: Make) -> None:
    error = error_of(theirs(model="glm-6"))
    assert str(error) == "Error code: 422"
    assert not isinstance(error, ModelNotFoundError)

    error = error_of(ours(model="glm-6"))
    assert isinstance(error, ModelNotFoundError)
    assert "glm-6" in str(error)


def test_context_overflow_is_recognised(theirs: Make, ours: Make) -> None:
    too_long = "word " * 130_000

    assert not isinstance(error_of(theirs(model=MISTRAL), too_long), ContextOverflowError)
    assert isinstance(error_of(ours(model=MISTRAL), too_long), ContextOverflowError)


def test_mistral_takes_two_messages_in_a_row(theirs: Make, ours: Make) -> None:
    history = [HumanMessage("Hello"), HumanMessage("Is anyone there?")]

    assert "roles must alternate" in str(error_of(theirs(model=MISTRAL), history))
    assert "Is anyone there?" in ours(model=MISTRAL).invoke(history).text


SEVERAL_LOOPS = """
import asyncio, sys
from langchain_openai import ChatOpenAI
from langchain_scaleway import ChatScaleway

model, base_url, api_key = sys.argv[1:]
for model_class in (ChatScaleway, ChatOpenAI):
    made = model_class(model=model, base_url=base_url, api_key=api_key, max_retries=0)
    for _ in range(3):
        print(model_class.__name__, asyncio.run(made.ainvoke("Hello")).text)
"""


def test_one_model_serves_several_event_loops(emulator: ScalewayEmulator) -> None:
    # In a process of its own, for what ChatOpenAI leaves open.
    program = subprocess.run(
        [sys.executable, "-c", SEVERAL_LOOPS, QWEN, emulator.base_url, str(emulator.api_key)],
        capture_output=True,
        text=True,
        check=False,
    )

    answered = [line.split()[0] for line in program.stdout.splitlines()]
    assert answered == [*["ChatScaleway"] * 3, "ChatOpenAI"]
    assert "Event loop is closed" in program.stderr


def test_models_can_be_pickled(theirs: Make, ours: Make) -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        pickle.dumps(theirs())
    assert pickle.loads(pickle.dumps(ours())).invoke("Hello").text  # noqa: S301 -- ours


def test_profiles_know_the_models(theirs: Make, ours: Make) -> None:
    assert theirs().profile is None
    assert ours().profile["max_input_tokens"] == 262_144


def test_tokens_are_counted_offline(theirs: Make, ours: Make) -> None:
    messages = [HumanMessage("Hello")]

    with pytest.raises(Exception, match=r"."):
        theirs().get_num_tokens_from_messages(messages)
    assert ours().get_num_tokens_from_messages(messages) > 0


def test_a_mistyped_argument_is_an_error(theirs: Make, ours: Make) -> None:
    with pytest.warns(UserWarning, match="transferred to model_kwargs"):
        assert theirs(temprature=1).model_kwargs == {"temprature": 1}
    with pytest.raises(ValueError, match="Did you mean `temperature`"):
        ours(temprature=1)


@pytest.mark.usefixtures("nothing_told_yet")
def test_an_answer_by_another_model_is_told(theirs: Make, ours: Make) -> None:
    retired = "llama-3.1-8b-instruct"

    assert "requested_model" not in theirs(model=retired).invoke("Hello").response_metadata
    with (
        pytest.warns(ScalewayWarning, match="reached its end of life"),
        pytest.warns(ScalewayWarning, match="answered, although llama-3.1-8b-instruct was asked"),
    ):
        metadata = ours(model=retired).invoke("Hello").response_metadata
    assert metadata["model_name"] == MISTRAL
    assert metadata["requested_model"] == retired


def test_keys_of_others_are_not_sent(
    emulator: ScalewayEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-openai")
    monkeypatch.setenv("SCW_SECRET_KEY", str(emulator.api_key))

    error_of(ChatOpenAI(model=QWEN, base_url=emulator.base_url))
    assert emulator.requests[-1].headers["authorization"] == "Bearer sk-of-openai"
    ChatScaleway(model=QWEN, base_url=emulator.base_url).invoke("Hello")
    assert emulator.requests[-1].headers["authorization"] == f"Bearer {emulator.api_key}"


@pytest.mark.parametrize("page", ["README.md", "docs/coming-from-chatopenai.md"])
def test_pages_name_tests_that_exist(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    table = text.partition("| `test_…` |\n")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)`", " ".join(row.split("|")[-2] for row in table.splitlines()))

    assert len(named) > 10
    assert [name for name in named if f"test_{name}" not in globals()] == []
