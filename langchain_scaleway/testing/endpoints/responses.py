"""`POST /v1/responses`: the Responses API as vLLM 0.32 serves it (recordings).

What gpt-oss refuses, on a path of its own that could not be recorded, follows vLLM's source.
"""

from dataclasses import replace
from typing import Final

from langchain_scaleway.testing.answers import Answer, event_stream, json_answer
from langchain_scaleway.testing.endpoints.base import ModelRequest
from langchain_scaleway.testing.endpoints.chat_checks import check_engine, check_output_cap
from langchain_scaleway.testing.endpoints.responses_request import ResponsesRequest
from langchain_scaleway.testing.endpoints.responses_wire import ResponseObject
from langchain_scaleway.testing.endpoints.templates import is_gpt_oss
from langchain_scaleway.testing.generation import generate
from langchain_scaleway.testing.models import ServedModel
from langchain_scaleway.testing.refusals import Refusal, bad_parameter, engine_refusal
from langchain_scaleway.testing.replies import Reply, Usage
from langchain_scaleway.testing.responder import respond
from langchain_scaleway.testing.service import EmulatedService

_HARMONY_EFFORTS: Final = ("low", "medium", "high")
_NO_STORE: Final = (
    "This vLLM engine does not support `store=True` and therefore does not support the background "
    "mode. To enable these features, set the environment variable "
    "`VLLM_ENABLE_RESPONSES_API_STORE=1` when launching the vLLM server."
)


class ResponseCreation(ResponsesRequest, ModelRequest):
    """A response of the Responses API, whose conversation is the caller's to keep."""

    path = "/responses"

    @classmethod
    def is_served_by(cls, model: ServedModel) -> bool:
        """Return whether a model serves this API, too."""
        return super().is_served_by(model) and model.responses_api

    @property
    def prompt_tokens(self) -> int:
        """The estimated tokens of the prompt, of its tools too."""
        return self.chat.prompt_tokens

    def check(self, model: ServedModel) -> None:
        """Check what only this API has, and then the chat request that it amounts to."""
        check_output_cap(self.max_output_tokens, model)
        if self.previous_response_id:
            sentence = f"Response with id '{self.previous_response_id}' not found."
            raise _invalid_request(sentence, "response_id", status=404)
        if self.background and self.store is False:
            sentence = "background can only be used when `store` is true"
            raise bad_parameter(sentence, "background")
        if self.background:
            raise _invalid_request(_NO_STORE, "background")
        if self.prompt:
            raise bad_parameter("prompt template is not supported", "prompt")
        choice, names = self.tool_choice, [tool.get("name") for tool in self.functions]
        if choice == "required" and not names:
            sentence = "Tool choice 'required' must be specified with 'tools' parameter."
            raise bad_parameter(sentence, "tool_choice")
        if isinstance(choice, dict) and choice.get("name") not in names:
            sentence = "Tool choice 'function' not found in 'tools' parameter."
            raise bad_parameter(sentence, "tool_choice")
        if is_gpt_oss(model):
            self._check_harmony()
        # A budget beyond the context window is lowered to what is left, not refused (recorded).
        bound = self.chat.bound
        impossible = bound if bound is not None and bound < 1 else None
        check_engine(self.chat.model_copy(update={"max_tokens": impossible}), model)

    def _check_harmony(self) -> None:
        """Check what vLLM's path for gpt-oss does not take, in the words of its source."""
        effort = (self.reasoning or {}).get("effort")
        if effort is not None and effort not in _HARMONY_EFFORTS:
            raise _invalid_request(
                f"reasoning_effort={effort!r} is not supported by Harmony. "
                f"Supported values are: {list(_HARMONY_EFFORTS)}.",
                "reasoning_effort",
            )
        if self.include and "message.output_text.logprobs" in self.include:
            raise _invalid_request("logprobs are not supported with gpt-oss models", "logprobs")
        calls = [one.get("call_id") for one in self.items if one.get("type") == "function_call"]
        for item in self.items:
            if item.get("type") == "function_call_output" and item.get("call_id") not in calls:
                sentence = f"No call message found for {item.get('call_id')}"
                raise _invalid_request(sentence, "input")

    def answer(self, model: ServedModel, service: EmulatedService, reply: Reply | None) -> Answer:
        """Answer with a response object or its events."""
        chat = self.chat
        left = model.context_window - chat.prompt_tokens
        bound = min(left, self.max_output_tokens or left)
        said = reply or respond(chat, model)
        if self.parallel_tool_calls is False and not is_gpt_oss(model):
            said = replace(said, tool_calls=said.tool_calls[:1])
        generation = generate(said, chat, bound)
        usage = said.usage or Usage(
            prompt_tokens=chat.prompt_tokens,
            completion_tokens=generation.completion_tokens,
            cached_tokens=service.prompt_cache.cached_tokens(model.id, chat.messages),
            reasoning_tokens=len(generation.reasoning),
        )
        response = ResponseObject(self, said.model or model.id, generation, usage, bound)
        if self.stream:
            answer = event_stream(response.as_events())
        else:
            answer = json_answer(200, response.as_json())
        answer.text, answer.generated_tokens = generation.text, usage.completion_tokens
        return answer


def _invalid_request(sentence: str, param: str, status: int = 400) -> Refusal:
    return engine_refusal(sentence, param=param, kind="invalid_request_error", status=status)
