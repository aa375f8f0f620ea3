"""Characters outside the basic plane whose two halves arrive apart.

JSON may write such a character as two escapes, and a server that cuts its text by UTF-16
units puts them into two events. A Python string with one half alone is not text: it cannot
be encoded, and pydantic refuses it.
"""


class HalfCharacters:
    """Joins the halves over the pieces of one stream of text."""

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
    """The text with halves joined, and U+FFFD in the place of one that stands alone."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
