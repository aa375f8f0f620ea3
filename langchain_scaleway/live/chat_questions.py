"""What is asked about chat completions."""

from typing import Any

from langchain_scaleway.live.exchange import Exchange
from langchain_scaleway.live.question import (
    DEEPSEEK,
    EMBEDDING,
    GLM,
    GPT_OSS,
    MISTRAL,
    MISTRAL_MEDIUM,
    PIXEL,
    QWEN,
    WEATHER,
    Question,
    is_ok,
    is_refused,
)

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
        is_ok,
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
        is_ok,
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
        is_refused(422),
        body=_chat("no-such-model"),
    ),
    Question(
        "effort_refused",
        "mistral-medium-3.5 refuses an effort that it does not know.",
        "400",
        is_refused(400),
        body=_chat(MISTRAL_MEDIUM, reasoning_effort="low"),
    ),
    Question(
        "effort_ignored",
        "glm-5.2 takes an effort that it does not know, and ignores it.",
        "200",
        is_ok,
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
        is_refused(400),
        body=_chat(messages=_chat()["messages"] * 2),
    ),
    Question(
        "mistral_user_behind_result",
        "Mistral refuses a user message behind a tool's result.",
        "400",
        is_refused(400),
        body=_chat(messages=_with_result("sunny", *_chat()["messages"]), tools=[WEATHER]),
    ),
    Question(
        "qwen_late_system",
        "Qwen refuses a system message that is not the first.",
        "400",
        is_refused(400),
        body=_chat(
            QWEN, messages=[*_chat()["messages"], {"role": "system", "content": "Be brief."}]
        ),
    ),
    Question(
        "tool_message_parts",
        "A tool's message may hold a list of texts.",
        "200",
        is_ok,
        body=_chat(
            QWEN,
            messages=_with_result([{"type": "text", "text": "sunny"}]),
            tools=[WEATHER],
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
            messages=_with_result([{"type": "image_url", "image_url": {"url": PIXEL}}]),
            tools=[WEATHER],
            reasoning_effort="none",
        ),
    ),
)

_TOOLS = (
    Question(
        "glm_streamed_call",
        "glm-5.2 leaves tool calls out of streams.",
        "a stream without a call",
        lambda e: is_ok(e) and not _streamed_calls(e),
        body=_chat(
            GLM, "What is the weather in Paris?", tools=[WEATHER], stream=True, max_tokens=200
        ),
    ),
    Question(
        "parallel_tool_calls",
        "`parallel_tool_calls: false` is ignored.",
        "not known",
        None,
        body=_chat(
            prompt="What is the weather in Paris and in Rome?",
            tools=[WEATHER],
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
            tools=[WEATHER],
            tool_choice={"type": "function", "function": {"name": "get_weather"}},
            max_tokens=100,
        ),
    ),
    Question(
        "schema_beside_tools",
        "A json_schema beside tools keeps the model from calling them.",
        "an answer without a call",
        lambda e: is_ok(e) and not e.message.get("tool_calls"),
        body=_chat(
            prompt="What is the weather in Paris?",
            tools=[WEATHER],
            response_format=_SCHEMA,
            max_tokens=60,
        ),
    ),
    Question(
        "gpt_oss_result",
        "gpt-oss-120b fails on chat completions in the turn that carries a tool's result.",
        "400, 500, or an answer without content",
        lambda e: e.status in {400, 500} or (is_ok(e) and not e.message.get("content")),
        body=_chat(GPT_OSS, messages=_with_result("sunny"), tools=[WEATHER], max_tokens=200),
    ),
)

CHAT_QUESTIONS = (*_CHAT, *_TEMPLATES, *_TOOLS)
