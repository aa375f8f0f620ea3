"""`POST /v1/chat/completions`."""

from dataclasses import replace

from langchain_scaleway.testing.answers import Answer, event_stream, json_answer
from langchain_scaleway.testing.chat_request import ChatRequest
from langchain_scaleway.testing.endpoints.base import ModelRequest
from langchain_scaleway.testing.endpoints.chat_checks import check_engine, check_output_cap
from langchain_scaleway.testing.endpoints.chat_wire import Completion
from langchain_scaleway.testing.endpoints.templates import is_gpt_oss
from langchain_scaleway.testing.generation import generate
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import engine_refusal
from langchain_scaleway.testing.replies import Reply, Usage
from langchain_scaleway.testing.responder import respond
from langchain_scaleway.testing.service import EmulatedService


class ChatCompletion(ChatRequest, ModelRequest):
    """A chat completion: an answer, or `n` of them, to a conversation."""

    path = "/chat/completions"

    def check(self, model: ServedModel) -> None:
        """Check output cap, conversation, sampling parameters and length."""
        check_output_cap(self.bound, model)
        check_engine(self, model)
        if self.last_message["role"] == "tool" and is_gpt_oss(model):
            # It calls tools here, and fails when their results come (Scaleway's documentation;
            # opencode issue 7524); the sentence is that of vLLM's parser (vLLM issue 51977).
            name = self.last_message.get("name") or "a_tool"
            sentence = f'unexpected tokens remaining in message header: Some("to=functions.{name}")'
            raise engine_refusal(sentence, status=500)

    def answer(self, model: ServedModel, service: EmulatedService, reply: Reply | None) -> Answer:
        """Answer with a completion or its events.

        `parallel_tool_calls: false` is honoured where it is: in vLLM, not on serverless.
        """
        bound = model.max_output_tokens if self.bound is None else self.bound
        choices = []
        for choice in range(self.n or 1):
            said = reply or respond(self, model, choice=choice)
            if self.parallel_tool_calls is False and service.framing == "dedicated":
                said = replace(said, tool_calls=said.tool_calls[:1])
            choices.append(generate(said, self, bound))
        cached = reasoning = None
        if model.reports_cached_tokens:
            cached = service.prompt_cache.cached_tokens(model.id, self.messages)
        if service.reasoning_usage:
            reasoning = sum(len(choice.reasoning) for choice in choices)
        usage = (reply and reply.usage) or Usage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=sum(choice.completion_tokens for choice in choices),
            cached_tokens=cached,
            reasoning_tokens=reasoning,
        )
        name = (reply and reply.model) or model.id
        completion = Completion(self, name, choices, usage, service)
        if self.stream:
            answer = event_stream(completion.as_events())
        else:
            answer = json_answer(200, completion.as_json())
        answer.text, answer.generated_tokens = choices[0].text, usage.completion_tokens
        return answer
