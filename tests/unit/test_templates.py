"""Odd histories for each family of models, as its chat template takes them."""

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

import pytest
from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    HumanMessage,
    SystemMessage,
    ToolMessage,
)
from langchain_core.messages.tool import tool_call

from langchain_scaleway import ChatScaleway
from langchain_scaleway.convert.messages import messages_to_wire
from langchain_scaleway.convert.templates import NO_RESULT, TEMPLATES, family_of
from langchain_scaleway.data import known_models
from tests.support.templates import complaints, mistral_common_complaints

IMAGE = {"type": "image_url", "image_url": {"url": "https://images.example/cat.png"}}


def system(text: str) -> SystemMessage:
    return SystemMessage(text)


def user(*content: Any, name: str | None = None) -> HumanMessage:
    is_text = len(content) == 1 and isinstance(content[0], str)
    return HumanMessage(content[0] if is_text else [*content], name=name)


def ai(text: str = "", *calls: str) -> AIMessage:
    """A reply; a call is written as its id, and calls `f`."""
    return AIMessage(text, tool_calls=[tool_call(name="f", args={}, id=_ID + one) for one in calls])


def result(call_id: str, *content: Any) -> ToolMessage:
    is_text = len(content) == 1 and isinstance(content[0], str)
    return ToolMessage(content[0] if is_text else [*content], tool_call_id=_ID + call_id, name="f")


def sent(family: str | None, history: Sequence[BaseMessage]) -> str:
    """What goes out: system, user, assistant and tool messages, and ids as the history has them."""
    return " | ".join(map(_written, messages_to_wire(history, family=family)))


def _written(message: dict[str, Any]) -> str:
    content = message["content"]
    if isinstance(content, list):
        content = " + ".join(p["text"] if p["type"] == "text" else "picture" for p in content)
    role = {"system": "S", "user": "U", "assistant": "A", "tool": "T"}.get(
        message["role"], message["role"]
    )
    name = f" {message['name']}" if role == "U" and "name" in message else ""
    calls = [f"f({call['id']})" for call in message.get("tool_calls", ())]
    words = [f"{role}{message.get('tool_call_id', name)}:", content, *calls]
    return " ".join(filter(None, words)).replace(_ID, "").replace(NO_RESULT, "none")


_ID = "call0000"
"""The beginning of ids that every family takes: nine letters and digits."""


class Case(NamedTuple):
    """A history, what goes out if the template takes it as it is, and what for which families."""

    history: list[BaseMessage]
    as_it_is: str
    changed: Mapping[str, str] = {}

    def expected(self, family: str | None) -> str:
        found = (sent for names, sent in self.changed.items() if family in names.split())
        return next(found, self.as_it_is)


