"""A tour of langchain-scaleway: seven things that a chat model does, in one minute.

Run it with `make demo`. With `SCW_SECRET_KEY` set it runs on Scaleway; `SCW_MODEL` and
`SCW_REASONING_MODEL` choose the models. Without a key it runs on a local toy model.
"""

import asyncio
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel, Field, ValidationError

from langchain_scaleway import ChatScaleway
from langchain_scaleway.errors import ScalewayError

DEFAULT_MODEL = "mistral-small-3.2-24b-instruct-2506"
DEFAULT_REASONING_MODEL = "qwen3.6-35b-a3b"


@dataclass
class Models:
    """The model of the tour, and one that reasons before it answers."""

    chat: ChatScaleway
    reasoning: ChatScaleway


@contextmanager
def scaleway_models() -> Iterator[Models]:
    """Models on Scaleway; ChatScaleway finds the key in SCW_SECRET_KEY by itself."""
    model = os.environ.get("SCW_MODEL", DEFAULT_MODEL)
    reasoning_model = os.environ.get("SCW_REASONING_MODEL", DEFAULT_REASONING_MODEL)
    print(f"SCW_SECRET_KEY is set: this tour runs on Scaleway, on {model}.")
    print(f"The step that shows reasoning asks {reasoning_model}.")
    with (
        ChatScaleway(model=model, temperature=0) as chat,
        # Thoughts count as output, so leave room for them.
        ChatScaleway(model=reasoning_model, temperature=0, max_tokens=4000) as reasoning,
    ):
        yield Models(chat, reasoning)


@contextmanager
def local_models() -> Iterator[Models]:
    """The toy model of this project, served on this machine by llama.cpp."""
    # Found because `make demo` installs the project in editable mode.
    from engine.serve import LocalEngine  # noqa: PLC0415 -- not needed on Scaleway

    print("SCW_SECRET_KEY is not set: this tour runs on a TOY model on this machine, served by")
    print("llama.cpp. It has 0.9 million parameters and knows a few dozen sentences: what you see")
    print("is real (HTTP, sampling, tool calls), but it is a test instrument, not an assistant.")
    with (
        LocalEngine() as engine,
        ChatScaleway(
            model=engine.model,
            base_url=engine.base_url,
            api_key=engine.api_key,
            temperature=0,
        ) as chat,
        ChatScaleway(
            model=engine.model,
            base_url=engine.base_url,
            api_key=engine.api_key,
            temperature=0,
            # This makes llama.cpp and vLLM think; Scaleway's models do so by themselves.
            extra_body={"chat_template_kwargs": {"enable_thinking": True}},
        ) as reasoning,
    ):
        yield Models(chat, reasoning)


class TourError(Exception):
    """The model did not do what this step of the tour shows."""


def show_source(message: AIMessage) -> None:
    """Print which model wrote a message and how many tokens that took."""
    model = message.response_metadata["model_name"]
    usage = message.usage_metadata
    tokens = f", {usage['input_tokens']} tokens in, {usage['output_tokens']} out" if usage else ""
    print(f"    [{model}{tokens}]")


def plain_answer(model: ChatScaleway) -> None:
    """Ask one question and wait for the whole answer."""
    question = "What is the capital of France?"
    print(f"You:   {question}")
    reply = model.invoke(question)
    print(f"Model: {reply.text.strip()}")
    show_source(reply)


def streamed_answer(model: ChatScaleway) -> None:
    """Print an answer piece by piece, as the model writes it."""
    question = "Write a story about a cat."
    print(f"You:   {question}")
    print("Model: ", end="")
    whole: AIMessageChunk | None = None
    for chunk in model.stream([("system", "Be brief."), ("human", question)]):
        has_begun = whole is not None and whole.text.strip()
        print(chunk.text if has_begun else chunk.text.lstrip(), end="", flush=True)
        whole = chunk if whole is None else whole + chunk
    print()
    if whole is None:
        raise TourError("The stream was empty.")
    show_source(whole)


def reasoning(model: ChatScaleway) -> None:
    """Show what a model thinks before it answers."""
    question = "How many r are in strawberry?"
    print(f"You:   {question}")
    reply = model.invoke(question)
    thoughts = [block for block in reply.content_blocks if block["type"] == "reasoning"]
    if not thoughts:
        raise TourError("The model gave no reasoning; SCW_REASONING_MODEL names one that does.")
    for block in thoughts:
        print(f"Model thinks: {block.get('reasoning', '').strip()}")
    print(f"Model: {reply.text.strip()}")
    show_source(reply)


