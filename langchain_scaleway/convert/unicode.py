"""Text that cannot be encoded, because it holds half of a character."""


def whole_characters(text: str) -> str:
    """The text with halves joined, and U+FFFD in place of a half without its other one.

    Models write characters beyond U+FFFF as two escapes in the JSON of arguments, and may stop
    after the first.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