MATRIX = {
    "in order": Case(
        [system("s"), user("a"), ai("", "1"), result("1", "42"), ai("b"), user("c")],
        "S: s | U: a | A: f(1) | T1: 42 | A: b | U: c",
    ),
    "two system messages": Case(
        [system("s"), system("t"), user("a")],
        "S: s | S: t | U: a",
        {"mistral qwen3.5 gemma-3 gpt-oss": "S: s\n\nt | U: a"},
    ),
    "a later system message": Case(
        [system("s"), user("a"), ai("b"), system("t"), user("c")],
        "S: s | U: a | A: b | S: t | U: c",
        {
            "qwen3.5 gpt-oss": "S: s | U: a | A: b | U: t | U: c",
            "mistral gemma-3": "S: s | U: a | A: b | U: t\n\nc",
        },
    ),
    "documents after the question": Case(
        [user("a"), system("t")],
        "U: a | S: t",
        {"qwen3.5 gpt-oss": "U: a | U: t", "mistral gemma-3": "U: a\n\nt"},
    ),
    "a developer's message between turns": Case(
        [user("a"), ai("b"), ChatMessage(content="t", role="developer"), user("c")],
        "U: a | A: b | S: t | U: c",
        {
            "qwen3.5 gpt-oss": "U: a | A: b | U: t | U: c",
            "mistral gemma-3": "U: a | A: b | U: t\n\nc",
        },
    ),
    "a system message alone": Case(
        [system("s")], "S: s", {"mistral qwen3.5 llama-3 gemma-3": "U: s"}
    ),
    "system messages alone": Case(
        [system("s"), system("t")],
        "S: s | S: t",
        {"mistral qwen3.5 llama-3 gemma-3": "S: s | U: t", "gpt-oss": "S: s\n\nt"},
    ),
    "trimmed to a call and its result": Case(
        [system("s"), ai("", "1"), result("1", "42")],
        "S: s | A: f(1) | T1: 42",
        {"mistral qwen3.5 llama-3 gemma-3": "U: s | A: f(1) | T1: 42"},
    ),
    "trimmed to a call and its result, without a system message": Case(
        [ai("", "1"), result("1", "42")],
        "A: f(1) | T1: 42",
        {"mistral qwen3.5 llama-3 gemma-3": "U: Go on. | A: f(1) | T1: 42"},
    ),
    "trimmed to results": Case(
        [system("s"), result("1", "42"), result("2", "43")],
        "S: s | T1: 42 | T2: 43",
        {
            "qwen3.5": "U: s | T1: 42 | T2: 43",
            "mistral gemma-3": "S: s | U: f returned: 42\n\nf returned: 43",
            "llama-3 gemma-4 gpt-oss": "S: s | U: f returned: 42 | U: f returned: 43",
        },
    ),
    "an empty result without its call": Case(
        [user("a"), result("1", "")],
        "U: a | T1:",
        {"mistral llama-3 gemma-4 gemma-3 gpt-oss": "U: a"},
    ),
    "a result without its call": Case(
        [user("a"), ai("", "1"), result("2", "43"), result("1", "42")],
        "U: a | A: f(1) | T2: 43 | T1: 42",
        {
            "llama-3 gemma-4 gpt-oss": "U: a | A: f(1) | T1: 42 | U: f returned: 43",
            "mistral gemma-3": "U: a | A: f(1) | T1: 42 | A: OK. | U: f returned: 43",
        },
    ),
    "a result behind the next question": Case(
        [user("a"), ai("", "1"), user("b"), result("1", "42")],
        "U: a | A: f(1) | U: b | T1: 42",
        {
            "llama-3 gemma-4 gpt-oss": "U: a | A: f(1) | T1: none | U: b | U: f returned: 42",
            "mistral gemma-3": "U: a | A: f(1) | T1: none | A: OK. | U: b\n\nf returned: 42",
        },
    ),
    "two results for one call": Case(
        [user("a"), ai("", "1"), result("1", "41"), result("1", "42")],
        "U: a | A: f(1) | T1: 41 | T1: 42",
        {"mistral llama-3 gemma-4 gemma-3 gpt-oss": "U: a | A: f(1) | T1: 42"},
    ),
    "an id that is used again": Case(
        [user("a"), ai("", "1"), result("1", "42"), ai("", "1"), result("1", "43")],
        "U: a | A: f(1) | T1: 42 | A: f(1) | T1: 43",
    ),
    "a call without a result": Case(
        [user("a"), ai("", "1", "2"), result("2", "43"), ai("b"), user("c")],
        "U: a | A: f(1) f(2) | T2: 43 | A: b | U: c",
        {
            "mistral gemma-4 gemma-3 gpt-oss": (
                "U: a | A: f(1) f(2) | T1: none | T2: 43 | A: b | U: c"
            ),
            "llama-3": "U: a | A: f(1) | T1: none | A: f(2) | T2: 43 | A: b | U: c",
        },
    ),
    "an interrupted run": Case(
        [user("a"), ai("", "1")],
        "U: a | A: f(1)",
        {"mistral llama-3 gemma-4 gemma-3 gpt-oss": "U: a | A: f(1) | T1: none"},
    ),
    "two calls in a turn": Case(
        [user("a"), ai("b", "1", "2"), result("2", "43"), result("1", "42")],
        "U: a | A: b f(1) f(2) | T2: 43 | T1: 42",
        {
            "mistral gemma-4 gemma-3 gpt-oss": "U: a | A: b f(1) f(2) | T1: 42 | T2: 43",
            "llama-3": "U: a | A: b | A: f(1) | T1: 42 | A: f(2) | T2: 43",
        },
    ),
    "agents side by side": Case(
        [user("a"), ai("", "1"), ai("b", "2"), result("1", "42"), result("2", "43")],
        "U: a | A: f(1) | A: b f(2) | T1: 42 | T2: 43",
        {
            "mistral gemma-4 gemma-3 gpt-oss": "U: a | A: f(1) | T1: 42 | A: b f(2) | T2: 43",
            "llama-3": "U: a | A: f(1) | T1: 42 | A: b | A: f(2) | T2: 43",
        },
    ),
    "an answer given by a tool": Case(
        [user("a"), ai("", "1"), result("1", "42"), user("b")],
        "U: a | A: f(1) | T1: 42 | U: b",
        {"mistral gemma-3": "U: a | A: f(1) | T1: 42 | A: OK. | U: b"},
    ),
    "the assistant last": Case(
        [user("a"), ai("b")], "U: a | A: b", {"mistral gemma-3": "U: a | A: b | U: Go on."}
    ),
    "the assistant first": Case(
        [system("s"), ai("Welcome!"), user("a")],
        "S: s | A: Welcome! | U: a",
        {"mistral gemma-3 llama-3": "S: s | U: Go on. | A: Welcome! | U: a"},
    ),
    "trimmed to a call and a later question": Case(
        [system("s"), ai("", "1"), result("1", "42"), ai("b"), user("c")],
        "S: s | A: f(1) | T1: 42 | A: b | U: c",
        {"mistral gemma-3 llama-3": "S: s | U: Go on. | A: f(1) | T1: 42 | A: b | U: c"},
    ),
    "neighbours": Case(
        [user("a"), user("b"), ai("c"), ai("d"), user("e")],
        "U: a | U: b | A: c | A: d | U: e",
        {"mistral gemma-3": "U: a\n\nb | A: c\n\nd | U: e"},
    ),
    "a text and the call after it": Case(
        [user("a"), ai("b"), ai("", "1"), result("1", "42")],
        "U: a | A: b | A: f(1) | T1: 42",
        {"mistral gemma-3": "U: a | A: b f(1) | T1: 42"},
    ),
    "speakers": Case(
        [user("Mine is black.", name="Alice"), user("Mine is red.", name="Bob"), user("Whose?")],
        "U Alice: Mine is black. | U Bob: Mine is red. | U: Whose?",
        {"mistral gemma-3": "U: Alice: Mine is black.\n\nBob: Mine is red.\n\nWhose?"},
    ),
    "one speaker": Case(
        [user("a", name="Alice"), user("b", name="Alice")],
        "U Alice: a | U Alice: b",
        {"mistral gemma-3": "U Alice: a\n\nb"},
    ),
    "a speaker who says nothing": Case(
        [user("a", name="Alice"), user("", name="Bob")],
        "U Alice: a | U Bob:",
        {"mistral gemma-3": "U: Alice: a"},
    ),
    "assistants with names": Case(
        [user("a"), AIMessage("b", name="Ada"), AIMessage("c", name="Bob"), user("d")],
        "U: a | A: b | A: c | U: d",
        {"mistral gemma-3": "U: a | A: b\n\nc | U: d"},
    ),
    "empty texts": Case(
        [system(""), user(""), ai(""), user("b"), user()],
        "S: | U: | A: | U: b | U:",
        {"mistral gemma-3": "S: | U: b"},
    ),
    "pictures": Case(
        [user("a"), user("b", IMAGE), user(IMAGE, name="Bob"), user("c")],
        "U: a | U: b + picture | U Bob: picture | U: c",
        {"mistral gemma-3": "U: a + b + picture + Bob: + picture + c"},
    ),
    "a picture behind an empty text": Case(
        [user(""), user(IMAGE)], "U: | U: picture", {"mistral gemma-3": "U: picture"}
    ),
    "nothing": Case([], ""),
    "a picture that a tool returned": Case(
        [user("a"), ai("", "1"), result("1", "b", IMAGE), ai("c"), user("d")],
        "U: a | A: f(1) | T1: b | U: f returned: + picture | A: c | U: d",
        {
            "mistral gemma-3": (
                "U: a | A: f(1) | T1: b | A: OK. | U: f returned: + picture | A: c | U: d"
            )
        },
    ),
    "a role of one's own": Case(
        [user("a"), ai("b"), ChatMessage(content="Too long.", role="critic")],
        "U: a | A: b | critic: Too long.",
        {" ".join(TEMPLATES): "U: a | A: b | U: Too long."},
    ),
}


