"""Serve the toy model with llama.cpp's own OpenAI-compatible server.

From Python, in a process of its own that ends with the `with` block or with this process::

    with LocalEngine() as engine:
        model = ChatScaleway(model=engine.model, base_url=engine.base_url, api_key=engine.api_key)

From a terminal::

    python engine/serve.py --port 8203 --thinking on

The server comes from the wheel `xllamacpp` (`pip install 'langchain-scaleway[demo]'`).
"""

import argparse
import subprocess
import sys
import threading
from pathlib import Path
from typing import Literal, Self, get_args

Thinking = Literal["on", "off", "template"]
"""Whether the model thinks before it answers; `template` leaves it to each request
(`chat_template_kwargs={"enable_thinking": …}` decides in all three cases)."""

MODEL_FILE = Path(__file__).with_name("tiny-qwen3.gguf")
MODEL_NAME = "tiny-qwen3"
API_KEY = "sk-local-engine"
"""A dummy: the engine listens on loopback only, but asks for a key as Scaleway does."""

START_TIMEOUT = 60.0
"""Seconds. It takes less than one; the rest is for a machine that is busy."""


class LocalEngine:
    """A running engine, in a process of its own, on a free port of the loopback interface.

    The process ends with `stop()`, at the end of the `with` block, and when this process
    dies in whatever way.

    Attributes:
        base_url: Where it listens, `http://127.0.0.1:PORT/v1`; set by `start()`.
        api_key: The key that it asks for.
        model: The name of its model.
    """

    def __init__(
        self,
        *,
        thinking: Thinking = "off",
        context_window: int = 4096,
        parallel: int = 4,
        embeddings: bool = False,
    ) -> None:
        """Prepare an engine without starting it.

        Args:
            thinking: Whether the model thinks before it answers.
            context_window: Tokens that a prompt and its answer may have together.
            parallel: Requests answered side by side; others wait their turn.
            embeddings: Serve `/v1/embeddings` in the place of chats: the mean of the model's
                hidden states. A toy's vectors say next to nothing about a text's meaning.
        """
        self.base_url = ""
        self.api_key = API_KEY
        self.model = MODEL_NAME
        self._options = [
            f"--thinking={thinking}",
            f"--context-window={context_window}",
            f"--parallel={parallel}",
            f"--key={API_KEY}",
            *(["--embeddings"] if embeddings else []),
        ]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the process and return when it answers requests.

        Raises:
            RuntimeError: It is running already, or it did not start; what the engine
                said about that is on stderr.
        """
        if self._process is not None:
            raise RuntimeError("The local engine is running already.")
        self._process = subprocess.Popen(  # noqa: S603 -- every word of it is made here
            [sys.executable, __file__, "--stop-at-end-of-input", *self._options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C goes to the whole session: this process alone decides when to stop.
            start_new_session=True,
        )
        self.base_url = _announced_url(self._process)
        if not self.base_url:
            self.stop()
            raise RuntimeError("The local engine did not start; see its message on stderr.")

    def stop(self) -> None:
        """End the process; nothing happens when none is running."""
        if self._process is None:
            return
        process, self._process = self._process, None
        process.terminate()
        # Closes the pipes and waits.
        process.communicate()

    def __enter__(self) -> Self:
        """Start the engine."""
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the engine."""
        self.stop()


def _announced_url(process: subprocess.Popen[str]) -> str:
    """The URL that ends the engine's first line; empty when it died or hung before that."""
    assert process.stdout is not None  # noqa: S101 -- for mypy: `start` asked for a pipe
    # The line comes, or the pipe ends because the process has: at the latest by the timer.
    timer = threading.Timer(START_TIMEOUT, process.kill)
    timer.start()
    try:
        line = process.stdout.readline()
    finally:
        timer.cancel()
    return line.strip().rpartition(" ")[2]


def serve(options: argparse.Namespace) -> None:
    """Run llama.cpp's server in this process until it is told to stop.

    Args:
        options: What `parse_options` gives.
    """
    try:
        import xllamacpp  # noqa: PLC0415 -- the parent process does not need it
    except ModuleNotFoundError as error:
        sys.exit(f"{error}. The local engine needs: pip install 'langchain-scaleway[demo]'")

    params = xllamacpp.CommonParams()
    params.model.path = str(MODEL_FILE)
    params.model_alias = {MODEL_NAME}
    params.hostnames = ["127.0.0.1"]
    params.port = options.port
    params.api_keys = [options.key]
    # llama.cpp divides one cache among its slots.
    params.n_ctx = options.context_window * options.parallel
    params.n_parallel = options.parallel
    # A bound for requests that set none: a model this small may ramble when sampled.
    params.n_predict = 1000
    # The model is so small that more threads only wait for each other.
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.use_jinja = True  # tools and thinking live in the chat template
    params.warmup = False
    params.offline = True
    params.ui = False
    params.verbosity = 1  # errors alone
    # Thoughts go into `reasoning_content`, out of the answer.
    params.reasoning_format = xllamacpp.common_reasoning_format.COMMON_REASONING_FORMAT_DEEPSEEK
    if options.thinking != "template":
        enabled = "true" if options.thinking == "on" else "false"
        params.default_template_kwargs = {"enable_thinking": enabled}

    if options.embeddings:
        params.embedding = True
        params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN

    try:
        server = xllamacpp.Server(params)  # returns when the model is loaded
    except RuntimeError as error:  # llama.cpp has just said why
        sys.exit(f"The local engine did not start: {error}")
    # The URL stands last: `LocalEngine` reads it there.
    print(
        f"{MODEL_NAME}, a toy model for tests and not an assistant, is served by llama.cpp "
        f"(thinking: {options.thinking}, key: {options.key}) at {server.listening_address}/v1",
        flush=True,
    )
    try:
        if options.stop_at_end_of_input:
            sys.stdin.read()
        else:
            threading.Event().wait()
    except KeyboardInterrupt:
        print("Stopped.")


def parse_options(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line.

    Args:
        arguments: The words after the program's name; `sys.argv` where not given.
    """
    parser = argparse.ArgumentParser(description="Serve a toy model with llama.cpp's server.")
    parser.add_argument("--port", type=int, default=0, help="default: a free one")
    parser.add_argument("--key", default=API_KEY, help="default: %(default)s")
    parser.add_argument("--thinking", choices=get_args(Thinking), default="off")
    parser.add_argument(
        "--context-window",
        type=int,
        default=4096,
        help="tokens of a prompt and its answer together, default: %(default)s",
    )
    parser.add_argument(
        "--parallel", type=int, default=4, help="requests side by side, default: %(default)s"
    )
    parser.add_argument("--embeddings", action="store_true", help="embed texts, and do not chat")
    parser.add_argument(
        "--stop-at-end-of-input",
        action="store_true",
        help="end when stdin is closed, as it is when the process at its other end dies",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    serve(parse_options())
