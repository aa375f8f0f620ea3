"""A user's program, which type checkers must accept in their strict modes.

`tests/unit/test_typing.py` has it read without this project's settings, and runs it.
"""

from collections.abc import AsyncIterator

import httpx
from langchain_core.caches import InMemoryCache
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.documents.base import Blob
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.rate_limiters import InMemoryRateLimiter
from langchain_core.tools import tool
from pydantic import BaseModel, SecretStr

from langchain_scaleway import (
    Batch,
    ChatScaleway,
    ScalewayBatches,
    ScalewayEmbeddings,
    ScalewayRateLimiter,
    ScalewayRerank,
    ScalewayTranscriptionParser,
    usage_cost,
)
from langchain_scaleway.errors import ScalewayError, ScalewayRateLimitError
from langchain_scaleway.testing import (
    CutStream,
    HttpError,
    Matcher,
    Quotas,
    RawReply,
    ReceivedRequest,
    Reply,
    ScalewayEmulator,
    ServedModel,
    Step,
    ToolCall,
    rate_limited,
)


class Person(BaseModel):
    """A person."""

    name: str


@tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


def with_every_argument() -> ChatScaleway:
    """Give every argument that chat models share, and every one of ours."""
    return ChatScaleway(
        model="mistral-small-3.2-24b-instruct-2506",
        temperature=0.5,
        top_p=0.9,
        max_tokens=100,
        presence_penalty=0.5,
        frequency_penalty=0.5,
        logit_bias={50256: -100},
        stop=["."],
        seed=1,
        logprobs=True,
        top_logprobs=5,
        reasoning_effort="low",
        parallel_tool_calls=False,
        streaming=True,
        stream_usage=True,
        replay_reasoning=False,
        api_key=SecretStr("my-key"),
        project_id="11111111-2222-3333-4444-555555555555",
        base_url="https://api.scaleway.ai/v1",
        timeout=httpx.Timeout(60, connect=5),
        stream_chunk_timeout=20,
        max_retries=3,
        model_family="mistral",
        use_responses_api=False,
        default_headers={"X-Trace": "1"},
        extra_body={"top_k": 5},
        http_client=httpx.Client(),
        http_async_client=httpx.AsyncClient(),
        include_response_headers=True,
        rate_limiter=InMemoryRateLimiter(requests_per_second=1),
        cache=InMemoryCache(),
        output_version="v1",
        disable_streaming="tool_calling",
        profile={"max_input_tokens": 1_000, "tool_calling": True},
        metadata={"user": "me"},
        tags=["mine"],
        callbacks=[BaseCallbackHandler()],
        verbose=False,
        name="assistant",
    )


def with_other_types() -> list[ChatScaleway]:
    """Give the other types that some arguments take."""
    return [
        ChatScaleway(model="glm-5.2", api_key="my-key", timeout=None, stop="."),
        ChatScaleway(model="glm-5.2", api_key="my-key", timeout=5, cache=False),
        ChatScaleway(model="glm-5.2", base_url="http://localhost:8000/v1", timeout=0.5),
    ]


def calls(model: ChatScaleway) -> list[str]:
    """Ask in every synchronous way."""
    history: list[BaseMessage] = [HumanMessage("Hello")]
    answer: AIMessage = model.invoke(history, temperature=0, stop=["!"])
    texts = [answer.text, *(chunk.text for chunk in model.stream("Hello", max_tokens=5))]
    texts += [each.text for each in model.batch(["one", "two"])]
    return [str(text) for text in texts]


def tools_and_objects(model: ChatScaleway) -> object:
    """Bind tools of several forms, and ask for an object."""
    schema = {"title": "Answer", "type": "object", "properties": {"text": {"type": "string"}}}
    caller = model.bind_tools([add, Person, len, schema], tool_choice="any", strict=True)
    answer: AIMessage = caller.invoke("Add 1 and 2")
    parsed: object = model.with_structured_output(
        Person, method="json_schema", include_raw=True, strict=True
    ).invoke("Who?")
    return answer.tool_calls or parsed


