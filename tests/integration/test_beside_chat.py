"""Embeddings, rerank and transcription have what they share with `ChatScaleway`."""

import asyncio
import copy
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from langchain_core.documents import Document
from langchain_core.documents.base import Blob

from langchain_scaleway import (
    ScalewayEmbeddings,
    ScalewayRerank,
    ScalewayTranscriptionParser,
    usage_cost,
)
from langchain_scaleway.errors import (
    ScalewayAPIError,
    ScalewayAuthenticationError,
    ScalewayConnectionError,
    ScalewayContextOverflowError,
    ScalewayError,
    ScalewayInvalidRequestError,
    ScalewayModelNotFoundError,
    ScalewayPermissionDeniedError,
)
from langchain_scaleway.testing import ScalewayEmulator
from tests.support.recordings import LLAMACPP_EMBED, VLLM_EMBED, Recording
from tests.support.replay import ReplayServer
from tests.support.secrecy import CANARY, leaks_in, leaks_of

Component = ScalewayEmbeddings | ScalewayRerank | ScalewayTranscriptionParser


def embed(embeddings: Any) -> Any:
    return embeddings.embed_documents(["Paris"])


def rank(rerank: Any) -> Any:
    return rerank.compress_documents([Document("Paris")], "Where?")


def transcribe(parser: Any) -> Any:
    return parser.parse(Blob.from_data(b"audio", mime_type="audio/mpeg"))


USES: dict[type[Component], Callable[[Any], Any]] = {
    ScalewayEmbeddings: embed,
    ScalewayRerank: rank,
    ScalewayTranscriptionParser: transcribe,
}
each = pytest.mark.parametrize("component", USES)


@pytest.fixture
def emulator() -> Iterator[ScalewayEmulator]:
    with ScalewayEmulator(api_key=CANARY) as emulator:
        yield emulator


@pytest.fixture
def replay() -> Iterator[ReplayServer]:
    with ReplayServer() as server:
        yield server


@each
def test_the_key_is_shown_nowhere(emulator: ScalewayEmulator, component: type[Component]) -> None:
    own = component(base_url=emulator.base_url, api_key=CANARY)
    assert USES[component](own)
    shown = [repr(own), str(own), own.model_dump_json(), repr(own.model_dump())]
    assert list(leaks_in(shown)) == []

    with ScalewayEmulator(api_key="11111111-2222-3333-4444-555555555555") as other:
        refused = component(base_url=other.base_url, api_key=CANARY, max_retries=0)
        with pytest.raises(ScalewayPermissionDeniedError) as caught:
            USES[component](refused)
    assert leaks_of(caught.value) == []


@each
@pytest.mark.parametrize(
    "copied",
    [copy.copy, copy.deepcopy, lambda own: pickle.loads(pickle.dumps(own))],  # noqa: S301 -- our own
    ids=["copy", "deepcopy", "pickle"],
)
def test_copies_work_after_use(
    emulator: ScalewayEmulator, component: type[Component], copied: Callable[[Any], Any]
) -> None:
    with component(base_url=emulator.base_url, api_key=CANARY) as own:
        answer = USES[component](own)
        with copied(own) as another:
            assert another == own
            assert USES[component](another) == answer


@each
def test_a_client_of_ones_own_is_used_and_left_open(
    emulator: ScalewayEmulator, component: type[Component]
) -> None:
    asked: list[str] = []
    hooks = {"request": [lambda request: asked.append(request.url.path)]}
    with httpx.Client(event_hooks=hooks) as client:
        with component(base_url=emulator.base_url, api_key=CANARY, http_client=client) as own:
            USES[component](own)
        assert not client.is_closed
    assert len(asked) == 1


@each
def test_a_misspelt_argument_is_refused_with_what_was_meant(component: type[Component]) -> None:
    with pytest.raises(ValueError, match="`max_retry` is not an argument of") as caught:
        component(api_key=CANARY, max_retry=CANARY)
    assert f"of {component.__name__}. Did you mean `max_retries`?" in str(caught.value)
    assert leaks_of(caught.value) == []


@each
@pytest.mark.parametrize("name", ["unheard_of", "top_k", "n"])
def test_no_argument_is_recommended_that_there_is_not(
    component: type[Component], name: str
) -> None:
    with pytest.raises(ValueError, match=f"`{name}` is not an argument of") as caught:
        component(api_key=CANARY, **{name: 1})
    assert "extra_body" not in str(caught.value)


@each
def test_a_model_of_another_api_is_an_error_that_says_where_to_look(
    emulator: ScalewayEmulator, component: type[Component]
) -> None:
    own = component(base_url=emulator.base_url, api_key=CANARY, model="glm-5.2")
    with pytest.raises(ScalewayInvalidRequestError, match="The page “Models” names"):
        USES[component](own)


@pytest.mark.parametrize("component", [ScalewayEmbeddings, ScalewayRerank])
@pytest.mark.parametrize("is_async", [False, True], ids=["sync", "async"])
def test_the_tokens_of_each_answer_are_told(
    emulator: ScalewayEmulator, component: type[Component], is_async: bool
) -> None:
    spent: list[Any] = []
    fields: Any = {"base_url": emulator.base_url, "api_key": CANARY, "on_usage": spent.append}
    own: Any = copy.deepcopy(component(**fields))
    if not is_async:
        USES[component](own)
    elif component is ScalewayEmbeddings:
        asyncio.run(own.aembed_documents(["Paris"]))
    else:
        asyncio.run(own.acompress_documents([Document("Paris")], "Where?"))
    [usage] = spent
    assert usage["input_tokens"] == usage["total_tokens"] > 1
    assert (usage_cost(usage, model=own.model) or 0) > 0


