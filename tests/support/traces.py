"""A tracer and a LangSmith on this machine, that keep the runs which they are told of."""

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from langchain_core.tracers import BaseTracer, Run
from langchain_core.tracers.langchain import LangChainTracer, wait_for_all_tracers
from langsmith import Client


class KeepingTracer(BaseTracer):
    """Keeps all runs."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[Run] = []

    def _persist_run(self, run: Run) -> None:
        self.runs.append(run)


class LocalLangSmith:
    """Takes runs over HTTP, as LangSmith's API does (langsmith 0.15: `POST` and `PATCH /runs`).

    Args:
        hide_metadata: Handed to the client, which passes each run's metadata through it.

    Attributes:
        client: LangSmith's client that sends its runs here.
        tracer: A callback handler that does.
        sent: Every byte that came, for what must not be in it.
    """

    def __init__(
        self, hide_metadata: Callable[[dict[str, Any]], dict[str, Any]] | None = None
    ) -> None:
        self.sent = b""
        self._runs: dict[str, dict[str, Any]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(
            # It looks for the end of its life this often, in seconds.
            target=lambda: self._server.serve_forever(poll_interval=0.01),
            daemon=True,
        )
        self.client = Client(
            api_url=f"http://127.0.0.1:{self._server.server_port}",
            api_key="no-secret",
            # One request for each run, without multipart forms.
            auto_batch_tracing=False,
            hide_metadata=hide_metadata,
        )
        self.tracer = LangChainTracer(client=self.client)

    def __enter__(self) -> Self:
        """Start to listen."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        wait_for_all_tracers()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self.client.session.close()

    def runs(self, run_type: str = "llm") -> list[dict[str, Any]]:
        """The runs of one type so far, as they were when they ended."""
        wait_for_all_tracers()
        return [run for run in self._runs.values() if run["run_type"] == run_type]

    def run(self) -> dict[str, Any]:
        """The only call of a model."""
        [run] = self.runs()
        return run

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        traces = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                traces._keep(self.rfile.read(int(self.headers["content-length"])))
                self.send_response(202)
                self.send_header("content-length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_PATCH = do_POST  # noqa: N815 -- the standard library's name

            def log_message(self, *_: Any) -> None:
                """Keep quiet."""

        return Handler

    def _keep(self, body: bytes) -> None:
        self.sent += body
        run = json.loads(body)
        known = self._runs.setdefault(run["id"], {})
        known.update({name: value for name, value in run.items() if value is not None})
