"""An agent that calls tools and remembers the conversation.

    pip install "langchain-scaleway[testing]" langchain
    python -m examples.agent                    # a conversation as an example
    python -m examples.agent --interactive      # your own, line by line

With SCW_SECRET_KEY it runs on Scaleway, without on an emulator.
"""

import sys
from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from typing import Any

from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, ToolMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver

from examples.without_a_key import scaleway_or_emulator
from langchain_scaleway import ChatScaleway
from langchain_scaleway.testing import ReceivedRequest, Reply, Step, ToolCall

MODEL = "mistral-small-3.2-24b-instruct-2506"
PROMPT = "You help the readers of a library. Be brief. Use the tools; never invent a date."

LOANS = {"Middlemarch": date(2026, 12, 1), "Persuasion": date(2026, 12, 9)}

CONVERSATION = ["Which books have I borrowed?", "Renew the first one.", "Thank you!"]


def list_loans() -> str:
    """List the books that the reader has borrowed, and when they are due."""
    return ", ".join(f"{title} (due {due})" for title, due in LOANS.items())


def renew(title: str) -> str:
    """Renew the loan of a book for four weeks."""
    if title not in LOANS:
        return f"There is no loan of {title}."
    LOANS[title] += timedelta(weeks=4)
    return f"{title} is due {LOANS[title]} now."


def ask(agent: Any, question: str, thread: str) -> None:
    """Print what the agent does and says, as it comes."""
    print(f"\nReader: {question}")
    # The thread's earlier messages come from the checkpointer.
    config: RunnableConfig = {"configurable": {"thread_id": thread}}
    update = {"messages": [{"role": "user", "content": question}]}
    in_answer = False
    for message, _ in agent.stream(update, config, stream_mode="messages"):
        if isinstance(message, ToolMessage):
            print(f"  {message.name} -> {message.text}")
        elif isinstance(message, AIMessage | AIMessageChunk) and message.text:
            print("" if in_answer else "Agent:  ", message.text, sep="", end="", flush=True)
            in_answer = True
    print()


def converse(model: ChatScaleway, questions: Iterable[str]) -> None:
    """Have one conversation."""
    agent = create_agent(
        model,
        tools=[list_loans, renew],
        system_prompt=PROMPT,
        # In memory it is gone with the process; langgraph has others that write to a database.
        checkpointer=InMemorySaver(),
    )
    for question in questions:
        ask(agent, question, thread="one reader")


def typed_lines() -> Iterator[str]:
    """Give what the reader types."""
    print("Ask about your loans, a line at a time; Ctrl-D ends it.")
    for line in sys.stdin:
        if line.strip():
            yield line.strip()


def last_title(messages: list[dict[str, Any]]) -> str:
    """The title that was spoken of last; the emulator has only the request to remember by."""
    for message in reversed(messages):
        for title in LOANS:
            if title.lower() in (message["content"] or "").lower():
                return title
    return "the first one"


def act_the_agent(request: ReceivedRequest) -> Step:
    """What the emulator says, since it has no model: a few words lead to a few answers."""
    messages = request.json["messages"]
    last = messages[-1]
    if last["role"] == "tool":
        return f"Here is what I found: {last['content']}"
    question = last["content"].lower()
    if "borrowed" in question:
        return Reply(tool_calls=[ToolCall("list_loans")])
    if "renew" in question:
        return Reply(tool_calls=[ToolCall("renew", {"title": last_title(messages)})])
    if "thank" in question:
        return "You are welcome."
    return "The emulator has no model: it knows only the questions of the example."


def main() -> None:
    """Have the conversation that the command line asks for."""
    questions = typed_lines() if "--interactive" in sys.argv else CONVERSATION
    with (
        scaleway_or_emulator(MODEL, act_the_agent) as arguments,
        ChatScaleway(**arguments) as model,
    ):
        converse(model, questions)


if __name__ == "__main__":
    main()
