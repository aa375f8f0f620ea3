"""What the chat templates of model families demand of a history, and histories in that form.

A chat template makes a model's prompt of the messages. What it does not expect, it refuses (the
server answers 400 with the template's own words) or leaves out without a word. Such histories are
common: an agent's middleware adds a system message, a run is interrupted between a call and its
result, a long conversation is trimmed, another provider's model began it.

What was read, and when, is on the page "Chat templates" of the documentation.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import dropwhile
from typing import Any, NamedTuple

WireMessage = dict[str, Any]

NO_RESULT = "No result came of this call."
"""The result of a call without one: agents answer no invalid calls, and runs are interrupted."""

CLOSING_TURN = "OK."
"""What the assistant says between a tool's result and the next user message: an agent that answers
through a tool, as `ToolStrategy` does, ends each run with a tool message."""

USER_TURN = "Go on."
"""What the user says where a template demands that somebody asks."""


class Template(NamedTuple):
    """What a family's chat template demands. The defaults demand nothing.

    Attributes:
        names: A regular expression for the beginning of a model's name, without its vendor.
        source: Where that was read.
        system_first: It takes one system message, at the beginning.
        user_needed: It takes no history without a user message.
        user_first: It takes the first message that is not the system's for the user's.
        turns: Users and assistants take turns, from a user to a user or a tool.
        paired: Each call has one result, right behind it, and each result has its call.
        one_call: An assistant message holds one call at most, and no text beside it.
        short_ids: Ids of calls are nine letters and digits.
        reads_reasoning: Reasoning of the run of tools that goes on is part of the prompt.
        demands_reasoning: A message with calls is refused without its reasoning.
    """

    names: str
    source: str
    system_first: bool = False
    user_needed: bool = False
    user_first: bool = False
    turns: bool = False
    paired: bool = False
    one_call: bool = False
    short_ids: bool = False
    reads_reasoning: bool = False
    demands_reasoning: bool = False


TEMPLATES: Mapping[str, Template] = {
    "mistral": Template(
        names="(mistral|ministral|magistral|devstral|codestral|pixtral|voxtral|mixtral)",
        source="mistral-common 1.13.1, protocol/instruct/validator.py; vLLM, tokenizers/mistral.py "
        "and examples/tool_chat_template_mistral3.jinja (2026-11); Scaleway's 400 (live, 2026)",
        system_first=True,
        user_needed=True,
        user_first=True,
        turns=True,
        paired=True,
        short_ids=True,
    ),
    "qwen3.5": Template(
        names="qwen-?(3[.][5-9]|[4-9])",
        source="chat_template.jinja of Qwen/Qwen3.6-35B-A3B-FP8 (read 2026-11)",
        system_first=True,
        user_needed=True,
        reads_reasoning=True,
    ),
    "qwen": Template(
        names="qwen", source="tokenizer_config.json of Qwen/Qwen3-8B (revision 895c8d1)"
    ),
    "llama-3": Template(
        names="llama-?3",
        source="vLLM, examples/tool_chat_template_llama3.1_json.jinja (2026-11)",
        user_needed=True,
        user_first=True,
        paired=True,
        one_call=True,
    ),
    "gemma-4": Template(
        names="gemma-?4",
        source="vLLM, examples/tool_chat_template_gemma4.jinja (2026-11)",
        paired=True,
        reads_reasoning=True,
    ),
    "gemma-3": Template(
        names="gemma-?3",
        source="chat_template.json of google/gemma-3-27b-it, as quoted in public; for tools "
        "vLLM, examples/tool_chat_template_gemma3_pythonic.jinja (2026-11)",
        system_first=True,
        user_needed=True,
        user_first=True,
        turns=True,
        paired=True,
    ),
    "deepseek-v4": Template(
        names="deepseek-?v4",
        source="vLLM, vllm/tokenizers/deepseek_v4_encoding.py (2026-11); DeepSeek's API reference",
        reads_reasoning=True,
        demands_reasoning=True,
    ),
    "glm-5": Template(
        names="glm-?5",
        source="chat_template.jinja of GLM 5.2 (in ik_llama.cpp), of GLM 4.7 Flash and 5.3 Flash "
        "(read 2026-11)",
        reads_reasoning=True,
    ),
    "gpt-oss": Template(
        names="gpt-oss",
        source="chat_template.jinja of openai/gpt-oss-20b; vLLM, harmony_utils.py (2026-11)",
        system_first=True,
        paired=True,
        reads_reasoning=True,
    ),
}

_VENDOR = "((deepseek-ai|google|meta|mistralai|openai|qwen|zai-org)[-.])?"
"""As gateways write it before a name; `vendor/` of model hubs goes in any case."""

_SAID = ("content", "reasoning", "tool_calls")

_ROLES = ("system", "user", "assistant", "tool")
"""Roles that templates know; of others some templates refuse the message, some leave it out."""


def family_of(model: str, override: str | None = None) -> str | None:
    """The family whose chat template a model has, a key of `TEMPLATES`; `None` if unknown.

    Args:
        model: The model's name, as Scaleway, a dedicated deployment or a model hub writes it.
        override: A family's name, or that of a model of it, where the model's own name does not
            say it; "none" for a model whose template demands nothing.

    Raises:
        ValueError: The override is no family.

    Example:
        >>> family_of("mistralai/Mistral-Small-3.2-24B-Instruct-2506")
        'mistral'
    """
    name = (override or model).lower().rpartition("/")[2].replace("_", "-")
    for family, template in TEMPLATES.items():
        if re.match(_VENDOR + template.names, name):
            return family
    if override not in (None, "none"):
        known = ", ".join(TEMPLATES)
        raise ValueError(f'`model_family` is one of {known} or "none", not {override!r}.')
    return None


def template_of(family: str | None) -> Template:
    """What the chat template of a family demands; nothing if the family is not known."""
    return TEMPLATES[family] if family else Template(names="", source="")


def fit(messages: list[WireMessage], family: str | None) -> list[WireMessage]:
    """Bring a history into the form that a family's chat template takes, with every text kept.

    - Messages of unknown roles become the user's.
    - System messages at the beginning become one; later ones become user messages in their place,
      so that what a server has cached of the prompt stays good. Without any user message the last
      system message becomes the user's.
    - Results without their call become the user's, a call without a result gets `NO_RESULT`, and
      of two results for one call the last counts.
    - Neighbouring messages of users or assistants become one, and an assistant message that says
      nothing is left out. Short turns are added where one is missing.

    Args:
        messages: Wire messages that belong to the caller alone; this function changes them.
        family: A key of `TEMPLATES`, or `None`: such a history stays as it is.
    """
    template = template_of(family)
    if family is None or not messages:
        return messages
    if template.paired:
        messages = _paired(messages, one_call=template.one_call)
    _give_roles(messages, template)
    if template.system_first:
        merged = ("system", "user", "assistant") if template.turns else ("system",)
        messages = _merged(messages, merged)
    first = next((n for n, message in enumerate(messages) if not _is_system(message)), 0)
    if template.user_first and messages[first]["role"] == "assistant":
        messages.insert(first, {"role": "user", "content": USER_TURN})
    if template.turns:
        messages = list(_in_turns(messages))
    if template.short_ids:
        _shorten_ids(messages)
    return messages


def _give_roles(messages: list[WireMessage], template: Template) -> None:
    for message in messages:
        if message["role"] not in _ROLES:
            message["role"] = "user"
    if template.system_first:
        for message in filter(_is_system, [*dropwhile(_is_system, messages)]):
            message["role"] = "user"
    if template.user_needed and not any(message["role"] == "user" for message in messages):
        if last := next(filter(_is_system, reversed(messages)), None):
            last["role"] = "user"
        else:
            messages.insert(0, {"role": "user", "content": USER_TURN})


def _is_system(message: WireMessage) -> bool:
    return bool(message["role"] == "system")


def _paired(messages: Iterable[WireMessage], *, one_call: bool) -> list[WireMessage]:
    """The messages, with one result behind each call and no other results.

    A result belongs to the last assistant message before it that has its call: agents that run
    side by side leave several assistant messages in a row, and then all results. One whose call is
    gone, trimmed or summarized away, is told by the user.
    """
    paired: list[WireMessage] = []
    results: dict[str, WireMessage] = {}
    for message in messages:
        calls = message.get("tool_calls", [])
        for call in calls:
            call_id = call["id"]
            results[call_id] = {"role": "tool", "tool_call_id": call_id, "content": NO_RESULT}
        if message["role"] == "tool":
            if result := results.get(message["tool_call_id"]):
                result.update(message)
            elif message["content"]:
                told = f"{message.get('name', 'A tool')} returned: {message['content']}"
                paired.append({"role": "user", "content": told})
        elif calls and one_call:
            said = {key: value for key, value in message.items() if key != "tool_calls"}
            paired += [said] if any(map(said.get, _SAID)) else []
            for call in calls:
                calling = {"role": "assistant", "content": "", "tool_calls": [call]}
                paired += [calling, results[call["id"]]]
        else:
            paired += [message, *(results[call["id"]] for call in calls)]
            if message["role"] != "assistant":
                results = {}
    return paired


def _merged(messages: Iterable[WireMessage], roles: tuple[str, ...]) -> list[WireMessage]:
    """The messages with neighbours of one of these roles made one."""
    result: list[WireMessage] = []
    for message in messages:
        role = message["role"]
        if role == "assistant" and role in roles and not any(map(message.get, _SAID)):
            continue
        if role not in roles or not result or result[-1]["role"] != role:
            result.append(message)
            continue
        last = result[-1]
        if last.get("name") != message.get("name"):  # Of speakers who differ, names become text.
            _write_name(last)
            _write_name(message)
        last["content"] = _joined(last["content"], message["content"])
        if "reasoning" in message:
            last["reasoning"] = _joined(last.get("reasoning", ""), message["reasoning"])
        if "tool_calls" in message:
            last["tool_calls"] = message["tool_calls"]
    return result


def _write_name(message: WireMessage) -> None:
    name, content = message.pop("name", None), message["content"]
    if name and content and message["role"] == "user":
        in_parts = [{"type": "text", "text": f"{name}:"}, *_parts(content)]
        message["content"] = f"{name}: {content}" if isinstance(content, str) else in_parts


def _joined(first: Any, second: Any) -> Any:
    if isinstance(first, str) and isinstance(second, str):
        return f"{first}\n\n{second}" if first and second else first or second
    return [*_parts(first), *_parts(second)]


def _parts(content: Any) -> list[Any]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content)


def _in_turns(messages: list[WireMessage]) -> Iterator[WireMessage]:
    """The messages with a short turn where one is missing: behind results, and last."""
    before = ""
    for message in messages:
        role = message["role"]
        if before == "tool" and role == "user":
            yield {"role": "assistant", "content": CLOSING_TURN}
        yield message
        before = role
    if before == "assistant":
        yield {"role": "user", "content": USER_TURN}


def _shorten_ids(messages: Iterable[WireMessage]) -> None:
    for message in messages:
        for call in message.get("tool_calls", ()):
            call["id"] = _short_id(call["id"])
        if "tool_call_id" in message:
            message["tool_call_id"] = _short_id(message["tool_call_id"])


def _short_id(call_id: str) -> str:
    """Nine letters and digits, the same ones for the same id.

    vLLM itself would keep an id's last nine characters, so that `call_1` is refused and two ids may
    become one.
    """
    if re.fullmatch("[a-zA-Z0-9]{9}", call_id):
        return call_id
    return hashlib.sha256(call_id.encode("utf-8", "replace")).hexdigest()[:9]
