"""`POST /v1/chat/completions`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, ClassVar

from langchain_scaleway.testing.answers import EVENT_STREAM_TYPE, Answer, json_answer
from langchain_scaleway.testing.chat_checks import check_engine, check_output_cap
from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.endpoints.base import Call, ModelEndpoint, Queue
from langchain_scaleway.testing.endpoints.chat_wire import Completion
from langchain_scaleway.testing.generation import Generation, generate
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import engine_refusal
from langchain_scaleway.testing.replies import Reply, Usage
from langchain_scaleway.testing.responder import respond
from langchain_scaleway.testing.templates import is_gpt_oss


class ChatCompletions(ModelEndpoint[ChatRequest]):
    """Chat completions: plain and streamed, with tools, reasoning and structured output."""

    path = "/chat/completions"
    kind = "chat"
    queue: ClassVar[Queue] = "chat"
    request_model = ChatRequest

    def check(self, request: ChatRequest, model: ServedModel) -> None:
        """Check output cap, conversation, sampling parameters and length."""
        check_output_cap(request.bound, model)
        check_engine(request, model)
        if request.last_message["role"] == "tool" and is_gpt_oss(model):
            # It calls tools here, and fails when their results come (Scaleway's documentation;
            # opencode issue 7524); the sentence is that of vLLM's parser (vLLM issue 51977).
            name = request.last_message.get("name") or "a_tool"
            sentence = f'unexpected tokens remaining in message header: Some("to=functions.{name}")'
            raise engine_refusal(sentence, status=500)

    def prompt_tokens(self, request: ChatRequest) -> int:
        """Count the prompt."""
        return request.prompt_tokens

    def answer(self, call: Call[ChatRequest]) -> Answer:
        """Answer with a completion or its events."""
        request, settings, reply = call.request, call.service.settings, call.reply
        bound = call.model.max_output_tokens if request.bound is None else request.bound
        choices = [
            generate(said_by(call, request, choice), request, bound)
            for choice in range(1 if request.n is None else request.n)
        ]
        completion = Completion(
            request=request,
            model=(reply and reply.model) or call.model.id,
            choices=choices,
            usage=(reply and reply.usage) or _usage(call, choices),
            framing=settings.framing,
            reasoning_field=settings.reasoning_field,
        )
        call.received.text = choices[0].text
        tokens = completion.usage.completion_tokens
        if request.stream:
            headers = [("content-type", EVENT_STREAM_TYPE)]
            answer = Answer(200, headers, completion.as_events(), delay=settings.latency)
        else:
            answer = json_answer(200, completion.as_json())
            answer.delay = settings.latency + tokens * settings.token_interval
        answer.generated_tokens = tokens
        return answer


def said_by(call: Call[Any], request: ChatRequest, choice: int = 0) -> Reply:
    """Return what the model says: as scripted, else by the form of the request.

    `parallel_tool_calls: false` is honoured where it is: in vLLM, not on serverless.
    """
    reply = call.reply or respond(request, call.model, choice=choice)
    if request.parallel_tool_calls is not False or call.service.settings.framing == "serverless":
        return reply
    return replace(reply, tool_calls=reply.tool_calls[:1])


def _usage(call: Call[ChatRequest], choices: Iterable[Generation]) -> Usage:
    model, request = call.model, call.request
    cached = reasoning = None
    if model.reports_cached_tokens:
        cached = call.service.prompt_cache.cached_tokens(model.id, request.messages)
    if call.service.settings.reasoning_usage:
        reasoning = sum(len(choice.reasoning) for choice in choices)
    return Usage(
        prompt_tokens=request.prompt_tokens,
        completion_tokens=sum(choice.completion_tokens for choice in choices),
        cached_tokens=cached,
        reasoning_tokens=reasoning,
    )
