"""LangChain messages -> the `messages` of a chat request.

The history is passed through once, and none of the caller's objects is changed. What a person
has just put into a human message and Scaleway cannot take is refused here, before a request goes
out. What programs put into a history (models, tools, middleware, other providers) is never
refused: it would be refused again in every later turn, and the conversation would be lost.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.messages import (
    AIMessage,
    BaseMessage,
    ChatMessage,
    FunctionMessage,
    HumanMessage,
    RemoveMessage,
    SystemMessage,
    ToolMessage,
)

from langchain_scaleway.convert.assistant import Call, said_by
from langchain_scaleway.convert.content import (
    INPUTS,
    Part,
    UnsendableError,
    joined,
    part_of,
    parts_of,
    shown,
    standard_blocks,
)
from langchain_scaleway.convert.dialects import Block, whole_characters
from langchain_scaleway.convert.names import ToolNames
from langchain_scaleway.convert.templates import Template, fit, template_of

WireMessage = dict[str, Any]

_OTHER_ROLES = {
    "developer": "system",
    "human": "user",
    **dict.fromkeys(("ai", "model"), "assistant"),
    "function": "tool",
}
"""What chat messages call the roles: OpenAI's, LangChain's and Gemini's names."""

_TYPES = ("human", "ai", "system", "tool", "function")
"""Types of messages that have lost their class, as in a Pydantic state of `list[BaseMessage]`."""


def messages_to_wire(
    messages: Sequence[BaseMessage],
    *,
    family: str | None = None,
    inputs: frozenset[str] = INPUTS,
    most_images: int | None = None,
    replay_reasoning: bool | None = None,
    names: ToolNames | None = None,
    on_left_out: Callable[[str], None] | None = None,
) -> list[WireMessage]:
    """Convert a history for a chat request.

    - Content is a list of parts in user messages, which may hold images, and a text in all others.
    - Names are sent. Ids, metadata, artifacts and a tool's status are not; the text of a failed
      tool call says that it failed.
    - What OpenAI calls `developer` is a system message, and what it called `function` is a tool's:
      many chat templates leave messages of these roles out without a word.
    - Results of tools in a human message, as Anthropic has them, are tool messages before it.
    - Pictures that tools returned go into a user message behind all results of the turn: vLLM
      0.33 takes them in a tool message, for some models; the Mistral family does not.
    - A line of text takes the place of what the model cannot be shown, except in the last human
      message, if it is not answered yet.

    Args:
        messages: The history, by this or any other provider's models.
        family: The family of the model's chat template, a key of `TEMPLATES`; see `fit`.
        inputs: What the model reads besides text, of `INPUTS`.
        most_images: How many images a request may hold; lines take the place of the oldest.
        replay_reasoning: Whether to send earlier reasoning back to the model. `None` is for that
            since the last human message, if the template reads it.
        names: The names of the request's tools; those in the history are made legal, too.
        on_left_out: Called with the kind of each block of an earlier human message, or of a
            system message, in whose place a line goes out.

    Raises:
        ValueError: The last human message, not answered yet, holds something that Scaleway
            cannot take, or a message is of no known type. The text names it and says what to do.

    Example:
        >>> messages_to_wire([HumanMessage("Hi!"), AIMessage("Hello.")])
        [{'role': 'user', 'content': 'Hi!'}, {'role': 'assistant', 'content': 'Hello.'}]
    """
    roles = [_role_of(message, position) for position, message in enumerate(messages)]
    last_reply = max((n for n, role in enumerate(roles) if role == "assistant"), default=-1)
    last_question = max((n for n, role in enumerate(roles) if role == "user"), default=-1)
    template = template_of(family)
    wire = _Wire(inputs, names or ToolNames(), on_left_out)
    for position, (role, message) in enumerate(zip(roles, messages, strict=True)):
        content, name = message.content, message.name
        if role == "assistant":
            in_run = template.reads_reasoning and position > last_question
            replayed = in_run if replay_reasoning is None else replay_reasoning
            wire.add_reply(message, template if replayed else None)
        elif role == "tool":
            call_id = getattr(
                message, "tool_call_id", message.additional_kwargs.get("tool_call_id")
            )
            wire.add_result(call_id, content, name)
        elif role == "system":
            wire.add(role, joined(parts_of(content, frozenset(), on_left_out)), name)
        else:
            # Never refused: what another model took before, what a program wrote (a summary), and
            # what was refused before the user wrote something else.
            is_last = position == last_question > last_reply
            is_new = is_last and "lc_source" not in message.additional_kwargs
            if isinstance(content, str):
                wire.add(role, content if is_new else whole_characters(content), name)
                continue
            try:
                wire.add_blocks(role, content, name, is_new=is_new)
            except UnsendableError as error:
                kind = type(message).__name__
                raise ValueError(f"messages[{position}] ({kind}): {error}") from error
    wire.end_turn()
    if most_images is not None:
        wire.leave_out_images(most_images, keep_last=last_question > last_reply)
    return fit(wire.messages, family)


def readable_inputs(profile: Mapping[str, Any] | None) -> frozenset[str]:
    """What a model reads besides text, by its profile; what is not known is taken for granted."""
    known = profile or {}
    return frozenset(kind for kind in INPUTS if known.get(f"{kind}_inputs") is not False)


