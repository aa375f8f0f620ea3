"""LangChain's standard tests, against the local engine and, with a key, against Scaleway."""

import os
from typing import Any, Literal

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests

from engine.serve import LocalEngine
from langchain_scaleway import ChatScaleway
from langchain_scaleway.errors import ScalewayAPIError

Detail = Literal[
    "audio_input", "audio_output", "reasoning_output", "cache_read_input", "cache_creation_input"
]


class ScalewayFeatures(ChatModelIntegrationTests):
    """What Scaleway's models can do, `mistral-small-3.2-24b-instruct-2506` above all.

    PDF documents and audio are off: no chat model that Scaleway serves today takes them.
    Pictures and PDF documents in the results of tools are off too: those are text on its API.
    """

    @property
    def chat_model_class(self) -> type[BaseChatModel]:
        return ChatScaleway

    @property
    def supports_json_mode(self) -> bool:
        return True

    @property
    def supports_image_inputs(self) -> bool:
        return True

    @property
    def supports_image_urls(self) -> bool:
        return True

    @property
    def supports_anthropic_inputs(self) -> bool:
        return True


NO_EYES = "The engine has no image projector and answers 500 'image input is not supported'."
ANY_TOOL = "llama.cpp obeys a named tool_choice no further than 'required': any tool may be called."
OWN_NAME = "llama.cpp answers in its own model's name, whatever model the request names."


class TestLocalEngine(ScalewayFeatures):
    """Against llama.cpp's server and its toy model.

    What the toy cannot do is listed at the end, test by test.
    """

    @pytest.fixture(autouse=True)
    def _use_engine(self, local_engine: LocalEngine) -> None:
        self.engine = local_engine

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": self.engine.model,
            "base_url": self.engine.base_url,
            "api_key": self.engine.api_key,
            "temperature": 0,
        }

    @property
    def model_override_value(self) -> str:
        return "another-model"

    @property
    def supported_usage_metadata_details(
        self,
    ) -> dict[Literal["invoke", "stream"], list[Detail]]:
        return {"invoke": ["cache_read_input"], "stream": ["cache_read_input"]}

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        model = ChatScaleway(**self.chat_model_params, streaming=stream)
        model.invoke("What is the capital of France?")
        return model.invoke("What is the capital of France?")

    @pytest.mark.xfail(reason=NO_EYES, raises=ScalewayAPIError)
    def test_image_inputs(self, model: BaseChatModel) -> None:
        super().test_image_inputs(model)

    @pytest.mark.xfail(reason=NO_EYES, raises=ScalewayAPIError)
    def test_anthropic_inputs(self, model: BaseChatModel) -> None:
        super().test_anthropic_inputs(model)

    @pytest.mark.xfail(reason=ANY_TOOL)
    def test_tool_choice(self, model: BaseChatModel) -> None:
        super().test_tool_choice(model)

    @pytest.mark.xfail(reason=OWN_NAME)
    def test_invoke_with_model_override(self, model: BaseChatModel) -> None:
        super().test_invoke_with_model_override(model)

    @pytest.mark.xfail(reason=OWN_NAME)
    async def test_ainvoke_with_model_override(self, model: BaseChatModel) -> None:
        await super().test_ainvoke_with_model_override(model)

    @pytest.mark.xfail(reason=OWN_NAME)
    def test_stream_with_model_override(self, model: BaseChatModel) -> None:
        super().test_stream_with_model_override(model)

    @pytest.mark.xfail(reason=OWN_NAME)
    async def test_astream_with_model_override(self, model: BaseChatModel) -> None:
        await super().test_astream_with_model_override(model)


class TextOnly(ScalewayFeatures):
    @property
    def supports_image_inputs(self) -> bool:
        return False


def test_anthropic_inputs_without_the_picture(model: ChatScaleway) -> None:
    """The part of the standard test that the engine can serve."""
    TextOnly().test_anthropic_inputs(model)


@pytest.mark.live
@pytest.mark.skipif("SCW_SECRET_KEY" not in os.environ, reason="SCW_SECRET_KEY is not set")
class TestScaleway(ScalewayFeatures):
    """Against Scaleway itself (`make test-live`)."""

    @property
    def chat_model_params(self) -> dict[str, Any]:
        model = os.environ.get("SCW_MODEL", "mistral-small-3.2-24b-instruct-2506")
        return {"model": model, "temperature": 0}

    @property
    def model_override_value(self) -> str:
        return "llama-3.3-70b-instruct"
