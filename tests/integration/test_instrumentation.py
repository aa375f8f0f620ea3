"""What sees or replaces httpx's requests sees and replaces ChatScaleway's."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx
import vcr  # type: ignore[import-untyped]  # it has no types
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.client.transport import LIBRARY
from langchain_scaleway.testing import HttpError, ScalewayEmulator
from tests.support.calls import ANSWER, EITHER, MODES, Mode, acall, call, is_async, streams
from tests.support.models import PLAIN_MODEL, model_on
from tests.support.raw_answers import content

pytestmark = pytest.mark.skipif(
    not LIBRARY.startswith("httpx/"), reason="These know httpx and not yet httpx2."
)

URL = "https://api.scaleway.ai/v1/chat/completions"


# --- OpenTelemetry ------------------------------------------------------------------------


class Spans:
    """The spans of a program that traces its requests."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.tracer = self.provider.get_tracer("the program")

    def of_http(self) -> list[ReadableSpan]:
        finished = self._exporter.get_finished_spans()
        return [span for span in finished if span.kind == trace.SpanKind.CLIENT]


@pytest.fixture
def spans() -> Iterator[Spans]:
    spans = Spans()
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=spans.provider)
    yield spans
    instrumentor.uninstrument()


def new_loop(kind: str) -> Any:
    loops = pytest.importorskip(kind, reason="uvloop runs on Linux and macOS only")
    return loops.new_event_loop()


def call_in_span(spans: Spans, model: ChatScaleway, mode: Mode, loop: str) -> trace.Span:
    """Ask within a span of the program's own, twice, so that a connection is used again."""

    async def ask() -> trace.Span:
        with spans.tracer.start_as_current_span("the program's") as span:
            for _ in range(2):
                await acall(model, mode)
        return span

    if is_async(mode):
        with asyncio.Runner(loop_factory=lambda: new_loop(loop)) as runner:
            return runner.run(ask())
    with spans.tracer.start_as_current_span("the program's") as span:
        for _ in range(2):
            call(model, mode)
    return span


@pytest.mark.parametrize(
    ("mode", "loop"),
    [(mode, "asyncio") for mode in MODES] + [("ainvoke", "uvloop"), ("astream", "uvloop")],
)
def test_opentelemetry_traces_requests_within_the_programs_spans(
    mode: Mode, loop: str, spans: Spans, emulator: ScalewayEmulator
) -> None:
    emulator.script(HttpError(400), "Bonjour")
    with model_on(emulator) as model:
        parent = call_in_span(spans, model, mode, loop)
    found = spans.of_http()
    assert [span.attributes["http.status_code"] for span in found if span.attributes] == [400, 200]
    context = parent.get_span_context()
    assert {span.parent.span_id for span in found if span.parent} == {context.span_id}
    assert all(span.parent for span in found)
    assert [request.headers["traceparent"].split("-")[1] for request in emulator.requests] == [
        f"{context.trace_id:032x}"
    ] * 2


# --- Mocks and recordings -----------------------------------------------------------------


@pytest.mark.parametrize("mode", EITHER)
def test_respx_answers(mode: Mode) -> None:
    kind, body = content("Bonjour", mode)
    with respx.mock, ChatScaleway(model=PLAIN_MODEL, api_key="a-key", max_retries=0) as model:
        route = respx.post(URL)
        route.mock(httpx.Response(200, headers={"content-type": kind.decode()}, content=body))
        attempt = call(model, mode)
        route.mock(side_effect=httpx.ConnectError("no way"))
        error = call(model, mode).error
    assert (attempt.text, attempt.error) == ("Bonjour", None)
    assert route.call_count == 2
    assert type(error) is errors.ScalewayConnectionError
    assert "no way" in str(error)


@pytest.mark.parametrize("mode", EITHER)
def test_vcr_records_and_replays(mode: Mode, emulator: ScalewayEmulator, tmp_path: Path) -> None:
    recorder = vcr.VCR(filter_headers=["authorization"])
    path = str(tmp_path / "cassette.yaml")
    with model_on(emulator) as model:
        for _ in range(2):
            with recorder.use_cassette(path, record_mode="once") as cassette:
                attempt = call(model, mode)
            assert (attempt.text, attempt.error) == (ANSWER, None)
    assert cassette.play_count == 1
    assert len(emulator.requests) == 1
    assert emulator.requests[0].json.get("stream", False) is streams(mode)
    assert str(emulator.api_key) not in (tmp_path / "cassette.yaml").read_text()
