"""Values found in a prompt, for arguments that look as if the prompt had been understood."""

from __future__ import annotations

import re
from typing import Final

_READ_CHARACTERS: Final = 4000
_NUMBER: Final = re.compile(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.]*\w)")
_QUOTED: Final = re.compile(r"(?<!\w)(?:'([^'\n]+)'|\"([^\"\n]+)\"|“([^”\n]+)”)(?!\w)")
# Capitalised words, except the first word of a sentence.
_NAME: Final = re.compile(r"(?<=[\w,;] )[A-Z][\w-]*(?: [A-Z][\w-]*)*")


class Hints:
    """Numbers, quoted phrases and names of a prompt, each handed out once.

    Example:
        >>> hints = Hints("Add 3 to the order of 'Ada', please.")
        >>> hints.numbers, hints.phrases
        ([3.0], ['Ada'])
    """

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt[:_READ_CHARACTERS]
        self.numbers = [float(number) for number in _NUMBER.findall(self.prompt)]
        quoted = ["".join(groups) for groups in _QUOTED.findall(self.prompt)]
        self.phrases = quoted or _NAME.findall(self.prompt)

    def mentions(self, value: object) -> bool:
        """Return whether the prompt contains a text."""
        return isinstance(value, str) and bool(value) and value.lower() in self.prompt.lower()
