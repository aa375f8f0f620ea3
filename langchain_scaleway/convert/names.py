"""Tool names: from the caller's to those that every engine accepts, and back."""

import hashlib
import re
from collections.abc import Iterable

_LONGEST = 64
_ILLEGAL = re.compile(r"[^A-Za-z0-9_-]")
_DIGEST = 8
"""Hexadecimal digits that tell two names apart which would otherwise become one."""

_CHANNEL = re.compile(r"<\|.*", re.DOTALL)
_NAMESPACE = "functions."


class ToolNames:
    """A request's tool names as every engine accepts them, and back.

    OpenAI's API takes letters, digits, underscores and dashes, at most 64 of them; Mistral's
    validation and vLLM's grammars hold tools to it. LangChain's users have more: `Page[Invoice]`,
    `files.read`, names in their own alphabet.

    Example:
        >>> names = ToolNames(["Page[Invoice]"])
        >>> names.to_wire("Page[Invoice]"), names.from_wire("Page_Invoice_")
        ('Page_Invoice_', 'Page[Invoice]')
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        """Work out the names of the bound tools, given as the caller has them."""
        self._to_wire: dict[str, str] = {}
        self._from_wire: dict[str, str] = {}
        # Legal names keep theirs. The order of the others must not matter: a prompt cache is
        # good for as long as each tool has the same name in every request.
        for name in sorted(set(names), key=lambda name: (legal_name(name) != name, name)):
            self._to_wire[name] = wire = self.to_wire(name)
            self._from_wire[wire] = name

    def to_wire(self, name: str) -> str:
        """The name to send: itself if it is legal, else a legal one that no bound tool has.

        Histories hold names of tools that are not bound, too.
        """
        if name in self._to_wire:
            return self._to_wire[name]
        wire = legal_name(name)
        if wire != name and wire in self._from_wire:
            digest = hashlib.sha256(name.encode(errors="surrogatepass")).hexdigest()[:_DIGEST]
            wire = f"{wire[: _LONGEST - _DIGEST - 1]}_{digest}"
        return wire

    def from_wire(self, name: str) -> str:
        """The caller's name of the tool that a model calls; an unknown name stays as it is.

        gpt-oss's own markup may cling to a name, as in `functions.get_weather` and
        `get_weather<|channel|>commentary`, and the line break that GLM writes behind it. They are
        cut off where the rest is a bound tool.
        """
        bare = _CHANNEL.sub("", name).strip().removeprefix(_NAMESPACE)
        return self._from_wire.get(name) or self._from_wire.get(bare, name)


def legal_name(name: str) -> str:
    """A name with an underscore for every character that engines refuse, cut to their length."""
    return _ILLEGAL.sub("_", name)[:_LONGEST] or "_"