@pytest.mark.parametrize("case", MATRIX.values(), ids=MATRIX)
def test_odd_histories_go_out_as_each_template_takes_them(case: Case) -> None:
    before = deepcopy(case.history)
    for family in (None, *TEMPLATES):
        assert sent(family, case.history) == case.expected(family), family
        if family and case.history:
            wire = messages_to_wire(case.history, family=family)
            assert complaints(family, wire) == [], family
    assert case.history == before


def test_mistral_common_refuses_none_of_them_unless_they_stay_as_they_were() -> None:
    pytest.importorskip("mistral_common")
    for name, case in MATRIX.items():
        wire = messages_to_wire(case.history or [user("a")], family="mistral")
        assert mistral_common_complaints(wire) == [], name
    [complaint, *_] = mistral_common_complaints(
        messages_to_wire(MATRIX["a result without its call"].history)
    )
    assert "Unexpected tool call id" in complaint


class TestIdsForMistral:
    """Nine letters and digits."""

    @pytest.mark.parametrize(
        "call_id",
        [
            "chatcmpl-tool-8f14e45fceea167a5a36dedd4bea2543",
            "call_1",
            "toolu_01",
            "a1b2c3d4-1111-2222-3333-444455556666",
            "çà-☕",
        ],
        ids=["Scaleway", "OpenAI", "Anthropic", "Google", "foreign letters"],
    )
    def test_the_same_in_call_and_result(self, call_id: str) -> None:
        history = [
            user("a"),
            AIMessage("", tool_calls=[tool_call(name="f", args={}, id=call_id)]),
            ToolMessage("42", tool_call_id=call_id),
        ]
        wire = messages_to_wire(history, family="mistral")
        (call,) = wire[1]["tool_calls"]
        assert re.fullmatch("[a-zA-Z0-9]{9}", call["id"])
        assert wire[2]["tool_call_id"] == call["id"]
        assert messages_to_wire(history, family="mistral") == wire  # or no cache would know it
        for family in {None, *TEMPLATES} - {"mistral"}:
            assert messages_to_wire(history, family=family)[2]["tool_call_id"] == call_id

    @pytest.mark.parametrize("family", [None, "mistral", "gemma-4"])
    @pytest.mark.parametrize(
        "ids",
        [("a-123456789", "b-123456789"), (None, None), ("", ""), ("abcdefgh1", "abcdefgh1")],
        ids=["same end", "none", "empty", "same"],
    )
    def test_each_call_has_its_own_and_its_result(
        self, ids: tuple[str | None, str | None], family: str | None
    ) -> None:
        calls = [tool_call(name="f", args={}, id=one) for one in ids]
        results = [ToolMessage(text, tool_call_id=ids[n] or "") for n, text in enumerate("bc")]
        history = [user("a"), AIMessage("", tool_calls=calls), *results]
        wire = messages_to_wire(history, family=family)
        first, second = [call["id"] for call in wire[1]["tool_calls"]]
        assert first != second
        assert {m["tool_call_id"]: m["content"] for m in wire[2:]} == {first: "b", second: "c"}