async def asynchronous_calls(model: ChatScaleway) -> AsyncIterator[str]:
    """Ask in the asynchronous ways; the connections close at the end."""
    async with model:
        yield (await model.ainvoke("Hello", max_tokens=5)).text
        async for chunk in model.astream("Hello"):
            yield chunk.text
        yield ", ".join(await model.alist_models())


def beside_chat(audio: Blob) -> list[str]:
    """Use what there is beside chat, with every argument of its own."""
    embeddings = ScalewayEmbeddings(
        model="qwen3-embedding-8b",
        api_key="my-key",
        query_instruction="Find the capital",
        encoding_format="base64",
        dimensions=None,
        chunk_size=100,
        max_concurrency=4,
        show_progress_bar=False,
        rate_limiter=ScalewayRateLimiter(),
    )
    rerank = ScalewayRerank(model="qwen3-embedding-8b", api_key=SecretStr("my-key"), top_n=3)
    parser = ScalewayTranscriptionParser(
        model="whisper-large-v3",
        api_key="my-key",
        language="en",
        prompt="Scaleway",
        temperature=0,
        response_format="verbose_json",
    )
    vectors: list[list[float]] = embeddings.embed_documents(["Paris", "Rome"])
    vector: list[float] = embeddings.embed_query("Where?")
    documents: list[Document] = parser.parse(audio)
    cost: float | None = usage_cost(documents[0].metadata["usage"], model=parser.model)
    pieces = [str(len(vectors)), str(len(vector)), str(cost), *parser.stream(audio)]
    return pieces + [best.page_content for best in rerank.compress_documents(documents, "Where?")]


async def beside_chat_asynchronously(embeddings: ScalewayEmbeddings) -> list[list[float]]:
    """Embed without blocking."""
    async with embeddings:
        return [await embeddings.aembed_query("a"), *await embeddings.aembed_documents(["b"])]


async def batches(model: ChatScaleway, embeddings: ScalewayEmbeddings) -> list[object]:
    """Send piles, wait and read."""
    objects = ScalewayBatches(
        model.with_structured_output(Person), bucket="s3://my-bucket/llm", access_key="my-key"
    )
    batch: Batch = objects.submit(["Who?"], max_cost=1.5)
    answers: list[object] = objects.resume(batch.id).wait(progress=True).results()
    again: Batch = batch.failed().submit()
    cost: float | None = again.cost
    vectors = await ScalewayBatches(embeddings, "s3://my-bucket/llm").asubmit(["a"])
    return [*answers, cost, *await (await vectors.await_done(poll=60)).aresults()]


def careful(model: ChatScaleway) -> str | float | None:
    """Catch what may go wrong."""
    try:
        with model:
            return model.invoke("Hello").text
    except ScalewayRateLimitError as error:
        return error.message
    except ScalewayError as error:
        return error.status_code


def answer(request: ReceivedRequest) -> Step:
    """Answer a request, in a test of the user's."""
    return Reply("Hello", tool_calls=[ToolCall("add", {"a": len(request.body), "b": 1})])


async def tested(scaleway_emulator: ScalewayEmulator) -> bool:
    """Test an app."""
    cut = Reply("Hello", faults=[CutStream(after_events=2)])
    scaleway_emulator.script("Hello", cut, rate_limited(), answer, lambda request: request.path)
    scaleway_emulator.script(HttpError(500), RawReply(body=b"{}"), endpoint="embeddings")
    rule = scaleway_emulator.when(contains="Who?", where=lambda request: bool(request.headers))
    scaleway_emulator.assert_requested(rule.reply("You", times=2), times=0)
    scaleway_emulator.assert_requested(Matcher(model="m"), tool_result=True, times=0)
    with ScalewayEmulator(models=(ServedModel(id="m"),), quotas=Quotas()) as other:
        model = ChatScaleway(model="m", base_url=other.base_url, api_key=other.api_key)
        await model.ainvoke("Hello")
        return await other.wait_for(lambda it: it.requests[0].completed)
