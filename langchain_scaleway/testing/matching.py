"""What a test says about requests by what is in them: rules that answer, and assertions."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, Self, Unpack, get_args

from typing_extensions import TypedDict

from langchain_scaleway.testing.faults import Fault
from langchain_scaleway.testing.received import ReceivedRequest, UploadedFile
from langchain_scaleway.testing.replies import (
    Queue,
    RawReply,
    Reply,
    Step,
    check_endpoint,
    check_step,
)


class Criteria(TypedDict, total=False):
    """What a request must be like; all that is given must hold.

    Attributes:
        endpoint: The name of a queue, such as `embeddings`, or the end of a path, such as
            `/responses`. A rule without it is for chat completions and the Responses API.
        model: The model's name, as sent.
        contains: A part of the last user message or of a system message; of an embedding's
            texts, a rerank's query or documents, a transcription's prompt or file name.
        tool_result: A part of a tool's result since the last user message; `True` for any
            result, `False` where there must be none.
        where: A function of yours that decides.
    """

    endpoint: str
    model: str
    contains: str
    tool_result: str | bool
    where: Callable[[ReceivedRequest], bool]


class Matcher:
    """Tells whether a request is one of a kind, by `Criteria`."""

    def __init__(self, **criteria: Unpack[Criteria]) -> None:
        unknown = criteria.keys() - _MEETS.keys()
        if unknown:
            raise TypeError(f"There is no criterion {', '.join(sorted(unknown))}.")
        endpoint = criteria.get("endpoint", "/")
        if not endpoint.startswith("/"):
            check_endpoint(endpoint)
        self.criteria: dict[str, Any] = {**criteria}

    def matches(self, request: ReceivedRequest) -> bool:
        """Return whether a request meets all criteria."""
        given = self.criteria
        return all(meets(request, given[name]) for name, meets in _MEETS.items() if name in given)

    def __repr__(self) -> str:
        """Show the criteria."""
        shown = (f"{name}={value!r}" for name, value in self.criteria.items())
        return f"{type(self).__name__}({', '.join(shown)})"


class Rule(Matcher):
    """A step for all requests of a kind, whatever their order; of `chat`, if no endpoint is said.

    Attributes:
        step: What they get.
        times: How many of them; `None` for any number.
        taken: How many have got it.
    """

    def __init__(self, **criteria: Unpack[Criteria]) -> None:
        wanted: Criteria = {"endpoint": "chat", **criteria}
        super().__init__(**wanted)
        self.step: Step | None = None
        self.times: int | None = None
        self.taken = 0

    def reply(self, step: Step, *, times: int | None = None) -> Self:
        """Say what such requests get.

        Args:
            step: As for `ScalewayEmulator.script`.
            times: For how many of them; the next rule or the script is asked then. By default
                for all.
        """
        check_step(step, self.criteria["endpoint"])
        self.step, self.times = step, times
        return self

    def applies(self, request: ReceivedRequest) -> bool:
        """Return whether the rule has a step for a request."""
        is_left = self.step is not None and (self.times is None or self.taken < self.times)
        return is_left and self.matches(request)


@dataclass(slots=True)
class Script:
    """All of it is rules: those of `when`, then each step of a queue, then each queue's default.

    `failures` are the exceptions of functions, `pytest.fail` among them, and requests that should
    not have come.
    """

    strict: bool = False
    rules: list[Rule] = field(default_factory=list)
    steps: list[Rule] = field(default_factory=list)  # that no request has taken yet
    defaults: dict[str, Rule] = field(default_factory=dict)
    failures: list[BaseException] = field(default_factory=list)

    def next_step(
        self, received: ReceivedRequest, *, looks: bool = False
    ) -> Reply | RawReply | Fault | None:
        """Take the step for a request; `None` where nothing is said about it.

        One that only `looks` at what there is takes no reply, and needs none.
        """
        step: Step | None = None
        # Copies: the test's thread may say more meanwhile.
        for rule in [*self.rules, *self.steps, *self.defaults.values()]:
            if rule.applies(received) and not (looks and isinstance(rule.step, str | Reply)):
                step = rule.step
                rule.taken += 1
                if rule in self.steps:
                    self.steps.remove(rule)
                break
        else:
            if self.strict and not looks:
                raise AssertionError(f"Nothing is scripted for {received}.")
        while callable(step):
            step = step(received)
            check_step(step, received.endpoint)
        return Reply(step) if isinstance(step, str) else step

    def leftovers(self) -> Iterator[AssertionError]:
        """Yield what a test ought to fail for because too few requests came."""
        for queue in get_args(Queue):
            if steps := [rule.step for rule in self.steps if rule.criteria["endpoint"] == queue]:
                yield AssertionError(
                    f"{len(steps)} step(s) of the {queue} script were never taken: {steps}"
                )
        for rule in self.rules:
            if rule.step is not None and rule.taken < (rule.times or 1):
                counted = f"{rule.taken} of {rule.times or 'any'}"
                yield AssertionError(f"Too few requests ({counted}) came for {rule}")


def _is_at(request: ReceivedRequest, endpoint: str) -> bool:
    is_path = endpoint.startswith("/") and request.path.endswith(endpoint)
    return is_path or request.endpoint == endpoint


def _fields(request: ReceivedRequest) -> dict[str, Any]:
    """Return the fields of a body of either kind; none of a body that is neither."""
    if form := request.form:
        return dict(form)
    try:
        body = request.json
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _asks_about(request: ReceivedRequest, text: str) -> bool:
    return any(text in one for one in _asked(_fields(request)))


def _asked(body: dict[str, Any]) -> Iterator[str]:
    """Yield the texts that a request asks about."""
    turns = _turns(body)
    yield from (text for role, text in turns if role in {"system", "developer"})
    yield from [text for role, text in turns if role == "user"][-1:]
    for name in ("instructions", "query", "prompt", "documents", "input", "file"):
        value = body.get(name)
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, str | UploadedFile):
                yield one if isinstance(one, str) else one.name


def _has_result(request: ReceivedRequest, wanted: str | bool) -> bool:  # noqa: FBT001 -- a criterion
    turns = _turns(_fields(request))
    asked = max((place for place, (role, _) in enumerate(turns) if role == "user"), default=0)
    results = [text for role, text in turns[asked:] if role == "tool"]
    if isinstance(wanted, bool):
        return bool(results) is wanted
    return any(wanted in text for text in results)


def _turns(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Return roles and texts of messages or input items, in their order."""
    items = body.get("messages") or body.get("input")
    turns = []
    for item in items if isinstance(items, list) else ():
        if isinstance(item, dict):
            is_result = item.get("type") == "function_call_output"
            content = item.get("output" if is_result else "content")
            parts = content if isinstance(content, list) else [{"text": content}]
            texts = [part.get("text") for part in parts if isinstance(part, dict)]
            text = " ".join(one for one in texts if isinstance(one, str))
            turns.append(("tool" if is_result else str(item.get("role", "")), text))
    return turns


_MEETS: Final[dict[str, Callable[[ReceivedRequest, Any], bool]]] = {
    "endpoint": _is_at,
    "model": lambda request, model: _fields(request).get("model") == model,
    "contains": _asks_about,
    "tool_result": _has_result,
    "where": lambda request, function: function(request),
}
