"""LangChain's middleware understands our errors, usage and profiles; on the emulator."""

from collections.abc import Sequence
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain.agents.middleware import (
    AgentMiddleware,
    ClearToolUsesEdit,
    ContextEditingMiddleware,
    HumanInTheLoopMiddleware,
    LLMToolSelectorMiddleware,
    ModelCallLimitMiddleware,
    ModelFallbackMiddleware,
    ModelRetryMiddleware,
    SummarizationMiddleware,
    TodoListMiddleware,
    ToolCallLimitMiddleware,
    ToolRetryMiddleware,
)
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command

from langchain_scaleway import ScalewayWarning, errors
from langchain_scaleway.testing import (
    CutStream,
    HttpError,
    RawReply,
    Reply,
    ScalewayEmulator,
    Step,
    ToolCall,
    rate_limited,
)
from tests.support.models import PLAIN_MODEL, THINKING_MODEL, model_on
from tests.support.recordings import Recording, all_recordings
from tests.support.tools import get_time, get_weather

ASK_WEATHER: Any = {"messages": [HumanMessage("What is the weather in Paris?")]}
CALL = ToolCall("get_weather", {"city": "Paris"}, id="call_1")


def prompts(emulator: ScalewayEmulator) -> list[str]:
    """The last message of each request."""
    return [request.json["messages"][-1]["content"] for request in emulator.requests]


async def states(
    emulator: ScalewayEmulator,
    middleware: AgentMiddleware[Any, Any],
    *steps: Step,
    given: Any = ASK_WEATHER,
    tools: Sequence[Any] = (get_weather,),
    **fields: Any,
) -> list[Any]:
    """What an agent with a middleware ends in, synchronous and not, when these are the answers."""
    agent = create_agent(model_on(emulator, **fields), tools=[*tools], middleware=[middleware])
    emulator.script(*steps)
    state = agent.invoke(given)
    emulator.script(*steps)
    return [state, await agent.ainvoke(given)]


# --- Retries and fallbacks --------------------------------------------------------------


def retrying() -> ModelRetryMiddleware:
    return ModelRetryMiddleware(max_retries=2, initial_delay=0, on_failure="error")


@pytest.mark.parametrize(
    "failure",
    [rate_limited(), HttpError(500), HttpError(503), HttpError(504), CutStream(3)],
    ids=["429", "500", "503", "504", "cut stream"],
)
async def test_retry_middleware_tries_again_what_may_pass(
    emulator: ScalewayEmulator, failure: Step
) -> None:
    steps = failure, failure, "sunny"
    for state in await states(emulator, retrying(), *steps, streaming=True):
        assert state["messages"][-1].text == "sunny"
    assert len(emulator.requests) == 6


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_retry_middleware_leaves_a_refusal_alone(
    emulator: ScalewayEmulator, status: int
) -> None:
    with pytest.raises(errors.ScalewayError):
        await states(emulator, retrying(), HttpError(status))
    assert len(emulator.requests) == 1


@pytest.mark.usefixtures("both_apis")
async def test_fallback_middleware_asks_another_model(emulator: ScalewayEmulator) -> None:
    fallback = ModelFallbackMiddleware(
        model_on(emulator, "gemma-4-26b-a4b-it"), model_on(emulator, THINKING_MODEL)
    )
    steps = HttpError(503), rate_limited(), Reply(tool_calls=[CALL]), "It is sunny."
    for state in await states(emulator, fallback, *steps):
        _, request, _, answer = state["messages"]
        assert request.response_metadata["model_name"] == THINKING_MODEL
        assert answer.text == "It is sunny."


@pytest.mark.usefixtures("nothing_told_yet")
def test_fallback_to_a_model_that_reads_no_pictures_goes_on_with_the_thread(
    emulator: ScalewayEmulator,
) -> None:
    agent: Any = create_agent(
        model_on(emulator, "gemma-4-26b-a4b-it"),
        middleware=[ModelFallbackMiddleware(model_on(emulator))],
        checkpointer=InMemorySaver(),
    )
    config = {"configurable": {"thread_id": "1"}}
    picture = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}

    agent.invoke({"messages": [HumanMessage(["What is this?", picture])]}, config)
    emulator.script(HttpError(503), "A dot.", HttpError(503), "Red.")
    with pytest.warns(ScalewayWarning, match=f"{PLAIN_MODEL} is not shown .* 'image'"):
        agent.invoke({"messages": [HumanMessage("In one word?")]}, config)
    state = agent.invoke({"messages": [HumanMessage("Which colour?")]}, config)  # told once

    assert state["messages"][-1].text == "Red."
    first = emulator.requests[-1].json["messages"][0]
    assert first["content"][1]["text"] == "[image, image/png: not shown]"


