"""Steps and rules in a file, for programs in other languages."""

from dataclasses import fields
from pathlib import Path
from typing import Any, Final, Self

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt, RootModel, model_validator

from langchain_scaleway.testing.chance import fault_from_text
from langchain_scaleway.testing.matching import Criteria, Rule
from langchain_scaleway.testing.replies import (
    FinishReason,
    Queue,
    RawReply,
    Reply,
    Step,
    ToolCall,
    Usage,
)
from langchain_scaleway.testing.scripts import Script

_ANSWER: Final = frozenset({"status", "headers", "body"})
# The fields that may stand together, besides those that say when the step is taken.
_KINDS: Final = (
    frozenset({"fault"}),
    _ANSWER | {"faults"},
    frozenset(one.name for one in fields(Reply)),
)


class Entry(BaseModel):
    """One step in a file: the fields of a reply, of an answer with a status, or a fault alone."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] = []
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    model: str | None = None
    faults: list[str] = []
    fault: str | None = None
    status: int = 200
    headers: dict[str, str] = {}
    body: Any = b""
    endpoint: Queue = "chat"
    when: Criteria | None = None
    times: PositiveInt | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_a_text(cls, entry: object) -> object:
        return {"text": entry} if isinstance(entry, str) else entry

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        given = self.model_fields_set - {"endpoint", "when", "times"}
        if not any(given <= kind for kind in _KINDS):
            raise ValueError(f"{', '.join(sorted(given))} do not go together")
        return self

    def step(self) -> Step:
        """Return the step.

        Raises:
            ValueError: There is no such fault.
        """
        if self.fault is not None:
            return fault_from_text(self.fault)
        faults = [fault_from_text(text) for text in self.faults]
        if not self.model_fields_set & _ANSWER:
            reply = {one.name: getattr(self, one.name) for one in fields(Reply)}
            return Reply(**reply | {"faults": faults})
        body = self.body if isinstance(self.body, bytes) else orjson.dumps(self.body)
        body = self.body.encode() if isinstance(self.body, str) else body
        return RawReply(self.status, self.headers, body, faults)

    def add_to(self, script: Script) -> None:
        """Add the step to a script, as a rule if it has criteria.

        Raises:
            TypeError: It cannot answer requests of its endpoint.
            ValueError: There is no such fault or endpoint.
        """
        if self.when is None:
            script.add(self.endpoint, *[self.step()] * (self.times or 1))
        else:
            criteria: Criteria = {"endpoint": self.endpoint, **self.when}
            rule = Rule(**criteria)
            script.rules.append(rule.reply(self.step(), times=self.times))


class ScriptFile(RootModel[list[Entry]]):
    """What a file holds."""


def read_script(path: Path, script: Script) -> None:
    """Add the steps of a JSON or YAML file to a script.

    The file is a list. An entry is a text, or an object with the fields of `Reply`, with the
    `status`, `headers` and `body` of an answer, or with a `fault` such as
    `CutStream:after_events=3`. `endpoint` says whose requests take it; with `when` it is a rule,
    with the criteria of `ScalewayEmulator.when`, and with `times` it holds so often.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no such list; the message names the entry, from 0.
    """
    try:
        for entry in ScriptFile.model_validate(_loaded(path.read_bytes())).root:
            entry.add_to(script)
    except (ValueError, yaml.YAMLError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error


def _loaded(text: bytes) -> Any:
    """Read JSON, whose tabs and surrogates a reader of YAML does not take, or else YAML."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return yaml.safe_load(text)
