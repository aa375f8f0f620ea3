"""LangChain's standard tests on the emulator, for each kind of model that Scaleway serves.

The emulator's default responder obeys what a request asks for, and refuses what Scaleway
refuses.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

import httpx
import pytest
from langchain_core.messages import AIMessage
from langchain_tests.conftest import base_vcr_config

from langchain_scaleway.testing import ScalewayEmulator, ServedModel
from tests.integration.test_standard import Detail, ScalewayFeatures
from tests.support.models import model_on


class OnEmulator(ScalewayFeatures):
    """A model on the emulator; a subclass names it."""

    served: ClassVar[str]
    """The model that is asked."""

    another: ClassVar[str]
    """The model of the calls that name another."""

    fields: ClassVar[dict[str, Any]] = {}
    """Further fields of the model."""

    emulated: ClassVar[dict[str, Any]] = {}
    """Settings of the emulator."""

    details: ClassVar[list[Detail]] = []
    """What the model's usage breaks out."""

    emulator: ScalewayEmulator

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _emulator(cls) -> Iterator[None]:
        with ScalewayEmulator(**cls.emulated) as cls.emulator:
            yield

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {
            "model": self.served,
            "base_url": self.emulator.base_url,
            "api_key": self.emulator.api_key,
            **self.fields,
        }

    @property
    def model_override_value(self) -> str:
        return self.another

    @property
    def supported_usage_metadata_details(
        self,
    ) -> dict[Literal["invoke", "stream"], list[Detail]]:
        return {"invoke": self.details, "stream": self.details}

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        # Prompts are cached block by block, so a short one is not.
        question = "How does a prompt cache work? " * 20
        self._ask(question, stream=stream)
        answer = self._ask(question, stream=stream)
        assert answer.usage_metadata is not None
        assert answer.usage_metadata["input_token_details"]["cache_read"] > 0
        return answer

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self._ask("Think about it.", stream=stream)

    def _ask(self, question: str, *, stream: bool) -> AIMessage:
        model = model_on(self.emulator, self.served, **self.fields)
        if not stream:
            return model.invoke(question)
        first, *others = model.stream(question)
        return sum(others, first)


class TestThinkingModel(OnEmulator):
    """A model that sees, thinks by default, and has a price for cached input."""

    served = "qwen3.8-27b"
    another = "gemma-4-26b-a4b-it"
    emulated: ClassVar[dict[str, Any]] = {"reasoning_usage": True}
    details: ClassVar[list[Detail]] = ["cache_read_input", "reasoning_output"]


class TestResponsesApi(OnEmulator):
    """The same model through the Responses API, and another one that Scaleway serves there."""

    served = "qwen3.8-27b"
    another = "gemma-4-26b-a4b-it"
    fields: ClassVar[dict[str, Any]] = {"use_responses_api": True}
    details: ClassVar[list[Detail]] = ["cache_read_input", "reasoning_output"]


class TestDedicatedDeploymentStreamedThroughTools(OnEmulator):
    """A deployment of one's own: no key, usage on every event, the older reasoning field.

    All requests stream, and structured output comes through tools.
    """

    served = "qwen/qwen3.6-35b-a3b:fp8"
    another = "qwen/qwen3.6-35b-a3b:bf16"
    fields: ClassVar[dict[str, Any]] = {"streaming": True}
    emulated: ClassVar[dict[str, Any]] = {
        "api_key": None,
        "framing": "dedicated",
        "reasoning_field": "reasoning_content",
        "reasoning_usage": True,
        "models": tuple(
            ServedModel(id=name, images=True, efforts=("none", "high"), reports_cached_tokens=True)
            for name in (served, another)
        ),
    }
    details: ClassVar[list[Detail]] = ["cache_read_input", "reasoning_output"]

    @property
    def structured_output_kwargs(self) -> dict[str, Any]:
        return {"method": "function_calling"}


class TestAlternatingRolesWithClientOfTheUser(OnEmulator):
    """A model that sees and whose chat template refuses two messages of one role in a row.

    Synchronous calls go through a client that the user brings, which VCR can record.
    """

    served = "mistral-small-3.2-24b-instruct-2506"
    another = "llama-3.3-70b-instruct"
    http_client: httpx.Client

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def _http_client(cls) -> Iterator[None]:
        with httpx.Client() as cls.http_client:
            yield

    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {**super().chat_model_params, "http_client": self.http_client}

    @pytest.fixture(scope="class")
    @classmethod
    def vcr_config(cls) -> dict[str, Any]:
        return base_vcr_config() | {
            "cassette_library_dir": str(Path(__file__).with_name("cassettes")),
            # The emulator's port differs each time.
            "match_on": ["method", "path", "body"],
        }

    @property
    def enable_vcr_tests(self) -> bool:
        return True
