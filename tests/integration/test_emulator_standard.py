"""LangChain's standard tests against the emulator: its default responder obeys requests."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from langchain_core.messages import AIMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests

from langchain_scaleway import ChatScaleway
from langchain_scaleway.testing import ScalewayEmulator

MODEL = "qwen3.8-27b"


class TestEmulatorStandard(ChatModelIntegrationTests):
    """Every flag that Scaleway's models support, with reasoning on as it is by default."""

    emulator: ScalewayEmulator

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _emulator(cls) -> Iterator[None]:
        with ScalewayEmulator(reasoning_usage=True) as cls.emulator:
            yield

    @property
    def chat_model_class(self) -> type[ChatScaleway]:
        return ChatScaleway

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": MODEL,
            "base_url": self.emulator.base_url,
            "api_key": self.emulator.api_key,
        }

    @property
    def has_tool_choice(self) -> bool:
        return True

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

    @property
    def supports_model_override(self) -> bool:
        return True

    @property
    def model_override_value(self) -> str:
        return "gemma-4-26b-a4b-it"

    @property
    def supported_usage_metadata_details(
        self,
    ) -> dict[Literal["invoke", "stream"], list[Any]]:
        return {
            "invoke": ["cache_read_input", "reasoning_output"],
            "stream": ["cache_read_input", "reasoning_output"],
        }

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        question = "How does a prompt cache work? " * 20
        self._ask(question, stream=stream)
        answer = self._ask(question, stream=stream)
        assert answer.usage_metadata is not None
        assert answer.usage_metadata["input_token_details"]["cache_read"] > 0
        return answer

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._ask("Think.", stream=stream)

    def _ask(self, question: str, *, stream: bool) -> AIMessage:
        model = self.chat_model_class(**self.chat_model_params)
        if not stream:
            return model.invoke(question)
        first, *others = model.stream(question)
        return sum(others, first)
