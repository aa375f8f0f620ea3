"""What `docs/init-chat-model.md` says of LangChain is still so, and its change would be enough."""

import importlib.util
import itertools
import re
import sys
import types
from pathlib import Path

import pytest
from langchain.chat_models import init_chat_model
from langchain.embeddings import init_embeddings

from langchain_scaleway import ChatScaleway, ScalewayEmbeddings
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


def with_our_lines(module: str) -> types.ModuleType:
    """A copy of a module of LangChain's with the lines that the page's diff adds to it."""
    spec = importlib.util.find_spec(module)
    assert spec is not None
    assert spec.origin is not None
    source = Path(spec.origin).read_text("utf-8")
    file = re.escape(f"+++ b/libs/langchain_v1/{module.replace('.', '/')}.py")
    diff = re.search(rf"```diff\n[^`]*?{file}\n(.*?)```\n", PAGE.read_text("utf-8"), re.DOTALL)
    assert diff is not None
    changes = [
        (before[1:], line[1:])
        for before, line in itertools.pairwise(diff[1].splitlines())
        if line.startswith("+ ")
    ]
    assert len(changes) == 2
    for before, added in changes:
        assert source.count(f"{before}\n") == 1
        source = source.replace(f"{before}\n", f"{before}\n{added}\n")
    changed = types.ModuleType(f"{module.replace('.', '_')}_with_scaleway")
    exec(compile(source, spec.origin, "exec"), changed.__dict__)  # noqa: S102 -- our own change
    return changed


def test_the_change_for_chat_models_is_enough(emulator: ScalewayEmulator) -> None:
    changed = with_our_lines("langchain.chat_models.base")
    there = {"base_url": emulator.base_url, "api_key": emulator.api_key}

    model = changed.init_chat_model(f"scaleway:{PLAIN_MODEL}", temperature=0, **there)

    assert isinstance(model, ChatScaleway)
    assert model.invoke("Hello").response_metadata["model_name"] == PLAIN_MODEL
    configurable = changed.init_chat_model(model_provider="scaleway", **there)
    reply = configurable.invoke("Hello", {"configurable": {"model": "qwen3.6-35b-a3b"}})
    assert reply.response_metadata["model_name"] == "qwen3.6-35b-a3b"


def test_the_change_for_embeddings_is_enough(emulator: ScalewayEmulator) -> None:
    with pytest.raises(ValueError, match="Provider 'scaleway' is not supported"):
        init_embeddings("scaleway:qwen3-embedding-8b")
    changed = with_our_lines("langchain.embeddings.base")

    embeddings = changed.init_embeddings(
        "scaleway:qwen3-embedding-8b", base_url=emulator.base_url, api_key=emulator.api_key
    )

    assert isinstance(embeddings, ScalewayEmbeddings)
    assert len(embeddings.embed_query("Hello")) == 4096
