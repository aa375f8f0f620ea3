"""The progress bar: it counts what it was given to, whatever that is made of."""

import io
import subprocess
import sys
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models import FakeListChatModel, SimpleChatModel
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langchain_core.prompts import ChatPromptTemplate
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda
from langchain_core.tools import tool

from langchain_scaleway.progress import ProgressBar

PROMPTS = [f"Question {number}?" for number in range(20)]


def model() -> FakeListChatModel:
    return FakeListChatModel(responses=["An answer."])


def chain() -> Runnable[Any, Any]:
    """A chain of which each call has several steps."""
    return ChatPromptTemplate.from_messages([("human", "{question}")]) | model()


def a_bar(total: int | None = len(PROMPTS), **options: Any) -> tuple[ProgressBar, io.StringIO]:
    screen = io.StringIO()
    return ProgressBar(total, file=screen, **options), screen


def test_counts_the_calls_of_a_batch() -> None:
    bar, screen = a_bar(desc="Questions")
    model().batch(PROMPTS, config={"callbacks": [bar]})
    assert bar.done == 20
    assert "Questions: 100%" in screen.getvalue()
    assert "20/20" in screen.getvalue()
    assert screen.getvalue().endswith("\n"), "it has closed itself"


async def test_counts_the_calls_of_an_asynchronous_batch() -> None:
    bar, _ = a_bar()
    await model().abatch(PROMPTS, config={"callbacks": [bar]})
    assert bar.done == 20


def test_counts_streams() -> None:
    bar, _ = a_bar(total=2)
    for _ in range(2):
        list(model().stream("Hello?", config={"callbacks": [bar]}))
    assert bar.done == 2


async def test_counts_a_chain_once() -> None:
    bar, _ = a_bar()
    await chain().abatch([{"question": prompt} for prompt in PROMPTS], {"callbacks": [bar]})
    assert bar.done == 20


def test_moves_with_each_item_of_a_chain_that_is_done() -> None:
    bar, _ = a_bar()
    seen = []

    def look(answer: Any) -> Any:
        seen.append(bar.done)
        return answer

    items = [{"question": prompt} for prompt in PROMPTS]
    config: RunnableConfig = {"callbacks": [bar], "max_concurrency": 1}
    list((chain() | look).batch_as_completed(items, config))
    assert seen == list(range(20))


def test_counts_within_a_chain_that_it_was_not_given_to() -> None:
    bar, _ = a_bar()

    def ask_all(_: Any) -> int:
        return len(model().batch(PROMPTS, config={"callbacks": [bar]}))

    assert RunnableLambda(ask_all).invoke(None) == 20
    assert bar.done == 20


def test_counts_tools() -> None:
    @tool
    def double(number: int) -> int:
        """Double a number."""
        return 2 * number

    bar, _ = a_bar(total=3)
    double.batch([{"number": number} for number in range(3)], config={"callbacks": [bar]})
    assert bar.done == 3


def test_counts_failures() -> None:
    def fail(question: str) -> str:
        if question.startswith("Question 1"):
            raise ValueError(question)
        return question

    bar, screen = a_bar()
    RunnableLambda(fail).batch(PROMPTS, config={"callbacks": [bar]}, return_exceptions=True)
    assert (bar.done, bar.failed) == (20, 11)
    assert "failed=11" in screen.getvalue()


class SilentModel(SimpleChatModel):
    @property
    def _llm_type(self) -> str:
        return "silent"

    def _call(self, *_: Any, **__: Any) -> str:
        raise TimeoutError("No answer.")


class Library(BaseRetriever):
    def _get_relevant_documents(self, query: str, **_: Any) -> list[Document]:
        if query == "nothing":
            raise LookupError(query)
        return [Document(query)]


@tool
def break_down(number: int) -> int:
    """Fail."""
    raise ArithmeticError(number)


def test_counts_retrievers() -> None:
    bar, _ = a_bar(total=3)
    Library().batch(["one", "two", "three"], config={"callbacks": [bar]})
    assert (bar.done, bar.failed) == (3, 0)


@pytest.mark.parametrize(
    ("failing", "given"),
    [(SilentModel(), "Hello?"), (Library(), "nothing"), (break_down, {"number": 1})],
    ids=["model", "retriever", "tool"],
)
def test_counts_each_failure_once(failing: Runnable[Any, Any], given: Any) -> None:
    bar, _ = a_bar(total=3)
    failing.batch([given] * 3, config={"callbacks": [bar]}, return_exceptions=True)
    assert (bar.done, bar.failed) == (3, 3)


def test_adds_up_tokens() -> None:
    usage = {"input_tokens": 700, "output_tokens": 50, "total_tokens": 750}
    messages = [AIMessage("Yes.", usage_metadata=usage) for _ in range(2)]
    bar, screen = a_bar(total=2)
    model = GenericFakeChatModel(messages=iter(messages))
    for _ in range(2):
        model.invoke("Hello?", config={"callbacks": [bar]})
    assert bar.tokens == 1_500
    assert "tokens=1,500" in screen.getvalue()


def test_closes_with_its_context() -> None:
    bar, screen = a_bar(total=None)
    with bar:
        model().invoke("Hello?", config={"callbacks": [bar]})
    assert "1call" in screen.getvalue()
    assert screen.getvalue().endswith("\n")


def test_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with pytest.raises(ImportError, match=r"langchain-scaleway\[progress\]"):
        ProgressBar(3)


def test_is_not_imported_before_it_is_used() -> None:
    program = "import sys, langchain_scaleway.progress; sys.exit('tqdm' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
