"""`POST /v1/chat/completions`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from langchain_scaleway.testing.answers import Answer, event_stream, json_answer
from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.endpoints.base import Call, ModelEndpoint
from langchain_scaleway.testing.endpoints.chat_checks import check_engine, check_output_cap
from langchain_scaleway.testing.endpoints.chat_wire import Completion
from langchain_scaleway.testing.endpoints.templates import is_gpt_oss
from langchain_scaleway.testing.generation import generate
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import engine_refusal
from langchain_scaleway.testing.replies import Reply, Usage
from langchain_scaleway.testing.responder import respond


def _check(request: ChatRequest, model: ServedModel) -> None:
    """Check output cap, conversation, sampling parameters and length."""
    check_output_cap(request.bound, model)
    check_engine(request, model)
    if request.last_message["role"] == "tool" and is_gpt_oss(model):
        # It calls tools here, and fails when their results come (Scaleway's documentation;
        # opencode issue 7524); the sentence is that of vLLM's parser (vLLM issue 51977).
        name = request.last_message.get("name") or "a_tool"
        sentence = f'unexpected tokens remaining in message header: Some("to=functions.{name}")'
        raise engine_refusal(sentence, status=500)


def _answer(call: Call[ChatRequest]) -> Answer:
    """Answer with a completion or its events."""
    request, model, service, reply = call.request, call.model, call.service, call.reply
    bound = model.max_output_tokens if request.bound is None else request.bound
    choices = [
        generate(said_by(call, request, choice), request, bound) for choice in range(request.n or 1)
    ]
    cached = reasoning = None
    if model.reports_cached_tokens:
        cached = service.prompt_cache.cached_tokens(model.id, request.messages)
    if service.settings.reasoning_usage:
        reasoning = sum(len(choice.reasoning) for choice in choices)
    usage = (reply and reply.usage) or Usage(
        prompt_tokens=request.prompt_tokens,
        completion_tokens=sum(choice.completion_tokens for choice in choices),
        cached_tokens=cached,
        reasoning_tokens=reasoning,
    )
    completion = Completion(
        request=request,
        model=(reply and reply.model) or model.id,
        choices=choices,
        usage=usage,
        framing=service.settings.framing,
        reasoning_field=service.settings.reasoning_field,
    )
    call.received.text = choices[0].text
    if request.stream:
        answer = event_stream(completion.as_events())
    else:
        answer = json_answer(200, completion.as_json())
    answer.generated_tokens = usage.completion_tokens
    return answer


def said_by(call: Call[Any], request: ChatRequest, choice: int = 0) -> Reply:
    """Return what the model says: as scripted, else by the form of the request.

    `parallel_tool_calls: false` is honoured where it is: in vLLM, not on serverless.
    """
    reply = call.reply or respond(request, call.model, choice=choice)
    if request.parallel_tool_calls is not False or call.service.settings.framing == "serverless":
        return reply
    return replace(reply, tool_calls=reply.tool_calls[:1])


CHAT_COMPLETIONS: Final = ModelEndpoint(
    path="/chat/completions",
    queue="chat",
    served_by=lambda model: "chat" in model.kinds,
    request_model=ChatRequest,
    check=_check,
    prompt_tokens=lambda request: request.prompt_tokens,
    answer=_answer,
)
