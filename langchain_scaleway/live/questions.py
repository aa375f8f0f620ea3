"""What nobody could ask Scaleway when this was written (2026-11-28), and what is believed.

Each question is one small request. What is believed comes from Scaleway's pages, from dated reports
and from vLLM's behaviour; `maintaining-models.md` says what to do when an answer differs.
"""

import io
import wave
from collections.abc import Callable
from typing import Any, NamedTuple

from langchain_scaleway.live.exchange import Exchange

MISTRAL = "mistral-small-3.2-24b-instruct-2506"
MISTRAL_MEDIUM = "mistral-medium-3.5-128b"
QWEN = "qwen3.6-35b-a3b"
GLM = "glm-5.2"
GPT_OSS = "gpt-oss-120b"
DEEPSEEK = "deepseek-v4-flash-0731"
EMBEDDING = "qwen3-embedding-8b"
WHISPER = "whisper-large-v3"

_PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
    "hgGAWjR9awAAAABJRU5ErkJggg=="
)
_FUNCTION: dict[str, Any] = {
    "name": "get_weather",
    "description": "Get the weather in a city.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}
_WEATHER = {"type": "function", "function": _FUNCTION}
_SCHEMA = {
    "type": "json_schema",
    "json_schema": {
        "name": "Answer",
        "schema": {
            "type": "object",
            "properties": {"answer": {"type": "string"}},
            "required": ["answer"],
        },
    },
}


class Question(NamedTuple):
    """One request, and what is believed of its answer.

    Attributes:
        name: For the command line and the recording's files.
        fact: What is asked.
        expected: What is believed, in words.
        holds: Whether an answer agrees with that; `None` where nothing is believed.
        path: The endpoint.
        body: What is sent; `None` for a GET.
        file: A file's name and content to send along.
    """

    name: str
    fact: str
    expected: str
    holds: Callable[[Exchange], bool] | None
    path: str = "/chat/completions"
    body: dict[str, Any] | None = None
    file: tuple[str, bytes] | None = None


def _chat(model: str = MISTRAL, prompt: str = "Say yes.", **fields: Any) -> dict[str, Any]:
    """The body of a chat completion; the cheapest model, a word of an answer."""
    messages = [{"role": "user", "content": prompt}]
    return {"model": model, "messages": messages, "max_tokens": 16, **fields}


def _with_result(content: Any, *then: dict[str, Any]) -> list[dict[str, Any]]:
    """A history with a tool's result."""
    function = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    call = {"id": "abcdef123", "type": "function", "function": function}
    return [
        {"role": "user", "content": "What is the weather in Paris?"},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "abcdef123", "content": content},
        *then,
    ]


