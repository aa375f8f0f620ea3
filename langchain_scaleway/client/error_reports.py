"""What the body of an error says, in whatever shape, and whether a body is an error at all.

Three shapes are known (Scaleway's page "Understanding errors" and public captures of 2026): the
gateway's flat one, whose `error` is a word; the one with an `error` object; and the older
`"object": "error"`. vLLM's own framework adds a fourth, with `detail`.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from langchain_scaleway.client.retry import INCOMPLETE_ANSWER

_BROKEN_OFF = ("abort", "error")
"""Finish reasons of answers that are not whole: vLLM's if its engine is stopped or fails (issue
57082, September 2026), and gateways', some of which put the `error` beside it."""

_MESSAGES = ("message", "msg", "error_msg")
"""What servers call what they say; the latter two are Chinese gateways'."""

_HTML_TITLE = r"(?is)<title[^>]*>(.*?)</title>"
_FRAMED = r"(?m)^(?:data|error): ?(\{.*\})\s*$"
_NESTED_TOO_DEEPLY = "(nested too deeply to be shown)"

_FIRST_CLIENT_ERROR = 400


class Report(NamedTuple):
    """What the service said, in one shape."""

    message: str
    code: str | int | None = None
    type: str | None = None
    param: str | None = None


def is_error(body: Mapping[str, Any]) -> bool:
    """Whether a JSON object that came with a success status is an error."""
    if body.get("error") or body.get("object") == "error":
        return True
    if body.get("choices") or body.get("response"):
        return _broken_off(body) is not None
    said = (isinstance(body.get(name), str) for name in _MESSAGES)
    return bool(body.get("detail")) or any(said) or _status_within(body) is not None


def report_of(text: str) -> tuple[Any, Report]:
    """Read the body of an unsuccessful answer: as JSON, where it is, and what it says."""
    body = _parse(text)
    return body, _report(body, text)


def report_within(event: Mapping[str, Any], text: str) -> tuple[int | None, Report]:
    """Read an error that came with a success status: the HTTP status that it names, and the rest.

    Args:
        event: The event or body.
        text: The same as text.
    """
    broken = _broken_off(event)
    if broken is None or broken.get("error"):
        report = _report(broken or event, text)
    else:
        reason = f"The server broke the answer off: finish_reason is {broken['finish_reason']!r}"
        report = Report(reason, type=INCOMPLETE_ANSWER)
    return _status_within(event, report.code), report


def _broken_off(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the server did not let the model finish: a choice, or the response of an event."""
    response, choices = body.get("response"), body.get("choices")
    if isinstance(response, dict) and response.get("error"):
        return response
    for choice in choices if isinstance(choices, list) else ():
        if isinstance(choice, dict) and (
            choice.get("error") or choice.get("finish_reason") in _BROKEN_OFF
        ):
            return choice
    return None


def _report(body: Any, text: str) -> Report:
    """Read one of the known shapes, or take the body as it is."""
    if not isinstance(body, dict):
        title = re.search(_HTML_TITLE, text)
        return Report((title[1] if title else text).strip() or "(the body is empty)")
    error = body.get("error")
    if isinstance(error, dict):
        return _from_fields(error, error.get("type"), text)
    if isinstance(error, str):
        # The gateway's word for the error is its type; with vLLM's 401 it is all there is.
        return _from_fields({"message": error, **body}, error, text)
    if body.get("detail"):
        return Report(_as_words(body["detail"]))
    return _from_fields(body, body.get("type"), text)


def _from_fields(fields: Mapping[str, Any], error_type: Any, text: str) -> Report:
    code = fields.get("code")
    return Report(
        message=_as_words(next(filter(None, map(fields.get, _MESSAGES)), text)),
        code=code if isinstance(code, (str, int)) else None,
        type=error_type if isinstance(error_type, str) else None,
        param=_as_words(fields["param"]) if fields.get("param") is not None else None,
    )


def _parse(text: str) -> Any:
    framed = re.search(_FRAMED, text)  # Some servers write an error as the event of a stream.
    with suppress(ValueError, RecursionError):
        return json.loads(framed[1] if framed else text)
    return text


def _status_within(event: Mapping[str, Any], code: str | int | None = None) -> int | None:
    """The HTTP status that an error inside a success names, wherever it does."""
    code, error = code or event.get("code"), event.get("error")
    places: list[Mapping[str, Any]] = [event, error] if isinstance(error, Mapping) else [event]
    named = [place.get(name) for place in places for name in ("status", "status_code")]
    for status in map(_as_words, [*named, code]):
        if len(status) == len("400") and status.isdecimal() and int(status) >= _FIRST_CLIENT_ERROR:
            return int(status)
    return None


def as_text(body: Mapping[str, Any]) -> str:
    """A body as text, for a person."""
    try:
        return json.dumps(body, ensure_ascii=False)
    except RecursionError:
        return _NESTED_TOO_DEEPLY


def _as_words(said: Any) -> str:
    """What a server said in a field that should hold text, and may hold anything."""
    try:
        return str(said)
    except RecursionError:
        return _NESTED_TOO_DEEPLY