def test_an_assistant_who_only_thought_is_left_out_for_mistral() -> None:
    """A reply that `max_tokens` ended within its reasoning is such a message."""
    history = [user("a"), AIMessage("", additional_kwargs={"reasoning_content": "Hm"}), user("b")]
    assert sent("mistral", history) == "U: a\n\nb"
    wire = messages_to_wire(history, family="mistral", replay_reasoning=True)
    assert wire[1] == {"role": "assistant", "content": "", "reasoning": "Hm"}


def test_reasoning_is_joined_like_text_for_mistral() -> None:
    first = AIMessage("a", additional_kwargs={"reasoning_content": "r"})
    second = AIMessage("b", additional_kwargs={"reasoning_content": "s"})
    history = [user("q"), first, second, ai("c"), user("d")]
    wire = messages_to_wire(history, family="mistral", replay_reasoning=True)
    assert wire[1] == {"role": "assistant", "content": "a\n\nb\n\nc", "reasoning": "r\n\ns"}


class TestFamilies:
    """By the model's name, wherever it comes from."""

    @pytest.mark.parametrize(
        ("family", "models"),
        {
            "mistral": "mistral-small-3.2-24b-instruct-2506 PIXTRAL-12B-2409 "
            "mistralai/Mistral-Small-3.2-24B-Instruct-2506 mistral/magistral-small-2506:fp8 "
            "devstral-2-123b-instruct-2512",
            "qwen3.5": "qwen3.5-397b-a17b Qwen/Qwen3.6-35B-A3B qwen3.8-27b "
            "bartowski/Qwen_Qwen3.6-27B-GGUF qwen-3.6-27b",
            "qwen": "qwen3-235b-a22b-instruct-2507",
            "llama-3": "unsloth/Llama-3.3-70B-Instruct-bnb-4bit meta-llama/Meta-Llama-3.1-8B",
            "deepseek-v4": "deepseek-v4-flash-0731",
            "gemma-4": "google/gemma-4-26b-a4b-it",
            "gemma-3": "gemma-3-27b-it:bf16",
            "glm-5": "zai-org/GLM-5.2-FP8",
            "gpt-oss": "scaleway/openai/gpt-oss-120b openai.gpt-oss-20b openai-gpt-oss-120b",
            None: "my-deployment deepseek-r1-distill-llama-70b",
        }.items(),
    )
    def test_by_name(self, family: str | None, models: str) -> None:
        assert {model: family_of(model) for model in models.split()} == dict.fromkeys(
            models.split(), family
        )

    def test_by_the_users_word(self) -> None:
        words = [*TEMPLATES, "Qwen/Qwen3.6-35B-A3B", "none"]
        found = [family_of("gemma-3-27b-it", word) for word in words]
        assert found == [*TEMPLATES, "qwen3.5", None]

    def test_a_family_that_nobody_knows(self) -> None:
        with pytest.raises(ValueError, match=r"`model_family` is one of mistral, .*'mystral'"):
            ChatScaleway(model="m", api_key="k", model_family="mystral")

    def test_all_chat_models_of_the_table_but_these_are_known(self) -> None:
        unknown = {
            facts.model
            for facts in known_models()
            if "chat" in facts.kinds and family_of(facts.model) is None
        }
        assert unknown == {"deepseek-r1-distill-llama-70b", "holo2-30b-a3b"}
