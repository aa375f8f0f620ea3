"""The two APIs that answer a chat, and which of them a request goes to."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from langchain_core.outputs import ChatResult

from langchain_scaleway.advice import warn_about_reply
from langchain_scaleway.client.answers import Reply
from langchain_scaleway.client.completions import ChatCompletion, Completion, ResponseCompletion
from langchain_scaleway.convert.replies import ReplyContext, ReplyDecoder
from langchain_scaleway.convert.responses import ResponsesDecoder, to_responses_request
from langchain_scaleway.data import model_facts


class _ChatDecoder(ReplyDecoder):
    """Warns if a model other than the requested one has answered."""

    def metadata(self, headers: Mapping[str, str]) -> dict[str, Any]:
        warn_about_reply(self.context.model, self.answered_model())
        return super().metadata(headers)


class _ResponsesDecoder(ResponsesDecoder, _ChatDecoder):
    """The same for the Responses API."""


class ChatApi(NamedTuple):
    """One of the APIs that answer a chat.

    Attributes:
        path: The path behind the base URL.
        request: Rewrites the body of a chat completion request as this API has it.
        decoder: Reads answers, whole or streamed.
        completion: Knows when a stream is whole.
    """

    path: str
    request: Callable[[dict[str, Any]], dict[str, Any]]
    decoder: type[ReplyDecoder]
    completion: Callable[[], Completion]


class ChatRequest(NamedTuple):
    """A request of one of the APIs, and what its answer is read with."""

    api: ChatApi
    body: dict[str, Any]
    context: ReplyContext

    def options(self, run_manager: Any) -> dict[str, Any]:
        """The client's arguments for a whole answer; LangChain's run manager hears of retries."""
        on_retry = run_manager.on_retry if run_manager else None
        model = self.context.model
        return {"path": self.api.path, "body": self.body, "model": model, "on_retry": on_retry}

    def stream_options(self, run_manager: Any) -> dict[str, Any]:
        """The client's arguments for a stream."""
        decoder, completion = self.api.decoder(self.context), self.api.completion
        return {**self.options(run_manager), "decoder": decoder, "completion": completion}

    def result(self, reply: Reply) -> ChatResult:
        """Read a whole answer; see `ReplyDecoder.result`."""
        return self.api.decoder(self.context).result(reply.body, reply.headers)


CHAT_COMPLETIONS = ChatApi(
    path="/chat/completions",
    request=lambda body: body,
    decoder=_ChatDecoder,
    completion=ChatCompletion,
)
RESPONSES = ChatApi(
    path="/responses",
    request=to_responses_request,
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
