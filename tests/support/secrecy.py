"""Looks for a secret in everything that hangs on an object."""

import traceback
import types
from collections.abc import Iterator, Mapping
from typing import Any

CANARY = "canary-5ca1e0a1-7e57-4000-8000-0123456789ab"
"""A key that must not turn up anywhere."""

_NOT_WALKED = (types.ModuleType, types.FunctionType, types.TracebackType, types.FrameType, type)
_DEEPEST = 12
"""Steps from the object, after which the walk ends."""


def is_in(text: str | bytes) -> bool:
    """Whether the canary is in a text."""
    return CANARY in text if isinstance(text, str) else CANARY.encode() in text


def leaks_of(error: BaseException) -> list[str]:
    """Where an exception gives the canary away: in words, in attributes, in its causes."""
    texts = {
        "str": str(error),
        "repr": repr(error),
        "traceback": "".join(traceback.format_exception(error)),
        "notes": str(getattr(error, "__notes__", "")),
    }
    return [name for name, text in texts.items() if is_in(text)] + list(leaks_in(error))


def leaks_in_locals(error: BaseException) -> list[str]:
    """Where the canary is among the local variables of all frames but the tests' own.

    Some tracebacks show them, such as rich's and those of error trackers.
    """
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    return [
        f"{frame.name}: {name}"
        for frame in _frames(told)
        if "/tests/" not in frame.filename
        for name, text in (frame.locals or {}).items()
        if is_in(text)
    ]


def _frames(told: traceback.TracebackException | None) -> Iterator[traceback.FrameSummary]:
    if told is not None:
        yield from told.stack
        yield from _frames(told.__cause__)
        yield from _frames(told.__context__)


def leaks_in(value: Any) -> Iterator[str]:
    """The paths to all texts with the canary that can be reached from a value.

    Objects are walked by their attributes, exceptions by their causes as well. What has to
    hold the key to do its work, `SecretStr`, is passed over.
    """
    yield from _walk(value, type(value).__name__, set(), 0)


def _walk(value: Any, path: str, seen: set[int], depth: int) -> Iterator[str]:
    if isinstance(value, (str, bytes, bytearray)):
        if is_in(bytes(value) if isinstance(value, bytearray) else value):
            yield path
        return
    if id(value) in seen or depth > _DEEPEST or isinstance(value, _NOT_WALKED):
        return
    if type(value).__name__ == "SecretStr":
        return
    seen.add(id(value))
    for name, part in _parts(value):
        yield from _walk(part, f"{path}{name}", seen, depth + 1)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield ".keys()", key
            yield f"[{key!r:.40}]", item
    elif isinstance(value, (list, tuple, set, frozenset)):
        for place, item in enumerate(value):
            yield f"[{place}]", item
    if isinstance(value, BaseException):
        yield ".args", value.args
        yield ".__cause__", value.__cause__
        yield ".__context__", value.__context__
    for name, attribute in getattr(value, "__dict__", {}).items():
        yield f".{name}", attribute
    for kind in type(value).__mro__:
        for name in _slots(kind):
            if hasattr(value, name):
                yield f".{name}", getattr(value, name)


def _slots(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    names = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in names if not name.startswith("__"))
