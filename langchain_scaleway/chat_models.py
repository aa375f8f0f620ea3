"""`ChatScaleway`: Scaleway's Generative APIs as a LangChain chat model."""

from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from functools import partial
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ClassVar, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import (
    BaseChatModel,
    LangSmithParams,
    LanguageModelInput,
    ModelProfile,
)
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable, RunnableConfig, RunnableSerializable
from langchain_core.runnables.utils import AnyConfigurableField
from pydantic import Field, field_validator, model_validator

from langchain_scaleway._version import __version__
from langchain_scaleway.advice import warn_about_history, warn_about_request, warn_about_text_around
from langchain_scaleway.bindings import ModelBinding, binding
from langchain_scaleway.chat_apis import RESPONSES, ChatRequest, chat_api
from langchain_scaleway.chat_parameters import ChatParameters, check_call
from langchain_scaleway.client_fields import ClientFields
from langchain_scaleway.convert import blocks
from langchain_scaleway.convert.messages import (
    messages_to_wire,
    readable_inputs,
    readable_message,
)
from langchain_scaleway.convert.metadata import combined_llm_output
from langchain_scaleway.convert.names import ToolNames
from langchain_scaleway.convert.replies import ReplyContext
from langchain_scaleway.convert.request import as_sent, name_tools, request_fields
from langchain_scaleway.convert.templates import family_of
from langchain_scaleway.convert.tools import Tool, ToolChoice, convert_tool_choice, convert_tools
from langchain_scaleway.data import model_facts, model_profile
from langchain_scaleway.tokens import prompt_size, text_tokens

if TYPE_CHECKING:
    # Imported when they are needed: a program's start should not wait for them.
    from langchain_core.tools import BaseTool

    from langchain_scaleway.convert.structured import Method, Schema
else:
    # LangChain evaluates annotations, to find methods like `bind_tools` behind `with_fallbacks`.
    BaseTool = Method = Schema = Any

blocks.register()


