"""What nobody could ask Scaleway when this was written (2026-11-28), and what is believed.

Each question is one small request. What is believed comes from Scaleway's pages, from dated reports
and from vLLM's behaviour; `docs/maintaining-models.md` says what to do when an answer differs.
"""

import io
import wave
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from langchain_scaleway.live.exchange import Exchange

MISTRAL = "mistral-small-3.2-24b-instruct-2506"
MEDIUM = "mistral-medium-3.5-128b"
QWEN = "qwen3.6-35b-a3b"
GLM = "glm-5.2"
GPT_OSS = "gpt-oss-120b"
DEEPSEEK = "deepseek-v4-flash-0731"
EMBEDDING = "qwen3-embedding-8b"
WHISPER = "whisper-large-v3"

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwAD"
    "hgGAWjR9awAAAABJRU5ErkJggg=="
)
ANSWER: Final = {"type": "object", "properties": {"answer": {"type": "string"}}}
WEATHER: Final = {
    "name": "get_weather",
    "description": "Get the weather in a city.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}
TOOLS: Final = [{"type": "function", "function": WEATHER}]
FLAT_TOOLS: Final = [{"type": "function", **WEATHER}]
NAMED: Final = {"type": "function", "function": {"name": "get_weather"}}
PARIS = "What is the weather in Paris?"
BOTH = "What is the weather in Paris and in Rome?"


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
    path: str
    body: dict[str, Any] | None = None
    file: tuple[str, bytes] | None = None


Belief = tuple[str, Callable[[Exchange], bool] | None]
Request = tuple[str, dict[str, Any]]

OPEN: Final[Belief] = ("not known", None)


def status(*allowed: int) -> Belief:
    """One of these statuses is expected."""
    return " or ".join(map(str, allowed)), lambda e: e.status in allowed


def success(words: str, holds: Callable[[Exchange], bool]) -> Belief:
    """An answer with status 200 is expected, and something of it."""
    return words, lambda e: e.status == HTTPStatus.OK and holds(e)


def chat(model: str = MISTRAL, prompt: str = "Say yes.", **fields: Any) -> Request:
    """A chat completion; the cheapest model, a word of an answer."""
    usual = {"model": model, "messages": [_said("user", prompt)], "max_tokens": 16}
    return "/chat/completions", usual | fields


def chat_after_result(model: str, content: Any, *then: dict[str, Any], **fields: Any) -> Request:
    """A chat completion behind a tool's result."""
    function = {"name": "get_weather", "arguments": '{"city": "Paris"}'}
    calls = [{"id": "abcdef123", "type": "function", "function": function}]
    call = {**_said("assistant", ""), "tool_calls": calls}
    result = {**_said("tool", content), "tool_call_id": "abcdef123"}
    return chat(model, messages=[_said("user", PARIS), call, result, *then], tools=TOOLS, **fields)


def respond(model: str, items: Any = "Say yes.", **fields: Any) -> Request:
    """A response of the Responses API."""
    return "/responses", {"model": model, "input": items, **fields}


def embed(*texts: str, **fields: Any) -> Request:
    """Vectors of texts."""
    return "/embeddings", {"model": EMBEDDING, "input": [*texts], **fields}


def rank(model: str) -> Request:
    """A ranking of two documents."""
    documents = ["an apple", "a car"]
    return "/rerank", {"model": model, "query": "a fruit", "documents": documents}


def transcribe(**fields: Any) -> Request:
    """A transcription."""
    return "/audio/transcriptions", {"model": WHISPER, "language": "en", **fields}


def _silence() -> tuple[str, bytes]:
    """A second of silence as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setnchannels(1)
        recording.setsampwidth(2)
        recording.setframerate(16_000)
        recording.writeframes(bytes(32_000))
    return "silence.wav", file.getvalue()


def _said(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def _all(exchange: Exchange, name: str, field: str) -> list[Any]:
    """A field of all objects in one of the answer's lists."""
    return [one[field] for one in exchange.json[name]]


def _vector(exchange: Exchange) -> Any:
    return exchange.json["data"][0]["embedding"]


def _tells_quotas_and_no_id(exchange: Exchange) -> bool:
    return "x-ratelimit-" in str(exchange.headers) and "x-request-id" not in exchange.headers


def _reasons_in_one_field(exchange: Exchange) -> bool:
    return bool(exchange.message["reasoning"]) and not exchange.message.get("reasoning_content")


def _alternatives(exchange: Exchange) -> set[int]:
    tokens = exchange.json["choices"][0]["logprobs"]["content"]
    return {len(token["top_logprobs"]) for token in tokens}


def _usages(exchange: Exchange) -> list[int]:
    """The places of the events of a stream that carry usage."""
    return [place for place, event in enumerate(exchange.events) if event.get("usage")]


def _streams_a_call(exchange: Exchange) -> bool:
    choices = [choice for event in exchange.events for choice in event.get("choices", ())]
    return any(choice.get("delta", {}).get("tool_calls") for choice in choices)


def _has_falling_scores(exchange: Exchange) -> bool:
    scores = [result["relevance_score"] for result in exchange.json["results"]]
    return scores == sorted(scores, reverse=True) and "total_tokens" in exchange.json["usage"]


USER: Final = _said("user", "Say yes.")
SYSTEM: Final = _said("system", "Be brief.")
TEXT: Final = {"type": "text", "text": "sunny"}
IMAGE: Final = {"type": "image_url", "image_url": {"url": PIXEL}}
SCHEMA: Final = {"type": "json_schema", "json_schema": {"name": "Answer", "schema": ANSWER}}
CALLED: Final = {"type": "function_call", "call_id": "call_1", "name": "get_weather"}
ITEMS: Final = [
    {"type": "message", **_said("user", PARIS)},
    {**CALLED, "arguments": '{"city": "Paris"}', "status": "completed"},
    {"type": "function_call_output", "call_id": "call_1", "output": "sunny"},
]

# A table: name, what is asked, what is believed, what is sent.
# fmt: off
QUESTIONS: Final = (
    # Chat completions
    Question("models", "GET /v1/models lists the models of all kinds that the key can use.",
             *success("one that embeds", lambda e: EMBEDDING in _all(e, "data", "id")),
             "/models"),
    Question("headers", "A success tells the quotas, and no request id.",
             *success("x-ratelimit-* and no x-request-id", _tells_quotas_and_no_id),
             *chat()),
    Question("n", "`n` is honoured (OpenAPI, September 2026; older pages: unsupported).",
             *success("two choices", lambda e: _all(e, "choices", "index") == [0, 1]), *chat(n=2)),
    Question("penalties", "`frequency_penalty` and `logit_bias` are taken (as OpenAPI says).",
             *status(200), *chat(frequency_penalty=0.5, logit_bias={"1": -100})),
    Question("top_logprobs", "`top_logprobs` is honoured.",
             *success("three alternatives for each token", lambda e: _alternatives(e) == {3}),
             *chat(logprobs=True, top_logprobs=3)),
    Question("vllm_fields", "vLLM's own and unknown fields are taken or ignored, not refused.",
             *status(200),
             *chat(top_k=1, min_p=0.1, repetition_penalty=1.1, user="x", no_such_field=1)),
    Question("structured_outputs", "vLLM's `structured_outputs` holds the answer to a choice.",
             *OPEN, *chat(structured_outputs={"choice": ["azure"]})),
    Question("max_tokens_cap",
             "`max_tokens` above the cap is refused with a sentence that names it.",
             "400 with “… is limited to”",
             lambda e: e.status == 400 and b"limited" in e.content,
             *chat(max_tokens=999_999)),
    Question("unknown_model", "An unknown model is refused at the gateway.",
             *status(422), *chat("no-such-model")),
    Question("effort_refused", "mistral-medium-3.5 refuses an effort that it does not know.",
             *status(400), *chat(MEDIUM, reasoning_effort="low")),
    Question("effort_ignored", "glm-5.2 takes an effort that it does not know, and ignores it.",
             *status(200), *chat(GLM, reasoning_effort="low")),
    Question("reasoning_field", "Reasoning comes as `reasoning`, and not as `reasoning_content`.",
             *success("message.reasoning alone", _reasons_in_one_field),
             *chat(QWEN, reasoning_effort="low")),
    Question("reasoning_tokens", "Usage tells the tokens of reasoning.",
             *OPEN, *chat(DEEPSEEK, reasoning_effort="low")),
    Question("stream_usage", "With `include_usage` a stream has usage in its last event alone.",
             *success("usage once, at the end", lambda e: _usages(e) == [len(e.events) - 1]),
             *chat(stream=True, stream_options={"include_usage": True})),
    Question("stream_without_usage", "Without `include_usage` a stream has no usage.",
             *success("no usage", lambda e: bool(e.events) and not _usages(e)), *chat(stream=True)),
    Question("developer_role", "Chat completions know no role `developer` (absent from OpenAPI).",
             *OPEN, *chat(messages=[_said("developer", "Be brief."), USER])),
    Question("prefill", "A history that ends with the assistant is continued.",
             *OPEN, *chat(QWEN, messages=[USER, _said("assistant", "Ye")])),
    # Chat templates
    Question("mistral_two_users", "Mistral refuses two user messages in a row.",
             *status(400), *chat(messages=[USER, USER])),
    Question("mistral_user_behind_result", "Mistral refuses a user message behind a tool's result.",
             *status(400), *chat_after_result(MISTRAL, "sunny", USER)),
    Question("qwen_late_system", "Qwen refuses a system message that is not the first.",
             *status(400), *chat(QWEN, messages=[USER, SYSTEM])),
    Question("tool_message_parts", "A tool's message may hold a list of texts.",
             *status(200),
             *chat_after_result(QWEN, [TEXT], reasoning_effort="none")),
    Question("tool_message_image", "A tool's message may hold an image, if the model reads images.",
             *OPEN, *chat_after_result(QWEN, [IMAGE], reasoning_effort="none")),
    # Tools
    Question("glm_streamed_call", "glm-5.2 leaves tool calls out of streams.",
             *success("a stream without a call", lambda e: not _streams_a_call(e)),
             *chat(GLM, PARIS, tools=TOOLS, stream=True, max_tokens=200)),
    Question("parallel_tool_calls", "`parallel_tool_calls: false` is ignored.",
             *OPEN,
             *chat(MISTRAL, BOTH, tools=TOOLS, parallel_tool_calls=False, max_tokens=100)),
    Question("named_tool", "`tool_choice` may name a tool, although the OpenAPI has words alone.",
             *success("a call", lambda e: bool(e.message["tool_calls"])),
             *chat(tools=TOOLS, tool_choice=NAMED, max_tokens=100)),
    Question("schema_beside_tools", "A json_schema beside tools keeps the model from calling them.",
             *success("an answer without a call", lambda e: not e.message.get("tool_calls")),
             *chat(prompt=PARIS, tools=TOOLS, response_format=SCHEMA, max_tokens=60)),
    Question("gpt_oss_result",
             "gpt-oss-120b fails on chat completions in the turn of a tool's result.",
             "400, 500, or no content",
             lambda e: e.status in {400, 500} or not e.message["content"],
             *chat_after_result(GPT_OSS, "sunny", max_tokens=200)),
    # The Responses API
    Question("responses_result", "gpt-oss-120b takes a tool's result on the Responses API.",
             *success("a message", lambda e: "message" in _all(e, "output", "type")),
             *respond(GPT_OSS, ITEMS, tools=FLAT_TOOLS, max_output_tokens=300, store=False)),
    Question("responses_stream",
             "A stream of the Responses API ends with its own event, not with [DONE].",
             *success("its own event last",
                     lambda e: "response" in e.events[-1] and b"[DONE]" not in e.content),
             *respond(GPT_OSS, max_output_tokens=100, stream=True)),
    Question("responses_effort_none", "gpt-oss-120b cannot be told not to reason.",
             *OPEN, *respond(GPT_OSS, reasoning={"effort": "none"})),
    Question("responses_other_model", "glm-5.2 is not served on the Responses API.",
             *status(422), *respond(GLM, max_output_tokens=16)),
    # The other endpoints
    Question("embeddings_base64", "Embeddings come in base64 if they are asked for.",
             *success("a string", lambda e: isinstance(_vector(e), str)),
             *embed("yes", encoding_format="base64")),
    Question("embeddings_dimensions", "Fewer dimensions than the model's are refused or ignored.",
             "400, or 4096 dimensions",
             lambda e: e.status == 400 or len(_vector(e)) == 4096,
             *embed("yes", dimensions=1024)),
    Question("embeddings_empty_text", "One empty text makes the whole request fail.",
             *status(400), *embed("yes", "")),
    Question("rerank", "Rankings come sorted, and their usage is a total.",
             *success("falling scores, usage.total_tokens", _has_falling_scores), *rank(EMBEDDING)),
    Question("rerank_other_model", "bge-multilingual-gemma2 does not rank.",
             *OPEN, *rank("bge-multilingual-gemma2")),
    Question("transcription", "A transcription tells the seconds that it is billed for.",
             *success("usage.seconds", lambda e: "seconds" in e.json["usage"]),
             *transcribe(), file=_silence()),
    Question("transcription_segments", "verbose_json gives segments with their times.",
             *success("segments", lambda e: "segments" in e.json),
             *transcribe(response_format="verbose_json"), file=_silence()),
    Question("batches", "Batches can be listed.",
             *OPEN, "/batches"),
    Question("ocr", "There is no /v1/ocr (absent from OpenAPI, console and list of models).",
             *status(404, 405, 422),
             "/ocr", {"model": "mistral-ocr-2512", "document": IMAGE}),
)
# fmt: on