REFUSALS = [
    (VLLM_EMBED, "embed_dimensions", embed, ScalewayInvalidRequestError, "Matryoshka"),
    (VLLM_EMBED, "embed_empty_string", embed, ScalewayInvalidRequestError, "cannot be empty"),
    (VLLM_EMBED, "embed_err_empty_list", embed, ScalewayInvalidRequestError, "at least one"),
    (VLLM_EMBED, "embed_err_no_auth", embed, ScalewayAuthenticationError, "Unauthorized"),
    (VLLM_EMBED, "embed_err_no_input", embed, ScalewayInvalidRequestError, "Field required"),
    (VLLM_EMBED, "embed_err_too_long", embed, ScalewayContextOverflowError, "512 tokens"),
    (VLLM_EMBED, "embed_err_unknown_model", embed, ScalewayModelNotFoundError, "`nope`"),
    (VLLM_EMBED, "rerank_err_no_documents", rank, ScalewayInvalidRequestError, "body.documents"),
    (VLLM_EMBED, "rerank_err_unknown_model", rank, ScalewayModelNotFoundError, "`nope`"),
    (LLAMACPP_EMBED, "embed_empty_string", embed, ScalewayInvalidRequestError, "cannot be empty"),
    (LLAMACPP_EMBED, "embed_err_empty_list", embed, ScalewayInvalidRequestError, "not be empty"),
    (LLAMACPP_EMBED, "embed_err_no_auth", embed, ScalewayAuthenticationError, "Invalid API Key"),
    (LLAMACPP_EMBED, "embed_err_no_input", embed, ScalewayInvalidRequestError, "be provided"),
    (LLAMACPP_EMBED, "embed_err_too_long", embed, ScalewayContextOverflowError, "9001 tokens"),
    (LLAMACPP_EMBED, "rerank", rank, ScalewayAPIError, "does not support reranking"),
]


@pytest.mark.parametrize(("folder", "case", "use", "kind", "said"), REFUSALS)
def test_recorded_refusals_are_typed_errors(
    replay: ReplayServer,
    *,
    folder: str,
    case: str,
    use: Callable[[Any], Any],
    kind: type[ScalewayError],
    said: str,
) -> None:
    component = ScalewayEmbeddings if use is embed else ScalewayRerank
    base_url = replay.base_url(Recording(folder, case))
    with (
        component(model="tiny-embed", base_url=base_url, max_retries=0) as own,
        pytest.raises(ScalewayError, match=said) as caught,
    ):
        use(own)
    assert type(caught.value) is kind


@pytest.mark.parametrize("folder", [VLLM_EMBED, LLAMACPP_EMBED])
@pytest.mark.parametrize("case", ["embed_string", "embed_list", "embed_float", "embed_base64"])
def test_recorded_vectors_are_read(replay: ReplayServer, folder: str, case: str) -> None:
    recording = Recording(folder, case)
    given = recording.request["body"]["input"]
    texts = [given] if isinstance(given, str) else given
    base_url = replay.base_url(recording)
    with ScalewayEmbeddings(model="tiny-embed", base_url=base_url) as embeddings:
        vectors = embeddings.embed_documents(texts)
    assert [len(vector) for vector in vectors] == [128] * len(texts)
    assert all(sum(x * x for x in vector) == pytest.approx(1, abs=1e-4) for vector in vectors)


@pytest.mark.parametrize("is_failing", [True, False], ids=["a failure", "a cancellation"])
def test_nothing_goes_on_after_the_end_of_asynchronous_calls(
    emulator: ScalewayEmulator, is_failing: bool
) -> None:
    """Parts of a long list that have not been sent are not sent any more."""
    key = "wrong" if is_failing else CANARY
    fields: Any = {"base_url": emulator.base_url, "api_key": key, "max_retries": 0}

    async def run() -> tuple[int, int]:
        embeddings = ScalewayEmbeddings(**fields, chunk_size=1)
        documents = [Document(f"text {number}") for number in range(256 * 40)]
        async with embeddings, ScalewayRerank(**fields) as rerank:
            for call in (
                embeddings.aembed_documents([f"text {number}" for number in range(500)]),
                rerank.acompress_documents(documents, "Where?"),
            ):
                task = asyncio.ensure_future(call)
                if not is_failing:
                    await asyncio.sleep(0.05)
                    task.cancel()
                with pytest.raises((ScalewayError, asyncio.CancelledError)):
                    await task
                assert asyncio.all_tasks() == {asyncio.current_task()}
        return len(emulator.requests), len(asyncio.all_tasks())

    sent, _ = asyncio.run(run())
    assert sent < 500


def test_an_interrupted_program_sends_no_more_texts(emulator: ScalewayEmulator) -> None:
    program = (
        "import signal\n"
        "from langchain_scaleway import ScalewayEmbeddings\n"
        # A shell's background job ignores it, and its children do.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"embeddings = ScalewayEmbeddings(base_url={emulator.base_url!r}, api_key={CANARY!r},"
        " chunk_size=1, max_concurrency=1)\n"
        "embeddings.embed_documents(['text'] * 1_000)"
    )
    with subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE) as process:
        while len(emulator.requests) < 50:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
    assert b"KeyboardInterrupt" in said
    assert len(emulator.requests) < 1_000


def test_an_error_about_no_model_names_none() -> None:
    with (
        ScalewayEmbeddings(base_url="http://127.0.0.1:9/v1", max_retries=0) as embeddings,
        pytest.raises(ScalewayConnectionError, match=r"^The connection to \S+ failed: "),
    ):
        embeddings.list_models()
