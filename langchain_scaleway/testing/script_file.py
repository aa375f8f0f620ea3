"""Steps and rules in a file, for programs in other languages."""

from pathlib import Path
from typing import Any, Final

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, PositiveInt, RootModel, model_validator

from langchain_scaleway.testing.faults import Fault
from langchain_scaleway.testing.matching import Criteria, Rule, Script
from langchain_scaleway.testing.replies import Queue, RawReply, Reply, Step

_OWN: Final = ("fault", "endpoint", "when", "times")
_OF_AN_ANSWER: Final = frozenset({"status", "headers", "body"})


class Entry(BaseModel):
    """One step in a file. The fields of its reply or answer stand beside those of the entry."""

    model_config = ConfigDict(extra="forbid")

    fault: Fault | None = None
    reply: Reply | None = None
    answer: RawReply | None = None
    endpoint: Queue = "chat"
    when: Criteria | None = None
    times: PositiveInt | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_fields_beside_one_another(cls, entry: Any) -> Any:
        entry = {"text": entry} if isinstance(entry, str) else entry
        if not isinstance(entry, dict):
            return entry
        own = {name: entry[name] for name in _OWN if name in entry}
        said = {name: value for name, value in entry.items() if name not in own}
        if not isinstance(body := said.get("body", ""), str):
            said["body"] = orjson.dumps(body)
        kind = "answer" if said.keys() & _OF_AN_ANSWER else "reply"
        return own | {kind: said} if said or own.get("fault") is None else own

    @property
    def step(self) -> Step:
        """The step; what is more than one is refused."""
        steps: list[Step] = [one for one in (self.fault, self.answer, self.reply) if one]
        if len(steps) > 1:
            raise ValueError(f"{self.fault} strikes no other step; name it among its `faults`")
        return steps[0]

    def add_to(self, script: Script) -> None:
        """Add the step to a script, as a rule if it has criteria."""
        criteria: Criteria = {"endpoint": self.endpoint, **(self.when or {})}
        if self.when is None:
            steps = [Rule(**criteria).reply(self.step, times=1) for _ in range(self.times or 1)]
            script.steps += steps
        else:
            script.rules.append(Rule(**criteria).reply(self.step, times=self.times))


class ScriptFile(RootModel[list[Entry]]):
    """What a file holds."""


def read_script(path: Path, script: Script) -> None:
    """Add the steps of a JSON or YAML file to a script.

    The file is a list. An entry is a text, or an object with the fields of `Reply`, or with the
    `status`, `headers` and `body` of an answer, or it is a `fault` such as
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