def _silence() -> bytes:
    """A second of silence as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(16_000)
        recording.writeframes(bytes(32_000))
    return file.getvalue()


def _ok(exchange: Exchange) -> bool:
    return exchange.status == 200  # noqa: PLR2004 -- HTTP's own


def _refused(*statuses: int) -> Callable[[Exchange], bool]:
    return lambda exchange: exchange.status in statuses


def _streamed_calls(exchange: Exchange) -> bool:
    return any(
        choice.get("delta", {}).get("tool_calls")
        for event in exchange.events
        for choice in event.get("choices", ())
    )


def _usages(exchange: Exchange) -> list[int]:
    """The places of the events of a stream that carry usage."""
    return [place for place, event in enumerate(exchange.events) if event.get("usage")]


_CHAT = (
    Question(
        "models",
        "GET /v1/models lists the models of all kinds that the key can use.",
        "200, with at least one model that embeds",
        lambda e: EMBEDDING in {model["id"] for model in e.json.get("data", ())},
        path="/models",
    ),
    Question(
        "headers",
        "A success tells the quotas, and no request id.",
        "x-ratelimit-* and no x-request-id",
        lambda e: (
            any(name.startswith("x-ratelimit-") for name in e.headers)
            and "x-request-id" not in e.headers
        ),
        body=_chat(),
    ),
    Question(
        "n",
        "`n` is honoured (OpenAPI, September 2026; older pages: unsupported).",
        "two choices",
        lambda e: len(e.json.get("choices", ())) == 2,  # noqa: PLR2004 -- as many as asked
        body=_chat(n=2),
    ),
    Question(
        "penalties",
        "`frequency_penalty` and `logit_bias` are taken (OpenAPI; older pages: unsupported).",
        "200",
        _ok,
        body=_chat(frequency_penalty=0.5, logit_bias={"1": -100}),
    ),
    Question(
        "top_logprobs",
        "`top_logprobs` is honoured.",
        "three alternatives for each token",
        lambda e: (
            {len(t["top_logprobs"]) for t in e.json["choices"][0]["logprobs"]["content"]} == {3}
        ),
        body=_chat(logprobs=True, top_logprobs=3),
    ),
    Question(
        "vllm_fields",
        "vLLM's own sampling fields and unknown fields are taken or ignored, and not refused.",
        "200",
        _ok,
        body=_chat(top_k=1, min_p=0.1, repetition_penalty=1.1, user="x", no_such_field=1),
    ),
    Question(
        "structured_outputs",
        "vLLM's `structured_outputs` holds the answer to a choice.",
        "not known",
        None,
        body=_chat(structured_outputs={"choice": ["azure"]}),
    ),
    Question(
        "max_tokens_cap",
        "`max_tokens` above the model's cap is refused with a sentence that names it.",
        "400 with “max_completion_tokens is limited to”",
        lambda e: e.status == 400 and b"is limited to" in e.content,  # noqa: PLR2004 -- HTTP's own
        body={**_chat(), "max_tokens": 999_999},
    ),
    Question(
        "unknown_model",
        "An unknown model is refused at the gateway.",
        "422",
        _refused(422),
        body=_chat("no-such-model"),
    ),
    Question(
        "effort_refused",
        "mistral-medium-3.5 refuses an effort that it does not know.",
        "400",
        _refused(400),
        body=_chat(MISTRAL_MEDIUM, reasoning_effort="low"),
    ),
    Question(
        "effort_ignored",
        "glm-5.2 takes an effort that it does not know, and ignores it.",
        "200",
        _ok,
        body=_chat(GLM, reasoning_effort="low"),
    ),
    Question(
        "reasoning_field",
        "Reasoning comes as `reasoning`, and not as `reasoning_content`.",
        "message.reasoning alone",
        lambda e: bool(e.message.get("reasoning")) and not e.message.get("reasoning_content"),
        body=_chat(QWEN, reasoning_effort="low"),
    ),
    Question(
        "reasoning_tokens",
        "Usage tells the tokens of reasoning.",
        "not known",
        None,
        body=_chat(DEEPSEEK, reasoning_effort="low"),
    ),
    Question(
        "stream_usage",
        "With `include_usage` a stream has usage in its last event alone.",
        "usage once, at the end",
        lambda e: _usages(e) == [len(e.events) - 1],
        body=_chat(stream=True, stream_options={"include_usage": True}),
    ),
    Question(
        "stream_without_usage",
        "Without `include_usage` a stream has no usage.",
        "no usage",
        lambda e: bool(e.events) and not _usages(e),
        body=_chat(stream=True),
    ),
    Question(
        "developer_role",
        "Chat completions know no role `developer` (absent from the OpenAPI).",
        "not known",
        None,
        body=_chat(messages=[{"role": "developer", "content": "Be brief."}, *_chat()["messages"]]),
    ),
    Question(
        "prefill",
        "A history that ends with the assistant is continued.",
        "not known",
        None,
        body=_chat(QWEN, messages=[*_chat()["messages"], {"role": "assistant", "content": "Ye"}]),
    ),
)

_TEMPLATES = (
    Question(
        "mistral_two_users",
        "Mistral refuses two user messages in a row.",
        "400",
        _refused(400),
        body=_chat(messages=_chat()["messages"] * 2),
    ),
    Question(
        "mistral_user_behind_result",
        "Mistral refuses a user message behind a tool's result.",
        "400",
        _refused(400),
        body=_chat(messages=_with_result("sunny", *_chat()["messages"]), tools=[_WEATHER]),
    ),
    Question(
        "qwen_late_system",
        "Qwen refuses a system message that is not the first.",
        "400",
        _refused(400),
        body=_chat(
            QWEN, messages=[*_chat()["messages"], {"role": "system", "content": "Be brief."}]
        ),
    ),
    Question(
        "tool_message_parts",
        "A tool's message may hold a list of texts.",
        "200",
        _ok,
        body=_chat(
            QWEN,
            messages=_with_result([{"type": "text", "text": "sunny"}]),
            tools=[_WEATHER],
            reasoning_effort="none",
        ),
    ),
    Question(
        "tool_message_image",
        "A tool's message may hold an image, for a model that reads images.",
        "not known",
        None,
        body=_chat(
            QWEN,
            messages=_with_result([{"type": "image_url", "image_url": {"url": _PIXEL}}]),
            tools=[_WEATHER],
            reasoning_effort="none",
        ),
    ),
)

_TOOLS = (
    Question(
        "glm_streamed_call",
        "glm-5.2 leaves tool calls out of streams.",
        "a stream without a call",
        lambda e: _ok(e) and not _streamed_calls(e),
        body=_chat(
            GLM, "What is the weather in Paris?", tools=[_WEATHER], stream=True, max_tokens=200
        ),
    ),
    Question(
        "parallel_tool_calls",
        "`parallel_tool_calls: false` is ignored.",
        "not known",
        None,
        body=_chat(
            prompt="What is the weather in Paris and in Rome?",
            tools=[_WEATHER],
            parallel_tool_calls=False,
            max_tokens=100,
        ),
    ),
    Question(
        "named_tool",
        "`tool_choice` may name a tool, although the OpenAPI has words alone.",
        "a call",
        lambda e: bool(e.message.get("tool_calls")),
        body=_chat(
            tools=[_WEATHER],
            tool_choice={"type": "function", "function": {"name": "get_weather"}},
            max_tokens=100,
        ),
    ),
    Question(
        "schema_beside_tools",
        "A json_schema beside tools keeps the model from calling them.",
        "an answer without a call",
        lambda e: _ok(e) and not e.message.get("tool_calls"),
        body=_chat(
            prompt="What is the weather in Paris?",
            tools=[_WEATHER],
            response_format=_SCHEMA,
            max_tokens=60,
        ),
    ),
    Question(
        "gpt_oss_result",
        "gpt-oss-120b fails on chat completions in the turn that carries a tool's result.",
        "400, 500, or an answer without content",
        lambda e: e.status in {400, 500} or (_ok(e) and not e.message.get("content")),
        body=_chat(GPT_OSS, messages=_with_result("sunny"), tools=[_WEATHER], max_tokens=200),
    ),
)

_RESPONSES = (
    Question(
        "responses_result",
        "gpt-oss-120b takes a tool's result on the Responses API.",
        "200 with a message",
        lambda e: "message" in {item.get("type") for item in e.json.get("output", ())},
        path="/responses",
        body={
            "model": GPT_OSS,
            "input": [
                {"type": "message", "role": "user", "content": "What is the weather in Paris?"},
                {
                    "type": "function_call",
                    "call_id": "call_1",
                    "name": "get_weather",
                    "arguments": '{"city": "Paris"}',
                    "status": "completed",
                },
                {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
            ],
            "tools": [{"type": "function", **_FUNCTION}],
            "max_output_tokens": 300,
            "store": False,
        },
    ),
    Question(
        "responses_stream",
        "A stream of the Responses API ends with its terminal event, and without [DONE].",
        "response.completed last",
        lambda e: (
            bool(e.events)
            and e.events[-1].get("type") in {"response.completed", "response.incomplete"}
            and b"[DONE]" not in e.content
        ),
        path="/responses",
        body={"model": GPT_OSS, "input": "Say yes.", "max_output_tokens": 100, "stream": True},
    ),
    Question(
        "responses_effort_none",
        "gpt-oss-120b cannot be told not to reason.",
        "not known",
        None,
        path="/responses",
        body={"model": GPT_OSS, "input": "Say yes.", "reasoning": {"effort": "none"}},
    ),
    Question(
        "responses_other_model",
        "glm-5.2 is not served on the Responses API.",
        "422",
        _refused(422),
        path="/responses",
        body={"model": GLM, "input": "Say yes.", "max_output_tokens": 16},
    ),
)

_OTHERS = (
    Question(
        "embeddings_base64",
        "Embeddings come in base64 if they are asked for.",
        "a string",
        lambda e: isinstance(e.json["data"][0]["embedding"], str) if _ok(e) else False,
        path="/embeddings",
        body={"model": EMBEDDING, "input": ["yes"], "encoding_format": "base64"},
    ),
    Question(
        "embeddings_dimensions",
        "Fewer dimensions than the model's are refused or ignored.",
        "400, or 4096 dimensions",
        lambda e: e.status == 400 or len(e.json["data"][0]["embedding"]) == 4096,  # noqa: PLR2004 -- see `expected`
        path="/embeddings",
        body={"model": EMBEDDING, "input": ["yes"], "dimensions": 1024},
    ),
    Question(
        "embeddings_empty_text",
        "One empty text makes the whole request fail.",
        "400",
        _refused(400),
        path="/embeddings",
        body={"model": EMBEDDING, "input": ["yes", ""]},
    ),
    Question(
        "rerank",
        "Rankings come sorted, and their usage is a total.",
        "200, falling scores, usage.total_tokens",
        lambda e: (
            _ok(e)
            and [r["index"] for r in e.json["results"]]
            == [
                r["index"]
                for r in sorted(e.json["results"], key=lambda r: r["relevance_score"], reverse=True)
            ]
            and "total_tokens" in (e.json.get("usage") or {})
        ),
        path="/rerank",
        body={"model": EMBEDDING, "query": "a fruit", "documents": ["an apple", "a car"]},
    ),
    Question(
        "rerank_other_model",
        "bge-multilingual-gemma2 does not rank.",
        "not known",
        None,
        path="/rerank",
        body={"model": "bge-multilingual-gemma2", "query": "a", "documents": ["a", "b"]},
    ),
    Question(
        "transcription",
        "A transcription tells the seconds that it is billed for.",
        "200 with usage.seconds",
        lambda e: "seconds" in (e.json.get("usage") or {}),
        path="/audio/transcriptions",
        body={"model": WHISPER, "language": "en"},
        file=("silence.wav", _silence()),
    ),
    Question(
        "transcription_segments",
        "verbose_json gives segments with their times.",
        "200 with segments",
        lambda e: _ok(e) and "segments" in e.json,
        path="/audio/transcriptions",
        body={"model": WHISPER, "language": "en", "response_format": "verbose_json"},
        file=("silence.wav", _silence()),
    ),
    Question(
        "batches",
        "Batches can be listed.",
        "not known",
        None,
        path="/batches",
    ),
    Question(
        "ocr",
        "There is no /v1/ocr (absent from the OpenAPI, the console and the list of models).",
        "404 or 422",
        _refused(404, 405, 422),
        path="/ocr",
        body={"model": "mistral-ocr-2512", "document": {"type": "image_url", "image_url": _PIXEL}},
    ),
)

QUESTIONS: tuple[Question, ...] = (*_CHAT, *_TEMPLATES, *_TOOLS, *_RESPONSES, *_OTHERS)