def readable_message(message: BaseMessage) -> WireMessage:
    """What there is to read in a message that cannot be sent: its parts, its calls, and files."""
    files: list[Part] = []
    parts = parts_of(message.content, INPUTS, lambda _: files.append({"type": "file"}))
    return {"content": [*parts, *files], **message.model_dump(include={"tool_calls"})}


def _role_of(message: BaseMessage, position: int) -> str:
    match message:
        case HumanMessage():
            return "user"
        case AIMessage():
            return "assistant"
        case ToolMessage() | FunctionMessage():
            return "tool"
        case SystemMessage():
            return "system"
        case ChatMessage():
            return _OTHER_ROLES.get(message.role, message.role)
    if type(message) is BaseMessage and message.type in _TYPES:
        return _OTHER_ROLES.get(message.type, message.type)
    problem = (
        "It deletes a message from a graph's state. Apply it to the history, as LangGraph's "
        "`add_messages` does, and send the rest."
        if isinstance(message, RemoveMessage)
        else "No role on Scaleway fits this type. "
        "Use a system, human, AI, tool or chat message, or a subclass of one."
    )
    raise ValueError(f"messages[{position}] ({type(message).__name__}): {problem}")


class _Wire:
    """The messages of a request, as they come together."""

    def __init__(
        self,
        inputs: frozenset[str],
        names: ToolNames,
        on_left_out: Callable[[str], None] | None,
    ) -> None:
        self.messages: list[WireMessage] = []
        self._inputs = inputs
        self._names = names
        self._on_left_out = on_left_out
        self._open: list[tuple[Call, str]] = []  # The last calls without a result; their new ids.
        self._pictures: list[Part] = []  # What tools have returned in this turn.

    def add(self, role: str, content: str | list[Part], name: str | None) -> WireMessage:
        self.end_turn()
        message = {"role": role, "content": content, **({"name": name} if name else {})}
        self.messages.append(message)
        return message

    def end_turn(self) -> None:
        """No more results come of the last calls."""
        self._open = []
        if self._pictures:
            self.messages.append({"role": "user", "content": self._pictures})
            self._pictures = []

    def leave_out_images(self, most: int, *, keep_last: bool) -> None:
        """Put lines in the place of the oldest images, so that no more are left than a model takes.

        An agent that looks at screenshots comes to the limit within a run. What a person has just
        asked about goes out: the server says what is wrong with it.
        """
        asked = self.messages[-1] if keep_last else None
        images = [
            (message, number)
            for message in self.messages
            if isinstance(message["content"], list)
            for number, part in enumerate(message["content"])
            if part["type"] == "image_url"
        ]
        for message, number in images[: max(len(images) - most, 0)]:
            if message is not asked:
                block = {"type": "image", **message["content"][number]["image_url"]}
                line = shown(block, frozenset(), self._on_left_out)
                message["content"][number] = line

    def add_blocks(
        self, role: str, content: list[str | Block], name: str | None, *, is_new: bool
    ) -> None:
        """Add a message of content parts, behind the tool results that it holds."""
        parts: list[Part] = []
        has_results = False
        for block in standard_blocks(content):
            if block.get("type") == "tool_result":
                has_results = True
                self.add_result(block["tool_use_id"], block["content"], None)
            elif part := (
                part_of(block) if is_new else shown(block, self._inputs, self._on_left_out)
            ):
                parts.append(part)
        if parts or not has_results:
            self.add(role, parts or "", name)  # No server takes an empty list.

    def add_result(self, call_id: Any, content: Any, name: str | None) -> None:
        parts = parts_of(content, self._inputs)
        pictures = [part for part in parts if part["type"] != "text"]
        if pictures:
            intro = {"type": "text", "text": f"{name or 'A tool'} returned:"}
            self._pictures += [intro, *pictures]
        message = {"role": "tool", "tool_call_id": self._answered(call_id, name)}
        message["content"] = joined(parts)
        if name:
            message["name"] = self._names.to_wire(name)
        self.messages.append(message)

    def _answered(self, call_id: Any, name: str | None) -> str:
        """The id of the call that a result answers.

        Not every result says it: a `FunctionMessage`, a chat message with the role "tool", those of
        providers whose calls have no ids, or one id for two. Then it is the first call that has no
        result yet, of the function's name if there is one; "" without any.
        """
        given = whole_characters(call_id) if isinstance(call_id, str) else ""
        fitting = [one for one in self._open if given in ("", one[0].id)]
        if not fitting:
            return given
        answered = min(fitting, key=lambda one: one[0].name != name)
        self._open.remove(answered)
        return answered[1]

    def add_reply(self, message: BaseMessage, replayed_for: Template | None) -> None:
        """Add what an assistant said; its reasoning only for a template that reads it."""
        text, calls, reasoning = said_by(message)
        # A message that is all tool calls gets "", which vLLM takes (recording
        # `tool_result_turn_empty_content`) and every chat template can print.
        wire = self.add("assistant", text, message.name)
        if calls:
            wire["tool_calls"] = [
                self._wire_call(call, number) for number, call in enumerate(calls)
            ]
        if replayed_for and (reasoning or (calls and replayed_for.demands_reasoning)):
            wire["reasoning"] = reasoning

    def _wire_call(self, call: Call, number: int) -> WireMessage:
        taken = {"", *(wire_id for _, wire_id in self._open)}
        call_id = f"call{len(self.messages) - 1}n{number}" if call.id in taken else call.id
        self._open.append((call, call_id))
        function = {"name": self._names.to_wire(call.name), "arguments": call.arguments}
        return {"id": call_id, "type": "function", "function": function}
