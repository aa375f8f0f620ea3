"""Characters such as emoji whose two halves (surrogates) arrive apart.

JSON may write a character beyond U+FFFF as two escapes, and a server that cuts its text between
them puts them into two events. A Python string with one half alone is not valid text: it cannot
be encoded, and pydantic refuses it.
"""


class HalfCharacters:
    """Joins halves that arrive in different pieces of one stream of text."""

    def __init__(self) -> None:
        """Start with no half waiting."""
        self._waiting = ""

    def join(self, text: str) -> str:
        """Take the next piece, and return it with whole characters only."""
        if text.isascii() and not self._waiting:
            return text
        text = self._waiting + text
        self._waiting = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        return whole_characters(text[: len(text) - len(self._waiting)])

    def end(self) -> str:
        """Take the end, and return U+FFFD for a half that still waits."""
        waiting, self._waiting = self._waiting, ""
        return whole_characters(waiting)


def whole_characters(text: str) -> str:
    """The text with halves joined, and U+FFFD in place of a half without its other one."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