WEATHER = {"Paris": "sunny", "Lyon": "sunny"}


@tool
def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return WEATHER.get(city, "unknown")


def tool_call(model: ChatScaleway) -> None:
    """Let the model call a tool, run it, and hand the result back, step by step."""
    model_with_tools = model.bind_tools([get_weather])
    question = HumanMessage("What is the weather in Paris?")
    print(f"You:   {question.text}")
    request = model_with_tools.invoke([question])
    if not request.tool_calls:
        raise TourError(f"The model called no tool but said: {request.text}")

    results: list[ToolMessage] = []
    for call in request.tool_calls:
        print(f"Model calls {call['name']}({call['args']})")
        result = get_weather.invoke(call)
        print(f"Tool:  {result.text}")
        results.append(result)

    answer = model_with_tools.invoke([question, request, *results])
    print(f"Model: {answer.text.strip()}")
    show_source(answer)


class Person(BaseModel):
    """A person."""

    name: str
    age: int = Field(description="in years")
    city: str


def structured_output(model: ChatScaleway) -> None:
    """Get a validated Pydantic object instead of text."""
    text = "Alice is 30 years old and lives in Paris. Extract the person as JSON."
    print(f"You:   {text}")
    answer = model.with_structured_output(Person, include_raw=True).invoke(text)
    if not isinstance(answer, dict) or not isinstance(answer["parsed"], Person):
        raise TourError(f"No person in the answer: {answer}")
    print(f"A Pydantic object: {answer['parsed']!r}")
    show_source(answer["raw"])


async def side_by_side(model: ChatScaleway) -> None:
    """Ask several questions at once with asyncio."""
    countries = ["Italy", "Spain", "Germany", "Japan", "Portugal", "Poland"]
    print(f"You:   What is the capital of {', '.join(countries)}? ({len(countries)} calls at once)")
    start = time.perf_counter()
    replies = await asyncio.gather(
        *(model.ainvoke(f"What is the capital of {country}?") for country in countries)
    )
    seconds = time.perf_counter() - start
    for reply in replies:
        print(f"Model: {reply.text.strip()}")
    print(f"    [{replies[0].response_metadata['model_name']}, all within {seconds:.2f} s]")


def agent(model: ChatScaleway) -> None:
    """Let LangChain's agent do the loop of tool calls."""
    question = "What is the weather in Paris and in Lyon?"
    print(f"You:   {question}")
    weather_agent = create_agent(model, tools=[get_weather])
    state = weather_agent.invoke({"messages": [HumanMessage(question)]})
    _, *steps = state["messages"]
    for message in steps:
        for call in getattr(message, "tool_calls", []):
            print(f"Agent calls {call['name']}({call['args']})")
        if isinstance(message, ToolMessage):
            print(f"Tool:  {message.text}")
    if not any(isinstance(message, ToolMessage) for message in steps):
        raise TourError("The agent called no tool.")
    print(f"Agent: {steps[-1].text.strip()}")
    show_source(steps[-1])


def tour(models: Models) -> None:
    """Take all seven steps."""
    steps = [
        ("A plain answer", plain_answer, models.chat),
        ("A streamed answer, printed as it comes", streamed_answer, models.chat),
        ("Reasoning", reasoning, models.reasoning),
        ("A tool call and its result", tool_call, models.chat),
        ("A Pydantic object", structured_output, models.chat),
        ("Async calls side by side", lambda model: asyncio.run(side_by_side(model)), models.chat),
        ("An agent that calls tools", agent, models.chat),
    ]
    for number, (title, step, model) in enumerate(steps, start=1):
        print(f"\n--- {number}. {title} ---")
        step(model)


def main() -> int:
    """Run the tour and return the program's exit code."""
    connect = scaleway_models if os.environ.get("SCW_SECRET_KEY") else local_models
    try:
        with connect() as models:
            tour(models)
    except (ScalewayError, TourError, ValidationError) as error:
        print(f"\nThe tour stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nThe tour was interrupted.", file=sys.stderr)
        return 130  # what a shell reports for Ctrl-C
    print("\nThat was the tour; its source is examples/tour.py.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
