"""Reasoning that an engine without a reasoning parser leaves in the content.

Scaleway's serverless models report reasoning in a field of its own. A vLLM started without
a reasoning parser sends `<think>…</think>` at the head of the content instead, and chat
templates that open the block themselves leave only the closing tag. (Scaleway's page
"Fixing common issues" describes both for deepseek-r1-distill.)

Only the tags are taken out: what is between them is the reasoning, what follows is the answer,
each with its white space, as with vLLM's own parsers.
"""

OPENING = "<think>"
CLOSING = "</think>"

_BEGIN_WITHIN_THE_BLOCK = ("deepseek-r1", "-thinking", "qwq")
"""Parts of the names of models that always think, and whose chat templates open the block, so
that only its end is in the answer (model cards; for deepseek-r1-distill also Scaleway's page)."""

_SENTENCE_ENDS = (".", "!", "?", "…", ":", "。")


def split_thinking(content: str, model: str = "") -> tuple[str, str]:
    r"""Split a whole reply into reasoning and answer.

    A reply that merely talks about the tags keeps them.

    Args:
        content: The content as the engine sent it.
        model: The model that was asked. If it is one that always thinks, whatever is before a
            closing tag is reasoning.

    Returns:
        Reasoning and answer; the reasoning is empty where there is none.

    Example:
        >>> split_thinking("<think>Two and two.</think>Four.")
        ('Two and two.', 'Four.')
        >>> split_thinking("Two and two.\n</think>\n\nFour.")
        ('Two and two.\n', '\n\nFour.')
        >>> split_thinking("Close it with </think>, then answer.")
        ('', 'Close it with </think>, then answer.')
    """
    stripped = content.lstrip()
    if stripped.startswith(OPENING) and _opens_a_block(stripped[len(OPENING) :]):
        reasoning, _, answer = stripped[len(OPENING) :].partition(CLOSING)
        return reasoning, answer
    reasoning, closing, answer = content.partition(CLOSING)
    if not closing:
        return "", content
    may_be_talked_about = OPENING in reasoning or not _closes_a_block(reasoning, answer)
    if may_be_talked_about and not _begins_within_the_block(model):
        return "", content
    return reasoning, answer


def _begins_within_the_block(model: str) -> bool:
    return any(part in model.lower() for part in _BEGIN_WITHIN_THE_BLOCK)


def _opens_a_block(after: str) -> bool:
    """Tell an opening tag from a sentence that begins with it: `<think> is a tag`."""
    return not (after[:1] == " " and after[1:2].islower())


def _closes_a_block(before: str, after: str) -> bool:
    """Tell a closing tag that ends a block from one that a sentence mentions."""
    before = before.rstrip(" \t")
    ended = not before or before.endswith(("\n", *_SENTENCE_ENDS))
    next_letter = after.lstrip()[:1]
    return ended and (after[:1] in ("", "\n") or next_letter.isupper() or next_letter.isdigit())


class ThinkingSplitter:
    """Splits a streamed reply into reasoning and answer, piece by piece.

    A stream can only be split at an opening tag: text that has been handed on as answer cannot
    be taken back when a closing tag follows it, so it stays answer, and so does the tag. Only for
    models whose replies are known to begin within the block, all is held back until its end.

    Attributes:
        passes_through: Whether all that follows is answer.
    """

    def __init__(self, model: str) -> None:
        """Start at the beginning of a reply by this model."""
        self._begins_within = _begins_within_the_block(model)
        self._kept: list[str] = []  # Text that is reasoning if a closing tag follows.
        self._held = ""  # Text behind it that may be the beginning of a tag.
        self._thinking = False
        self.passes_through = False

    def feed(self, text: str) -> tuple[str, str]:
        """Take the next piece of content.

        Args:
            text: The piece, of any length.

        Returns:
            The reasoning and the answer, as far as they can be told apart by now.
        """
        text = self._held + text
        self._held = ""
        if self._thinking:
            return self._feed_thinking(text)
        if self._kept:
            return self._keep(text)
        return ("", text) if self.passes_through else self._feed_start(text)

    def end(self) -> tuple[str, str]:
        """Take the end of the reply, or a tool call, before which all reasoning ends.

        Returns:
            The rest of the reasoning and of the answer.
        """
        held = "".join([*self._kept, self._held])
        self._kept, self._held = [], ""
        is_at_start = not self.passes_through
        self.passes_through = True
        if self._thinking:
            return held, ""
        return split_thinking(held) if is_at_start else ("", held)

    def answer_only(self) -> tuple[str, str]:
        """Learn that reasoning comes in a field of its own, so content is answer.

        Returns:
            The reasoning, which is empty, and the answer text that had been held back.
        """
        self.passes_through = True
        return self.end()

    def _feed_start(self, text: str) -> tuple[str, str]:
        """Take the beginning of the reply, until it is known whether it is a tag."""
        start = text.lstrip()
        if start and start[0] != "<" and not self._begins_within:  # As nearly all replies begin.
            self.passes_through = True
            return "", text
        if OPENING.startswith(start) or start == f"{OPENING} ":
            self._held = text  # What follows tells whether this is the tag.
            return "", ""
        if start.startswith(OPENING) and _opens_a_block(start[len(OPENING) :]):
            self._thinking = True
            return self._feed_thinking(start[len(OPENING) :])
        if self._begins_within:
            return self._keep(text)
        self.passes_through = True
        return "", text

    def _keep(self, text: str) -> tuple[str, str]:
        """Hold all back until a closing tag shows that it was reasoning.

        No text is searched twice, and all is joined once: the thoughts of these models are long.
        """
        if CLOSING in text:
            text, self._kept = "".join([*self._kept, text]), []
            return self._feed_thinking(text)
        searched = max(0, len(text) - len(CLOSING) + 1)
        self._kept.append(text[:searched])
        self._held = text[searched:]
        return "", ""

    def _feed_thinking(self, text: str) -> tuple[str, str]:
        reasoning, closing, answer = text.partition(CLOSING)
        if closing:
            self._thinking, self.passes_through = False, True
            return reasoning, answer
        held = _length_of_started_tag(text)
        self._held = text[len(text) - held :]
        return text[: len(text) - held], ""


def _length_of_started_tag(text: str) -> int:
    """How many characters at the end of the text may be the start of a closing tag."""
    for length in range(min(len(CLOSING) - 1, len(text)), 0, -1):
        if CLOSING.startswith(text[-length:]):
            return length
    return 0