# --- Summaries --------------------------------------------------------------------------

OVERFLOWS = [
    recording
    for recording in all_recordings()
    if recording.case.startswith("err_context") and recording.status == 400
]


def as_recorded(recording: Recording) -> RawReply:
    """The recorded answer, byte for byte."""
    return RawReply(recording.status, {"content-type": "application/json"}, recording.content)


def long_history(question: str) -> Any:
    """A conversation of five turns and a question."""
    turns: list[AnyMessage] = []
    for number in range(5):
        turns += [HumanMessage(f"Fact {number}? " + "Why? " * 50), AIMessage(f"Fact {number}.")]
    return {"messages": [*turns, HumanMessage(question)]}


@pytest.mark.parametrize("recording", OVERFLOWS, ids=str)
async def test_overflow_of_the_summary_makes_it_summarise_less_and_go_on(
    emulator: ScalewayEmulator, recording: Recording
) -> None:
    summarization = SummarizationMiddleware(
        model_on(emulator),
        trigger=("messages", 6),
        keep=("messages", 2),
        trim_tokens_to_summarize=None,
    )
    steps = as_recorded(recording), "They spoke of facts.", "It is sunny."
    given = long_history("What is the weather?")

    for state in await states(emulator, summarization, *steps, given=given):
        summary, *_, answer = state["messages"]
        assert "They spoke of facts." in summary.text
        assert answer.text == "It is sunny."
    first, second, question, *_ = prompts(emulator)
    assert len(second) < len(first)
    assert "middle of conversation omitted" in second
    assert question == "What is the weather?"


def test_overflow_of_the_agent_itself_says_what_to_do(emulator: ScalewayEmulator) -> None:
    emulator.script(as_recorded(OVERFLOWS[0]))

    with pytest.raises(errors.ScalewayContextOverflowError, match="summarization"):
        create_agent(model_on(emulator), tools=[]).invoke(ASK_WEATHER)


