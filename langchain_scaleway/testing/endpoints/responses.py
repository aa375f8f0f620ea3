"""`POST /v1/responses`: the Responses API as vLLM 0.32 serves it (recordings), on two paths.

gpt-oss runs on vLLM's "harmony" path, which could not be recorded and follows its source; all
other models run on the simple one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from langchain_scaleway.testing.answers import Answer, Ending, event_stream, json_answer
from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.endpoints.base import Call, ModelEndpoint
from langchain_scaleway.testing.endpoints.chat import said_by
from langchain_scaleway.testing.endpoints.chat_checks import check_engine, check_output_cap
from langchain_scaleway.testing.endpoints.responses_request import ResponsesRequest
from langchain_scaleway.testing.endpoints.responses_wire import ResponseObject
from langchain_scaleway.testing.endpoints.templates import is_gpt_oss
from langchain_scaleway.testing.generation import generate
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import Refusal, bad_parameter, engine_refusal
from langchain_scaleway.testing.replies import Usage

_HARMONY_EFFORTS: Final = ("low", "medium", "high")
_NO_STORE: Final = (
    "This vLLM engine does not support `store=True` and therefore does not support the background "
    "mode. To enable these features, set the environment variable "
    "`VLLM_ENABLE_RESPONSES_API_STORE=1` when launching the vLLM server."
)
# Fields whose null vLLM notices only when it answers (recorded), and Pydantic's words about it.
_BREAKING_NULLS: Final = {
    "background": ("Input should be a valid boolean", "bool_type"),
    "truncation": ("Input should be 'auto' or 'disabled'", "literal_error"),
}


def _check(request: ResponsesRequest, model: ServedModel) -> None:
    """Check what only this API has, and then the chat request that it amounts to."""
    check_output_cap(request.max_output_tokens, model)
    if request.previous_response_id:
        sentence = f"Response with id '{request.previous_response_id}' not found."
        raise _invalid_request(sentence, "response_id", status=404)
    if request.background and request.store is False:
        sentence = "background can only be used when `store` is true"
        raise bad_parameter(sentence, "background")
    if request.background:
        raise _invalid_request(_NO_STORE, "background")
    if request.prompt:
        raise bad_parameter("prompt template is not supported", "prompt")
    choice, names = request.tool_choice, [tool["name"] for tool in request.functions]
    if choice == "required" and not names:
        sentence = "Tool choice 'required' must be specified with 'tools' parameter."
        raise bad_parameter(sentence, "tool_choice")
    if isinstance(choice, dict) and choice.get("name") not in names:
        sentence = "Tool choice 'function' not found in 'tools' parameter."
        raise bad_parameter(sentence, "tool_choice")
    if is_gpt_oss(model):
        _check_harmony(request)
    chat, window = _chat(request, model), model.context_window
    if chat.prompt_tokens == window:
        raise _invalid_request(
            f"The engine prompt length {window} exceeds the max_model_len {window}. "
            "Please reduce prompt.",
            "input",
        )
    # Efforts have been checked by their type; a budget beyond the context window is lowered
    # to what is left of it, not refused (recorded).
    impossible = chat.bound if chat.bound is not None and chat.bound < 1 else None
    update = {"reasoning_effort": None, "max_tokens": impossible}
    check_engine(chat.model_copy(update=update), model)


def _answer(call: Call[ResponsesRequest]) -> Answer:
    """Answer with a response object or its events."""
    request, model = call.request, call.model
    for field, (sentence, kind) in _BREAKING_NULLS.items():
        if field in request.model_fields_set and getattr(request, field) is None:
            if request.stream:
                return event_stream([Ending.CLOSE])
            raise engine_refusal(
                f"1 validation error for ResponsesResponse\n{field}\n  {sentence} "
                f"[type={kind}, input_value=None, input_type=NoneType]\n"
                f"    For further information visit https://errors.pydantic.dev/2.14/v/{kind}"
            )
    chat = _chat(request, model)
    left = model.context_window - chat.prompt_tokens
    bound = min(left, request.max_output_tokens or left)
    response = ResponseObject(request, chat, model.id, bound, is_gpt_oss(model))
    try:
        said = said_by(call, chat)
    except Refusal:
        if not request.stream:
            raise
        # The grammar is compiled when the stream has begun (recorded).
        return event_stream([*response.head_events(), Ending.CLOSE])
    if request.parallel_tool_calls is False and not response.harmony:
        said = replace(said, tool_calls=said.tool_calls[:1])
    response.model = said.model or model.id
    generation = generate(said, chat, bound)
    response.usage = usage = said.usage or Usage(
        prompt_tokens=chat.prompt_tokens,
        completion_tokens=generation.completion_tokens,
        cached_tokens=call.service.prompt_cache.cached_tokens(model.id, chat.messages),
        reasoning_tokens=len(generation.reasoning),
    )
    call.received.text = generation.text
    if request.stream:
        answer = event_stream(response.as_events(generation))
    else:
        answer = json_answer(200, response.as_json(generation))
    answer.generated_tokens = usage.completion_tokens
    return answer


def _chat(request: ResponsesRequest, model: ServedModel) -> ChatRequest:
    return request.as_chat(harmony=is_gpt_oss(model))


def _check_harmony(request: ResponsesRequest) -> None:
    """Check what vLLM's path for gpt-oss does not take, in the words of its source."""
    effort = (request.reasoning or {}).get("effort")
    if effort is not None and effort not in _HARMONY_EFFORTS:
        raise _invalid_request(
            f"reasoning_effort={effort!r} is not supported by Harmony. "
            f"Supported values are: {list(_HARMONY_EFFORTS)}.",
            "reasoning_effort",
        )
    if request.wants_logprobs:
        raise _invalid_request("logprobs are not supported with gpt-oss models", "logprobs")


def _invalid_request(sentence: str, param: str, status: int = 400) -> Refusal:
    return engine_refusal(sentence, param=param, kind="invalid_request_error", status=status)


RESPONSES: Final = ModelEndpoint(
    path="/responses",
    queue="chat",
    served_by=lambda model: "chat" in model.kinds and model.responses_api,
    request_model=ResponsesRequest,
    check=_check,
    prompt_tokens=lambda request: request.as_chat(harmony=False).prompt_tokens,
    answer=_answer,
)
