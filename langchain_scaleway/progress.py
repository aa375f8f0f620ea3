"""A progress bar for long batches, with any LangChain model or chain."""

import threading
from typing import Any, Self
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, LLMResult


class ProgressBar(BaseCallbackHandler):
    """Shows how far a batch is, how many of its items have failed, and the tokens used.

    It is a callback. It counts the calls that it is given to, not the steps within them. It needs
    the extra `progress`, and works in terminals and in notebooks.

    `batch` and `abatch` of a chain (`with_structured_output` makes one) take all items through the
    first step before any goes through the second. So all items finish together, and the bar jumps.
    With `batch_as_completed` and `abatch_as_completed` it moves.

    Args:
        total: How many calls there will be; after the last one the bar closes itself.
        **options: Options of `tqdm`, such as `desc` or `file`.

    Raises:
        ImportError: tqdm is not installed.

    Example:
        ```python
        from langchain_scaleway.progress import ProgressBar

        with ProgressBar(total=len(prompts)) as bar:
            answers = model.batch(prompts, config={"callbacks": [bar]})
        ```
    """

    run_inline = True  # LangChain then calls it in the event loop, without a thread for each event.

    def __init__(self, total: int | None = None, **options: Any) -> None:
        try:
            from tqdm.auto import tqdm  # noqa: PLC0415 -- an extra
        except ImportError as error:
            raise ImportError(
                'The progress bar needs tqdm: pip install "langchain-scaleway[progress]"'
            ) from error
        self.done = 0
        self.failed = 0
        self.tokens = 0
        self._total = total
        self._lock = threading.Lock()
        self._running: set[UUID] = set()
        self._counted: set[UUID] = set()
        self._bar = tqdm(total=total, **({"unit": "call"} | options))

    def close(self) -> None:
        """Stop updating the bar."""
        self._bar.close()

    def __enter__(self) -> Self:
        """Use the bar in a `with` statement, which closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the bar."""
        self.close()

    # LangChain reports the beginning and the end of each run, of whatever kind.

    def on_chat_model_start(self, *_: Any, **run: Any) -> None:
        """Note that a chat model begins."""
        self._start(**run)

    def on_llm_start(self, *_: Any, **run: Any) -> None:
        """Note that a text model begins."""
        self._start(**run)

    def on_chain_start(self, *_: Any, **run: Any) -> None:
        """Note that a chain begins."""
        self._start(**run)

    def on_tool_start(self, *_: Any, **run: Any) -> None:
        """Note that a tool begins."""
        self._start(**run)

    def on_retriever_start(self, *_: Any, **run: Any) -> None:
        """Note that a retriever begins."""
        self._start(**run)

    def on_llm_end(self, response: LLMResult, **run: Any) -> None:
        """Note the tokens of a model's answer, and that it has ended."""
        with self._lock:
            self.tokens += _tokens_of(response)
        self._end(**run)

    def on_chain_end(self, *_: Any, **run: Any) -> None:
        """Note that a chain has ended."""
        self._end(**run)

    def on_tool_end(self, *_: Any, **run: Any) -> None:
        """Note that a tool has ended."""
        self._end(**run)

    def on_retriever_end(self, *_: Any, **run: Any) -> None:
        """Note that a retriever has ended."""
        self._end(**run)

    def on_llm_error(self, *_: Any, **run: Any) -> None:
        """Note that a model has failed."""
        self._end(**run, failed=1)

    def on_chain_error(self, *_: Any, **run: Any) -> None:
        """Note that a chain has failed."""
        self._end(**run, failed=1)

    def on_tool_error(self, *_: Any, **run: Any) -> None:
        """Note that a tool has failed."""
        self._end(**run, failed=1)

    def on_retriever_error(self, *_: Any, **run: Any) -> None:
        """Note that a retriever has failed."""
        self._end(**run, failed=1)

    def _start(self, *, run_id: UUID, parent_run_id: UUID | None = None, **_: Any) -> None:
        with self._lock:
            self._running.add(run_id)
            if parent_run_id not in self._running:
                self._counted.add(run_id)

    def _end(self, *, run_id: UUID, failed: int = 0, **_: Any) -> None:
        with self._lock:
            self._running.discard(run_id)
            if run_id not in self._counted:
                return
            self._counted.remove(run_id)
            self.done += 1
            self.failed += failed
            self._show()

    def _show(self) -> None:
        shown = {"tokens": f"{self.tokens:,}"} if self.tokens else {}
        if self.failed:
            shown["failed"] = f"{self.failed:,}"
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update()
        if self.done == self._total:
            self.close()


def _tokens_of(response: LLMResult) -> int:
    """All tokens of a model's answers, as far as it reports them."""
    messages = [
        generation.message
        for generations in response.generations
        for generation in generations
        if isinstance(generation, ChatGeneration)
    ]
    return sum(
        message.usage_metadata["total_tokens"]
        for message in messages
        if isinstance(message, AIMessage) and message.usage_metadata is not None
    )
