"""Scripts in files, for apps and tests that are not in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from langchain_scaleway.testing.endpoints.base import Queue
from langchain_scaleway.testing.faults import fault_from_text
from langchain_scaleway.testing.matching import Rule
from langchain_scaleway.testing.replies import (
    FinishReason,
    RawReply,
    Reply,
    Step,
    ToolCall,
    Usage,
)
from langchain_scaleway.testing.scripts import Script


class _When(BaseModel):
    """The criteria of a rule that can be written down."""

    model_config = ConfigDict(extra="forbid")

    endpoint: str | None = None
    model: str | None = None
    contains: str | None = None
    tool_result: bool | str | None = None


class _Entry(BaseModel):
    """One step: a reply by its fields, an answer by its status and body, or a fault alone."""

    model_config = ConfigDict(extra="forbid")

    text: str | None = None
    reasoning: str | None = None
    tool_calls: list[ToolCall] = []
    finish_reason: FinishReason | None = None
    usage: Usage | None = None
    model: str | None = None
    faults: list[str] = []
    fault: str | None = None
    status: int | None = None
    headers: dict[str, str] = {}
    body: Any = b""
    endpoint: Queue = "chat"
    when: _When | None = None
    times: int | None = None

    def step(self) -> Step:
        """Return the step.

        Raises:
            ValueError: There is no such fault.
        """
        if self.fault is not None:
            return fault_from_text(self.fault)
        faults = [fault_from_text(fault) for fault in self.faults]
        if self.status is not None:
            body = self.body.encode() if isinstance(self.body, str) else orjson.dumps(self.body)
            return RawReply(self.status, self.headers, body if self.body else b"", faults)
        return Reply(
            text=self.text,
            reasoning=self.reasoning,
            tool_calls=self.tool_calls,
            finish_reason=self.finish_reason,
            usage=self.usage,
            model=self.model,
            faults=faults,
        )


def read_script(path: Path, script: Script) -> None:
    """Add the steps of a JSON or YAML file to a script.

    The file is a list. An entry is a text, or an object with the fields of `Reply`, with the
    `status`, `headers` and `body` of an answer, or with a `fault` such as
    `CutStream:after_events=3`. `endpoint` says whose requests take it; with `when` it is a rule,
    with the criteria of `ScalewayEmulator.when`, and with `times` it holds so often.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no such list; the message names the entry.
    """
    try:
        entries = yaml.safe_load(path.read_text("utf-8"))
        for entry in TypeAdapter(list[str | _Entry]).validate_python(entries):
            if isinstance(entry, str):
                script.add("chat", entry)
            elif entry.when is None:
                script.add(entry.endpoint, *[entry.step()] * (entry.times or 1))
            else:
                rule = Rule(**entry.when.model_dump(exclude_none=True))
                script.rules.append(rule.reply(entry.step(), times=entry.times))
    except (ValidationError, ValueError, yaml.YAMLError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error
