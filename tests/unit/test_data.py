"""The model table: what is generated from it, and how it is looked up."""

from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain.agents import create_agent
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.model_profile import ModelProfile
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import tool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import BaseModel, Field

from langchain_scaleway.data import (
    ModelFacts,
    known_models,
    model_facts,
    model_profile,
    similar_model,
)
from scripts.make_model_table import GENERATED, model_table, read_toml, render

MISTRAL_SMALL = "mistral-small-3.2-24b-instruct-2506"
CHAT_MODELS = [facts.model for facts in known_models() if "chat" in facts.kinds]


def facts_of(model: str) -> ModelFacts:
    facts = model_facts(model)
    assert facts is not None
    return facts


def profile_of(model: str) -> ModelProfile:
    profile = model_profile(model)
    assert profile is not None
    return profile


class TestTable:
    def test_generated_module_is_up_to_date(self) -> None:
        assert GENERATED.read_text(encoding="utf-8") == render(model_table(read_toml()))

    def test_every_source_is_used(self) -> None:
        toml = read_toml()
        used = {source for row in toml["models"].values() for source in row["sources"]}
        assert used == set(toml["sources"])

    def test_numbers_make_sense(self) -> None:
        for facts in known_models():
            sizes = (facts.context_window, facts.max_output_tokens, facts.embedding_dimensions)
            assert all(size is None or size > 0 for size in sizes), facts
            prices = (facts.input_price, facts.output_price, facts.audio_minute_price)
            assert all(price is None or price >= 0 for price in prices), facts
            assert bool(facts.prices_as_of) is any(price is not None for price in prices), facts

    @pytest.mark.parametrize(
        ("columns", "complaint"),
        [
            ({"contxt_window": 1}, "unexpected keyword argument"),
            ({"context_window": "much"}, "valid integer"),
            ({"status": "retired"}, "Input should be 'beta'"),
            ({"default_effort": "low"}, "default_effort must be one of efforts"),
            ({"deprecated": "2026-10-01"}, "cannot have this status"),
            ({"sources": []}, "a row needs sources"),
            ({"sources": ["hearsay"]}, "no such sources: hearsay"),
            ({"successor": "glm-6"}, "no such successor: glm-6"),
        ],
    )
    def test_mistakes_are_refused(self, columns: dict[str, Any], complaint: str) -> None:
        toml = read_toml()
        toml["models"]["glm-5.2"] |= columns
        with pytest.raises((TypeError, ValueError), match=complaint):
            model_table(toml)


