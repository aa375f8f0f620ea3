"""Requests' bodies, read as vLLM reads them: with Pydantic, whose errors are its answers."""

from __future__ import annotations

import json
from typing import Any, Final, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import ErrorDetails

from langchain_scaleway.testing.refusals import Refusal, engine_refusal

_MOST_ERRORS: Final = 10  # vLLM lists so many validation errors and counts the rest


_PLAIN_TYPES: Final = frozenset({"str", "int", "float", "bool"})


class RequestModel(BaseModel):
    """A request's body; fields that it does not declare are ignored, as Scaleway does."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


RequestT = TypeVar("RequestT", bound=RequestModel)


def validate(model: type[RequestT], body: dict[str, Any]) -> RequestT:
    """Read a body with a Pydantic model.

    Raises:
        Refusal: It does not fit; in the words of vLLM, whose requests are Pydantic's, too.
    """
    try:
        return model.model_validate(body)
    except ValidationError as error:
        raise invalid(*error.errors(include_url=False)) from None


def invalid(*errors: ErrorDetails) -> Refusal:
    """Refuse with Pydantic's errors as vLLM 0.32 lists them (recordings `err_*`)."""
    lines, param = [], ""
    for error in errors[:_MOST_ERRORS]:
        place = ".".join(("body", *filter(_is_shown, map(str, error["loc"]))))
        param = param or place
        shown = {"type": error["type"], "loc": place, "msg": error["msg"]}
        shown["input"] = _shown(error["input"])
        if context := error.get("ctx"):
            shown["ctx"] = {name: str(value) for name, value in context.items()}  # type: ignore[assignment]  # the one value that is not a text
        lines.append(f"\n  {shown}")
    if len(errors) > _MOST_ERRORS:
        lines.append(f"\n  ...and {len(errors) - _MOST_ERRORS} more errors")
    counted = f"{len(errors)} validation error{'s' if len(errors) > 1 else ''}:"
    return engine_refusal(counted + "".join(lines), param=param, kind="Bad Request")


def _is_shown(step: str) -> bool:
    """Return whether vLLM shows a step of an error's place: not the plain types of a union."""
    return step not in _PLAIN_TYPES and "[" not in step


def _shown(value: Any) -> str:
    """Show an input as vLLM does."""
    if isinstance(value, dict | list):
        return f"<{type(value).__name__} of {len(value)} items>"
    return str(value)


def json_object(body: bytes, media_type: str) -> dict[str, Any]:
    """Read a body as vLLM does.

    Raises:
        Refusal: It is no JSON object.
    """
    if media_type.partition(";")[0].strip() != "application/json":
        message = "Unsupported Media Type: Only 'application/json' is allowed"
        raise engine_refusal(f"1 validation error:\n  {message}", kind="Bad Request")
    if not body:
        raise invalid({"type": "missing", "loc": (), "msg": "Field required", "input": None})
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise _not_json(body) from None
    if not isinstance(value, dict):
        sentence = "Input should be a valid dictionary"
        raise invalid({"type": "dict_type", "loc": (), "msg": sentence, "input": value})
    return value


def _not_json(body: bytes) -> Refusal:
    """Refuse a body in the words of Python's own JSON module, which vLLM reads it with."""
    place, reason = 0, "Expecting value"
    try:
        json.loads(body)
    except json.JSONDecodeError as error:
        place, reason = error.pos, error.msg
    except UnicodeDecodeError as error:
        place, reason = error.start, error.reason
    except RecursionError:
        reason = "Recursion limit reached"
    details: ErrorDetails = {
        "type": "json_invalid",
        "loc": (place,),
        "msg": "JSON decode error",
        "input": {},
        "ctx": {"error": reason},
    }
    return invalid(details)