def test_summary_is_made_at_a_fraction_of_the_context_window(emulator: ScalewayEmulator) -> None:
    """The profile tells the window, the usage of the last answer how full it is."""
    model = model_on(emulator)
    assert model.profile is not None
    window = model.profile["max_input_tokens"]
    history = long_history("What is the weather?")
    used = {"input_tokens": window // 2, "output_tokens": 0, "total_tokens": window // 2}
    last_answer = AIMessage(
        "Fact 4.", usage_metadata=used, response_metadata={"model_provider": "scaleway"}
    )
    history["messages"][-2] = last_answer
    summarization = SummarizationMiddleware(model, trigger=("fraction", 0.5), keep=("messages", 1))
    emulator.script("They spoke of facts.", "It is sunny.")

    state = create_agent(model, tools=[], middleware=[summarization]).invoke(history)

    assert [m.text for m in state["messages"]][1:] == ["What is the weather?", "It is sunny."]


# --- Limits -----------------------------------------------------------------------------


@pytest.mark.usefixtures("both_apis")
async def test_tool_call_limit_lets_the_model_answer_with_what_it_has(
    emulator: ScalewayEmulator,
) -> None:
    again = ToolCall("get_weather", {"city": "Lyon"}, id="call_2")
    steps = Reply(tool_calls=[CALL]), Reply(tool_calls=[again]), "Sunny in Paris."

    for state in await states(emulator, ToolCallLimitMiddleware(run_limit=1), *steps):
        results = [m for m in state["messages"] if isinstance(m, ToolMessage)]
        assert [result.status for result in results] == ["success", "error"]
        assert state["messages"][-1].text == "Sunny in Paris."


async def test_model_call_limit_ends_the_run(emulator: ScalewayEmulator) -> None:
    for state in await states(emulator, ModelCallLimitMiddleware(run_limit=1)):
        assert "run limit (1/1)" in state["messages"][-1].text
    assert len(emulator.requests) == 2


# --- Tools ------------------------------------------------------------------------------


async def test_tool_retry_hides_failures_from_the_model(emulator: ScalewayEmulator) -> None:
    failures = [TimeoutError("slow"), TimeoutError("slower")]

    def get_news(city: str) -> str:
        """Get the news of a city."""
        if failures:
            raise failures.pop()
        return f"all quiet in {city}"

    retry = ToolRetryMiddleware(max_retries=2, initial_delay=0)
    call = Reply(tool_calls=[ToolCall("get_news", {"city": "Paris"})])
    for state in await states(emulator, retry, call, tools=[get_news]):
        assert state["messages"][-1].text == "The tool answered: all quiet in Paris"


@pytest.mark.parametrize("streaming", [None, True])
@pytest.mark.parametrize("name", [PLAIN_MODEL, THINKING_MODEL])
async def test_tool_selector_chooses_by_a_schema(
    emulator: ScalewayEmulator, name: str, streaming: bool | None
) -> None:
    """It asks the model for names of tools as structured output, in a request without them."""
    model = model_on(emulator, name, streaming=streaming)
    selector = LLMToolSelectorMiddleware(max_tools=1)
    agent = create_agent(model, tools=[get_weather, get_time], middleware=[selector])

    for state in (agent.invoke(ASK_WEATHER), await agent.ainvoke(ASK_WEATHER)):
        assert state["messages"][-1].text == "The tool answered: sunny in Paris"
    asked = [request.json for request in emulator.requests]
    selections = [body for body in asked if "response_format" in body]
    assert len(selections) == 4, "one before each call of the model"
    assert not any("tools" in body for body in selections)
    assert all(len(body["tools"]) == 1 for body in asked if body not in selections)


@pytest.mark.usefixtures("both_apis")
async def test_todos_are_written(emulator: ScalewayEmulator) -> None:
    todos = [{"content": "Look at the sky.", "status": "in_progress"}]
    written = Reply(tool_calls=[ToolCall("write_todos", {"todos": todos})])
    for state in await states(emulator, TodoListMiddleware(), written, "Sunny."):
        assert (state["todos"], state["messages"][-1].text) == (todos, "Sunny.")


@pytest.mark.parametrize("count", ["approximate", "model"])
async def test_results_of_tools_are_cleared_by_their_tokens(
    emulator: ScalewayEmulator, count: Any
) -> None:
    edits = [ClearToolUsesEdit(trigger=1, keep=0)]
    await states(emulator, ContextEditingMiddleware(edits=edits, token_count_method=count))
    assert prompts(emulator)[-1] == "[cleared]"


# --- A human in the loop ----------------------------------------------------------------


@pytest.mark.usefixtures("both_apis")
@pytest.mark.parametrize(
    ("decision", "result"),
    [
        ({"type": "approve"}, "sunny in Paris"),
        (
            {
                "type": "edit",
                "edited_action": {"name": "get_weather", "args": {"city": "Lyon"}},
            },
            "sunny in Lyon",
        ),
        ({"type": "reject", "message": "Nobody asked for that."}, "Nobody asked for that."),
    ],
    ids=["approve", "edit", "reject"],
)
@pytest.mark.parametrize("thinking", [False, True])
async def test_human_decides_on_a_tool_call(
    emulator: ScalewayEmulator, decision: Any, result: str, thinking: bool
) -> None:
    """The conversation is checkpointed in between, with all that our messages carry."""
    saver = InMemorySaver()
    model = model_on(emulator, THINKING_MODEL) if thinking else model_on(emulator)

    def agent() -> Any:
        # Made anew each time, as after a restart: only what was saved goes on.
        return create_agent(
            model,
            tools=[get_weather],
            middleware=[HumanInTheLoopMiddleware({"get_weather": True})],
            checkpointer=saver,
        )

    thread: RunnableConfig = {"configurable": {"thread_id": "1"}}
    athread: RunnableConfig = {"configurable": {"thread_id": "2"}}
    paused = agent().invoke(ASK_WEATHER, thread)
    apaused = await agent().ainvoke(ASK_WEATHER, athread)
    for each in (paused, apaused):
        [interrupt] = each["__interrupt__"]
        [action] = interrupt.value["action_requests"]
        assert (action["name"], action["args"]) == ("get_weather", {"city": "Paris"})

    resume: Any = Command(resume={"decisions": [decision]})
    state = agent().invoke(resume, thread)
    astate = await agent().ainvoke(resume, athread)

    for before, after in ((paused, state), (apaused, astate)):
        [tool_message] = [m for m in after["messages"] if isinstance(m, ToolMessage)]
        assert result in tool_message.text
        request = after["messages"][1]
        assert request.usage_metadata == before["messages"][1].usage_metadata
        assert request.response_metadata == before["messages"][1].response_metadata
        assert bool(request.additional_kwargs.get("reasoning_content")) == thinking
        assert after["messages"][-1].text.startswith("The tool answered: ")
