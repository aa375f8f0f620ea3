"""LangChain's standard tests against the emulator: its default responder obeys requests."""

from collections.abc import Iterator
from typing import Any, Literal

import pytest
from langchain_core.messages import AIMessage

from langchain_scaleway import ChatScaleway
from langchain_scaleway.testing import ScalewayEmulator
from tests.integration.test_standard import Detail, ScalewayFeatures


class TestThinkingModel(ScalewayFeatures):
    """A model that thinks unless told otherwise, as most on Scaleway do."""

    emulator: ScalewayEmulator

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _emulator(cls) -> Iterator[None]:
        with ScalewayEmulator(reasoning_usage=True) as cls.emulator:
            yield

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": self.model_name,
            "base_url": self.emulator.base_url,
            "api_key": self.emulator.api_key,
        }

    @property
    def model_name(self) -> str:
        return "qwen3.8-27b"

    @property
    def model_override_value(self) -> str:
        return "gemma-4-26b-a4b-it"

    @property
    def supported_usage_metadata_details(
        self,
    ) -> dict[Literal["invoke", "stream"], list[Detail]]:
        details: list[Detail] = ["cache_read_input", "reasoning_output"]
        return {"invoke": details, "stream": details}

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
        return ChatScaleway(**self.chat_model_params, streaming=stream).invoke(question)


class TestMistralModel(TestThinkingModel):
    """A model that does not think and whose roles must alternate."""

    @property
    def model_name(self) -> str:
        return "mistral-small-3.2-24b-instruct-2506"

    @property
    def supported_usage_metadata_details(
        self,
    ) -> dict[Literal["invoke", "stream"], list[Detail]]:
        return {"invoke": [], "stream": []}


class TestDedicatedDeployment(TestThinkingModel):
    """Streams with cumulative usage on every chunk, and thinking under its older name."""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _emulator(cls) -> Iterator[None]:
        settings: dict[str, Any] = {"framing": "dedicated", "reasoning_field": "reasoning_content"}
        with ScalewayEmulator(reasoning_usage=True, **settings) as cls.emulator:
            yield