class TestProfiles:
    def test_a_profile_tells_the_tables_facts(self) -> None:
        profile = profile_of("qwen3.5-397b-a17b")
        told = {
            "max_input_tokens": 250_000,
            "max_output_tokens": 16_384,
            "image_inputs": True,
            "video_inputs": True,
            "audio_inputs": False,
            "reasoning_output": True,
            "reasoning_effort_levels": ["none", "low", "medium", "high"],
            "tool_calling": True,
            "tool_call_streaming": True,
            "status": "active",
        }
        assert told.items() <= profile.items()
        assert profile_of(MISTRAL_SMALL)["reasoning_output"] is False
        assert "reasoning_effort_levels" not in profile_of(MISTRAL_SMALL)

    def test_langchain_knows_every_key(self) -> None:
        keys = {key for model in CHAT_MODELS for key in profile_of(model)}
        assert keys <= set(get_type_hints(ModelProfile))

    def test_structured_output_is_never_claimed(self) -> None:
        assert not [model for model in CHAT_MODELS if "structured_output" in profile_of(model)]

    def test_tools_that_work_on_the_responses_api_are_claimed(self) -> None:
        assert profile_of("gpt-oss-120b")["tool_calling"] is True
        assert profile_of("holo2-30b-a3b")["tool_calling"] is False
        assert profile_of("gemma-3-27b-it")["tool_calling"] is True

    def test_only_chat_models_have_one(self) -> None:
        assert model_profile("qwen3-embedding-8b") is None
        assert model_profile("whisper-large-v3") is None

    @pytest.mark.parametrize("model", ["", "/", ":", "gpt-4o", "qwen3.8"])
    def test_an_unknown_model_has_none(self, model: str) -> None:
        assert model_profile(model) is None
        assert model_facts(model) is None

    def test_a_dedicated_deployment_has_its_own_limits(self) -> None:
        serverless = profile_of("llama-3.3-70b-instruct")
        dedicated = profile_of("meta/llama-3.3-70b-instruct:fp8")
        assert dedicated["max_input_tokens"] == 128_000
        assert serverless.keys() - dedicated.keys() == {"status", "max_output_tokens"}

    def test_deepagents_learns_what_a_tools_message_cannot_hold(self) -> None:
        """It takes a missing key for "supported"."""
        assert profile_of("glm-5.2")["image_tool_message"] is False
        assert "image_tool_message" not in profile_of(MISTRAL_SMALL)
        assert profile_of(MISTRAL_SMALL)["pdf_tool_message"] is False

    def test_nothing_is_claimed_to_change_in_mid_conversation(self) -> None:
        """Older cores do not know the keys, and would warn of them."""
        keys = {"mid_conversation_system_messages", "mid_conversation_tools"}
        known = keys & ModelProfile.__annotations__.keys()
        assert [profile_of("glm-5.2").get(key) for key in known] == [False] * len(known)

    def test_each_one_is_a_copy(self) -> None:
        profile = profile_of("glm-5.2")
        profile["max_input_tokens"] = 1
        profile["reasoning_effort_levels"].append("extreme")
        assert profile_of("glm-5.2")["max_input_tokens"] == 256_000
        assert profile_of("glm-5.2")["reasoning_effort_levels"] == ["none", "high", "max"]


