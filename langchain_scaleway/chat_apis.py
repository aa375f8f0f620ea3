"""The two APIs that answer a chat, and which of them a request goes to."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from langchain_core.outputs import ChatGenerationChunk

from langchain_scaleway.advice import warn_about_reply
from langchain_scaleway.client.completions import ChatCompletion, Completion, ResponseCompletion
from langchain_scaleway.convert.replies import StreamDecoder
from langchain_scaleway.convert.responses import (
    ResponsesDecoder,
    to_completion,
    to_responses_request,
)
from langchain_scaleway.data import model_facts


class _ChatDecoder(StreamDecoder):
    """Warns if a model other than the requested one has answered."""

    def finish(self, headers: Mapping[str, str]) -> list[ChatGenerationChunk]:
        warn_about_reply(self.context.model, self.answered_model)
        return super().finish(headers)


class _ResponsesDecoder(ResponsesDecoder, _ChatDecoder):
    """The same for the Responses API."""


class ChatApi(NamedTuple):
    """One of the APIs that answer a chat.

    Attributes:
        path: The path behind the base URL.
        request: Rewrites the body of a chat completion request as this API has it.
        answer: Rewrites an answer, of the model that was asked, as a chat completion.
        decoder: Reads streams.
        completion: Knows when a stream is whole.
    """

    path: str
    request: Callable[[dict[str, Any]], dict[str, Any]]
    answer: Callable[[dict[str, Any], str], dict[str, Any]]
    decoder: type[StreamDecoder]
    completion: Callable[[], Completion]


CHAT_COMPLETIONS = ChatApi(
    path="/chat/completions",
    request=lambda body: body,
    answer=lambda body, _: body,
    decoder=_ChatDecoder,
    completion=ChatCompletion,
)
RESPONSES = ChatApi(
    path="/responses",
    request=to_responses_request,
    answer=to_completion,
    decoder=_ResponsesDecoder,
    completion=ResponseCompletion,
)


def chat_api(body: Mapping[str, Any], use_responses_api: bool | None) -> ChatApi:  # noqa: FBT001 -- a field of the model
    """The API that a request goes to.

    Args:
        body: The request's body as chat completions have it.
        use_responses_api: What the user has chosen. Unset: the Responses API answers requests
            with tools, or with a history of calls, to the models that need it for them.
    """
    if use_responses_api is None:
        facts = model_facts(body["model"])
        use_responses_api = facts is not None and facts.use_responses_api and _has_tools(body)
    return RESPONSES if use_responses_api else CHAT_COMPLETIONS


def _has_tools(body: Mapping[str, Any]) -> bool:
    return bool(body.get("tools")) or any(
        message["role"] == "tool" or message.get("tool_calls") for message in body["messages"]
    )