class ChatScaleway(BaseChatModel, ChatParameters, ClientFields, defer_build=False):
    """Scaleway's Generative APIs as a LangChain chat model.

    Works with the serverless API, with dedicated deployments and with any vLLM.

    Example:
        ```python
        from langchain_scaleway import ChatScaleway

        model = ChatScaleway(model="mistral-small-3.2-24b-instruct-2506")
        print(model.invoke("What is the capital of France?").text)
        ```

    Raises:
        ValueError: An argument is unknown or out of its range, or no key is found.
    """

    model: str = Field(min_length=1)
    """The model's id, such as `"mistral-small-3.2-24b-instruct-2506"`."""

    streaming: bool | None = None
    """Whether `invoke` streams behind the scenes; with `False`, not even `stream` does."""

    stream_usage: bool = True
    """Whether streams report token usage, in their last chunk."""

    stream_chunk_timeout: float | None = Field(default=None, gt=0)
    """Seconds that may pass between two chunks of a stream. The first may take minutes after a long
    prompt, and `timeout` holds for it; without this field, it holds for the others, too."""

    replay_reasoning: bool | None = None
    """Whether the history is sent with the model's earlier reasoning. If unset, that since the last
    human message is, between tool calls, for models whose chat template reads it."""

    model_family: str | None = None
    """The family whose chat template the model has, such as `"mistral"` or `"qwen3.5"`, for a
    deployment whose name does not say it; `"none"` sends histories as they are."""

    use_responses_api: bool | None = None
    """Whether Scaleway's Responses API is asked in place of chat completions. If unset, it is for
    the models that need it, gpt-oss above all, where tools are bound or the history has calls."""

    extra_body: dict[str, Any] | None = None
    """Request fields without an argument of their own, sent as they are."""

    include_response_headers: bool = False
    """Whether `response_metadata["headers"]` holds the answer's HTTP headers, Scaleway's
    `x-ratelimit-*` among them."""

    # Construction

    @model_validator(mode="after")
    def _set_scaleway_version(self) -> Self:
        self._add_version("langchain-scaleway", __version__)
        return self

    @field_validator("model_family")
    @classmethod
    def _check_model_family(cls, family: str | None) -> str | None:
        return family and (family_of("", family) or family)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return model_profile(self.model)

    # Copies

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy as pydantic does; the profile follows the model unless it is the user's own."""
        changes = dict(update or {})
        if "model" in changes and self.profile == model_profile(self.model):
            changes.setdefault("profile", model_profile(changes["model"]))
        return super().model_copy(update=changes, deep=deep)

    def configurable_fields(
        self, **kwargs: AnyConfigurableField
    ) -> "RunnableSerializable[LanguageModelInput, AIMessage]":  # Evaluated, it makes a class.
        """Make a model whose fields a call's configuration may set, over the same connections."""
        from langchain_scaleway.configurable import ConfigurableFields  # noqa: PLC0415 -- slow

        super().configurable_fields(**kwargs)  # Checks the names.
        return ConfigurableFields(default=self, fields=kwargs)

    # Calls

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        client = self._client_for(kwargs)
        request = self._request(messages, stop, kwargs)
        return request.result(client.request(**request.options(run_manager)))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        client = self._client_for(kwargs)
        request = self._request(messages, stop, kwargs)
        return request.result(await client.arequest(**request.options(run_manager)))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        client = self._client_for(kwargs)
        request = self._request(messages, stop, kwargs, stream=True)
        return client.stream(**request.stream_options(run_manager))

    def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        # No generator around the client's: when a loop ends, asyncio closes all its asynchronous
        # generators at the same time, and one that closes another then would fail.
        client = self._client_for(kwargs)
        request = self._request(messages, stop, kwargs, stream=True)
        return client.astream(**request.stream_options(run_manager))

    def _request(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None,
        arguments: dict[str, Any],
        *,
        stream: bool = False,
    ) -> ChatRequest:
        if stop is not None:
            arguments = {**arguments, "stop": stop}
        fields = request_fields(
            model=self.model,
            parameters=self._set_parameters(),
            extra_body=self.extra_body,
            arguments=arguments,
            stream=stream,
            stream_usage=self.stream_usage,
        )
        names, model = name_tools(fields), fields["model"]
        body = {"model": model, "messages": self._history(messages, model, names), **fields}
        api = chat_api(body, self.use_responses_api)
        context = ReplyContext.of(body, names, with_headers=self.include_response_headers)
        sent = api.request(body)
        warn_about_request(model, body, on_responses=api is RESPONSES)
        return ChatRequest(api, sent, context)

    def _history(
        self, messages: list[BaseMessage], model: str, names: ToolNames | None = None
    ) -> list[dict[str, Any]]:
        facts = model_facts(model)
        profile = self.profile if model == self.model else model_profile(model)
        inputs = readable_inputs(profile)
        if self.use_responses_api:  # It takes nothing else besides text.
            inputs &= {"image"}
        return messages_to_wire(
            messages,
            family=family_of(facts.model if facts else model, self.model_family),
            inputs=inputs,
            most_images=facts.most_images if facts else None,
            replay_reasoning=self.replay_reasoning,
            names=names,
            on_left_out=partial(warn_about_history, model),
        )

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        return combined_llm_output(llm_outputs)

    bind: ClassVar = binding(BaseChatModel.bind)

    def with_config(
        self, config: RunnableConfig | None = None, **kwargs: Any
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind a configuration, which stays where tools or a schema are bound after it."""
        return ModelBinding(bound=self, config={**(config or {}), **kwargs})

    # Tools and structured output

    def bind_tools(
        self,
        tools: Sequence[Tool],
        *,
        tool_choice: ToolChoice = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Make a model that can call these tools.

        Args:
            tools: Functions, Pydantic classes, TypedDicts, `BaseTool`s, JSON schemas or tools
                in the form of OpenAI, Anthropic or MCP. An empty list sends none.
            tool_choice: `"auto"`, `"none"`, `"any"` or `"required"` or `True` (some tool must
                be called), `False` (unset), or the name of the tool that must be called.
            strict: Whether arguments must follow the schema; Scaleway accepts and ignores it,
                vLLM obeys.
            parallel_tool_calls: Whether several tools may be called at once. The same applies.
            **kwargs: More arguments for every call, such as `temperature`.

        Raises:
            ValueError: A tool cannot be converted, or the choice names none of them.
        """
        converted = convert_tools(tools, strict=strict)
        bound = {
            "tools": converted or None,
            "tool_choice": convert_tool_choice(tool_choice, converted),
            "parallel_tool_calls": parallel_tool_calls if converted else None,
        }
        set_arguments = {name: value for name, value in bound.items() if value is not None}
        return self.bind(**set_arguments, **kwargs)

    def with_structured_output(
        self,
        schema: Schema | None = None,
        *,
        method: Method = "json_schema",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Make a model that answers with objects of a schema.

        Args:
            schema: A Pydantic class or a dataclass (answers are instances of it), a TypedDict or
                a JSON schema (answers are dicts).
            method: `"json_schema"` has the engine hold the answer to the schema,
                `"function_calling"` has the model call a tool of that form, `"json_mode"` asks
                for any JSON object, and the prompt must describe it.
            include_raw: Whether to answer with a dict of `raw`, `parsed` and `parsing_error`,
                and raise no parsing errors.
            strict: Whether every object of the schema is closed; sent if it is given.
            **kwargs: More arguments for every call, such as `temperature`, and those of
                `bind_tools`: `tools` are bound beside the schema, and with `function_calling`
                `tool_choice="auto"` leaves a thinking model the choice.

        Returns:
            A runnable that streams objects as they grow.

        Raises:
            ValueError: The method is unknown, the schema does not go with it, or a
                `response_format` is given beside it.
            ScalewayTruncatedOutputError: When called: `max_tokens` cut the answer off.
            OutputParserException: When called: the answer is not an object, or the wrong one.
        """
        from langchain_scaleway.convert.structured import structured_output  # noqa: PLC0415 -- slow

        arguments, parser = structured_output(
            schema,
            method,
            strict=strict,
            arguments=kwargs,
            include_raw=include_raw,
            on_text_around=warn_about_text_around,
        )
        bind = self.bind_tools if arguments.get("tools") else self.bind
        return bind(**arguments) | parser

    # LangChain's view of the model

    def get_num_tokens(self, text: str) -> int:
        """Estimate the tokens of a text; tokenizers would have to be downloaded.

        Args:
            text: A text in any language; four bytes of UTF-8 count as a token.
        """
        if self.custom_get_token_ids is not None:
            return super().get_num_tokens(text)
        return text_tokens(text)

    def get_num_tokens_from_messages(
        self,
        messages: list[BaseMessage],
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool] | None = None,
    ) -> int:
        """Estimate the tokens of messages and tools as they are sent, by the same rule.

        Args:
            messages: The messages. An image, a recording or a file counts as much as any other,
                whatever its size.
            tools: Tools in any form that `bind_tools` takes.
        """
        if self.custom_get_token_ids is not None:
            return super().get_num_tokens_from_messages(messages, tools)
        try:
            wire = self._history(messages, self.model)
        except ValueError:  # What cannot be sent has a length all the same.
            wire = [readable_message(message) for message in messages]
        return prompt_size({"messages": wire, "tools": convert_tools(tools or ())}).tokens

    @property
    def _llm_type(self) -> str:
        return "scaleway-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return self._set_parameters("model", "base_url", "project_id", "extra_body")

    def _get_invocation_params(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        # Before tracers see them: one may be a key.
        check_call(kwargs, type(self).model_fields)
        kwargs.pop("extra_headers", None)
        return super()._get_invocation_params(*args, **kwargs)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = LangSmithParams(
            ls_provider="scaleway",
            ls_model_name=kwargs.get("model") or self.model,
            ls_model_type="chat",
        )
        if (temperature := kwargs.get("temperature", self.temperature)) is not None:
            params["ls_temperature"] = temperature
        if (max_tokens := kwargs.get("max_tokens", self.max_tokens)) is not None:
            params["ls_max_tokens"] = max_tokens
        if stop := stop or ([self.stop] if isinstance(self.stop, str) else self.stop):
            params["ls_stop"] = stop
        return params

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        # Core's own serializes the model once and keeps that when fields change, so a cache
        # would answer for another temperature or model.
        for name in ("extra_headers", "timeout"):
            kwargs.pop(name, None)
        params = {**self._identifying_params, "_type": self._llm_type, **as_sent(kwargs)}
        params["stop"] = stop if stop is not None else self.stop
        params["output_version"] = self.output_version
        params["replay_reasoning"] = self.replay_reasoning
        params["model_family"] = self.model_family
        return str(sorted(params.items(), key=itemgetter(0)))

    @property
    def lc_secrets(self) -> dict[str, str]:
        """The environment variable that a serialized model names in place of its key."""
        return {"api_key": "SCW_SECRET_KEY"}

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Models can be written with `dumpd` and read with `load`."""
        return True
