"""What `docs/init-chat-model.md` says of LangChain is still so, and its change would be enough."""

import importlib.util
import itertools
import re
import sys
import types
from pathlib import Path

import pytest
from langchain.chat_models import init_chat_model

from langchain_scaleway import ChatScaleway
from langchain_scaleway.testing import ScalewayEmulator
from tests.support.models import PLAIN_MODEL

PAGE = Path(__file__).parents[2] / "docs" / "init-chat-model.md"


def test_langchain_does_not_know_us_yet() -> None:
    """When this fails, the page is to be rewritten."""
    with pytest.raises(ValueError, match="Unsupported provider='scaleway'"):
        init_chat_model(PLAIN_MODEL, model_provider="scaleway")


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("mistral-small-3.2-24b-instruct-2506", "langchain-mistralai"),
        ("deepseek-v4-flash-0731", "langchain-deepseek"),
        ("gpt-oss-120b", "langchain-openai"),
    ],
)
def test_bare_names_are_taken_for_other_providers(
    name: str, provider: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As if none of them were installed: the error then names the one that was guessed.
    for package in ("langchain_mistralai", "langchain_deepseek", "langchain_openai"):
        monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(ImportError, match=provider):
        init_chat_model(name)


def changed_lines() -> list[tuple[str, str]]:
    """The lines of the page's diff that are added, each with the line before it."""
    diff = re.search(r"```diff\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert diff is not None
    lines = diff[1].splitlines()
    return [
        (before[1:], line[1:])
        for before, line in itertools.pairwise(lines)
        if line.startswith("+ ")
    ]


def test_the_change_is_enough(emulator: ScalewayEmulator) -> None:
    """In a copy of LangChain's module that is thrown away."""
    spec = importlib.util.find_spec("langchain.chat_models.base")
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text("utf-8")
    changes = changed_lines()
    assert len(changes) == 2
    for before, added in changes:
        assert source.count(f"{before}\n") == 1
        source = source.replace(f"{before}\n", f"{before}\n{added}\n")
    changed = types.ModuleType("langchain_chat_models_base_with_scaleway")
    exec(compile(source, spec.origin, "exec"), changed.__dict__)  # noqa: S102 -- our own change

    model = changed.init_chat_model(
        f"scaleway:{PLAIN_MODEL}",
        temperature=0,
        base_url=emulator.base_url,
        api_key=emulator.api_key,
    )

    assert isinstance(model, ChatScaleway)
    assert model.invoke("Hello").response_metadata["model_name"] == PLAIN_MODEL
    configurable = changed.init_chat_model(
        model_provider="scaleway", base_url=emulator.base_url, api_key=emulator.api_key
    )
    reply = configurable.invoke("Hello", {"configurable": {"model": "qwen3.6-35b-a3b"}})
    assert reply.response_metadata["model_name"] == "qwen3.6-35b-a3b"
