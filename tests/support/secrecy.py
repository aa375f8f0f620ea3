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

_DEEPEST_SHOWN = 4
"""Steps from a variable, after which error trackers show nothing more."""


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

    Some tracebacks show them, such as rich's; error trackers show their items, too.
    """
    return [
        f"{frame.f_code.co_name}: {name}"
        for frame in _frames(error)
        if "/tests/" not in frame.f_code.co_filename
        for name, value in frame.f_locals.items()
        if any(map(is_in, _shown(value)))
    ]


def _frames(error: BaseException | None) -> Iterator[types.FrameType]:
    if error is not None:
        yield from (frame for frame, _ in traceback.walk_tb(error.__traceback__))
        yield from _frames(error.__cause__)
        yield from _frames(error.__context__)


def _shown(value: Any, depth: int = 0) -> Iterator[str]:
    yield repr(value)
    if depth < _DEEPEST_SHOWN:
        items = value.values() if isinstance(value, dict) else value
        for item in items if isinstance(value, (dict, list, tuple)) else ():
            yield from _shown(item, depth + 1)


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