class TestFacts:
    def test_what_the_client_must_know(self) -> None:
        facts = facts_of("deepseek-v4-flash-0731")
        assert (facts.status, facts.tool_calling, facts.default_effort) == (
            "preview",
            "yes",
            "high",
        )
        assert (facts.input_price, facts.cached_input_price, facts.output_price) == (
            0.4,
            0.08,
            0.8,
        )
        assert facts.accepts_images is False
        assert facts_of("mistral-ocr-2512").accepts_images is None

    def test_a_model_that_does_not_reason_has_no_efforts(self) -> None:
        assert facts_of(MISTRAL_SMALL).efforts == ()
        assert facts_of("llama-3.1-8b-instruct").efforts is None

    def test_retired_models_name_their_end_and_successor(self) -> None:
        facts = facts_of("llama-3.1-70b-instruct")
        assert (facts.status, facts.end_of_life, facts.successor) == (
            "end_of_life",
            "2025-05-25",
            "llama-3.3-70b-instruct",
        )

    def test_other_kinds_of_models(self) -> None:
        assert facts_of("qwen3-embedding-8b").kinds == ("embedding", "rerank")
        assert facts_of("bge-multilingual-gemma2").embedding_dimensions == 3584
        assert facts_of("whisper-large-v3").audio_minute_price == 0.003

    @pytest.mark.parametrize(
        ("name", "model"),
        [
            ("Qwen/Qwen3.6-35B-A3B", "qwen3.6-35b-a3b"),
            ("mistralai/Mistral-Small-3.2-24B-Instruct-2506", MISTRAL_SMALL),
            ("QWEN3.8-27B", "qwen3.8-27b"),
        ],
    )
    def test_the_weights_name_on_a_hub_is_the_model_without_prices(
        self, name: str, model: str
    ) -> None:
        facts = facts_of(name)
        assert (facts.model, facts.input_price, facts.status) == (model, None, None)
        assert facts.inputs == facts_of(model).inputs

    def test_only_gpt_oss_needs_the_responses_api_for_tools(self) -> None:
        needing = [facts.model for facts in known_models() if facts.use_responses_api]
        assert needing == ["gpt-oss-120b"]

    @pytest.mark.parametrize(
        ("wrong", "meant"),
        [
            ("mistral-small-3.2", MISTRAL_SMALL),
            ("qwen3.6-35b", "qwen3.6-35b-a3b"),
            ("openai/gpt-oss-20b:fp4", "gpt-oss-120b"),
            ("glm-52", "glm-5.2"),
            ("devstral-2-123b-instruct-2512", "qwen3.5-397b-a17b"),
            ("gpt-4o", None),
            ("", None),
            ("glm-5.2", None),
        ],
    )
    def test_similar_model(self, wrong: str, meant: str | None) -> None:
        assert similar_model(wrong) == meant

    @pytest.mark.parametrize("prefix", ["mistral/", "mistralai/", "a/b/"])
    def test_the_vendor_before_an_id_changes_nothing(self, prefix: str) -> None:
        assert model_facts(prefix + MISTRAL_SMALL) == model_facts(MISTRAL_SMALL)
        assert model_profile(prefix + MISTRAL_SMALL) == model_profile(MISTRAL_SMALL)

    def test_a_dedicated_deployment_has_neither_life_cycle_nor_prices(self) -> None:
        facts = facts_of("mistral/devstral-2-123b-instruct-2512:fp8")
        assert facts.context_window == 200_000
        assert (facts.status, facts.deprecated, facts.successor) == (None, None, None)
        assert (facts.max_output_tokens, facts.input_price, facts.output_price) == (
            None,
            None,
            None,
        )

    @given(st.text())
    def test_any_name_can_be_asked_for(self, model: str) -> None:
        facts = model_facts(model)
        assert facts is None or facts.model in model.lower()

    @given(
        model=st.sampled_from([facts.model for facts in known_models()]),
        vendor=st.text().map(lambda text: f"{text}/".replace(":", "")),
    )
    def test_any_vendor_is_cut_off(self, model: str, vendor: str) -> None:
        assert facts_of(vendor + model).model == model


class Answer(BaseModel):
    """The agent's structured answer."""

    text: str


@tool
def look_up(word: str) -> str:
    """Look a word up."""
    return word


class RecordingModel(BaseChatModel):
    """Answers as it is asked to, by schema or through a tool, and keeps what it was called with."""

    calls: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "recording"

    def bind_tools(self, tools: Any, **kwargs: Any) -> Runnable[Any, AIMessage]:
        return self.bind(tools=[convert_to_openai_tool(each) for each in tools], **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        self.calls.append(kwargs)
        if "response_format" in kwargs:
            message = AIMessage('{"text": "yes"}')
        else:
            call = {"name": "Answer", "args": {"text": "yes"}, "id": "1"}
            message = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=message)])


def call_by_agent(profile: ModelProfile | None) -> dict[str, Any]:
    """What `create_agent` sends a model with this profile, given both tools and a schema."""
    model = RecordingModel(profile=profile)
    agent = create_agent(model, [look_up], response_format=Answer)
    result = agent.invoke({"messages": [HumanMessage("hello")]})
    assert result["structured_response"] == Answer(text="yes")
    (call,) = model.calls
    return call


@pytest.mark.parametrize("model", ["glm-5.2", MISTRAL_SMALL, "gpt-oss-120b"])
def test_create_agent_does_not_send_a_schema_beside_tools(model: str) -> None:
    call = call_by_agent(model_profile(model))
    assert "response_format" not in call
    assert {each["function"]["name"] for each in call["tools"]} == {"look_up", "Answer"}


def test_create_agent_would_send_it_with_the_claim() -> None:
    call = call_by_agent({**profile_of("glm-5.2"), "structured_output": True})
    assert call["response_format"]["type"] == "json_schema"
    assert [each["function"]["name"] for each in call["tools"]] == ["look_up"]
