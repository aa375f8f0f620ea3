"""Reasoning that an engine without a reasoning parser leaves in the content.

Scaleway's serverless models report reasoning in a field of its own. A vLLM started without
a reasoning parser sends `<think>…</think>` at the head of the content instead, and chat
templates that open the block themselves leave only the closing tag. (Scaleway's page
"Fixing common issues" describes both for deepseek-r1-distill.)

Only the tags are taken out: what is between them is the reasoning, what follows is the answer,
each with its white space, as with vLLM's own parsers. Tags anywhere else are text.
"""

_OPENING = "<think>"
_CLOSING = "</think>"

_BEGIN_WITHIN_THE_BLOCK = ("deepseek-r1", "-thinking", "qwq")
"""Parts of the names of models that always think, and whose chat templates open the block, so
that only its end is in the answer (model cards; for deepseek-r1-distill also Scaleway's page)."""


class ThinkingSplitter:
    """Splits a reply into reasoning and answer, piece by piece.

    A block begins where an opening tag leads the text. For models whose replies begin within the
    block, all is held back until a closing tag shows that it was reasoning: held to a schema,
    they answer without thinking.

    Attributes:
        passes_through: Whether all that follows is answer.
    """

    def __init__(self, model: str) -> None:
        """Start at the beginning of a reply by this model."""
        self._may_begin_within = any(part in model.lower() for part in _BEGIN_WITHIN_THE_BLOCK)
        self._has_started = False
        self._is_thinking = False
        self._kept: list[str] = []  # Reasoning, if a closing tag follows.
        self._held = ""  # Text behind it in which a tag may have begun.
        self.passes_through = False

    def feed(self, text: str) -> tuple[str, str]:
        """Take the next piece of content.

        Args:
            text: The piece, of any length.

        Returns:
            The reasoning and the answer, as far as they can be told apart by now.
        """
        if self.passes_through:
            return "", text
        text, self._held = self._held + text, ""
        if not self._has_started:
            start = text.lstrip()
            if _OPENING.startswith(start) and start != _OPENING:
                self._held = text  # What follows tells whether this is the tag.
                return "", ""
            self._has_started = True
            if start.startswith(_OPENING):
                self._is_thinking = True
                text = start.removeprefix(_OPENING)
        if self._is_thinking:
            return self._think(text)
        if self._may_begin_within:
            return self._keep(text)
        self.passes_through = True
        return "", text

    def end(self) -> tuple[str, str]:
        """Take the end of the reply, or what ends all reasoning: a call, or a field for reasoning.

        Returns:
            The rest of the reasoning and of the answer.
        """
        held = "".join([*self._kept, self._held])
        self._kept, self._held, self.passes_through = [], "", True
        return (held, "") if self._is_thinking else ("", held)

    def _think(self, text: str) -> tuple[str, str]:
        reasoning, closing, answer = text.partition(_CLOSING)
        if closing:
            self._is_thinking, self.passes_through = False, True
            return reasoning, answer
        tag = text.find("<", -len(_CLOSING) + 1)
        if tag >= 0:
            text, self._held = text[:tag], text[tag:]
        return text, ""

    def _keep(self, text: str) -> tuple[str, str]:
        """Keep the text. None is searched twice and all is joined once: thoughts are long."""
        if _CLOSING in text:
            text, self._kept = "".join([*self._kept, text]), []
            return self._think(text)
        searched = max(0, len(text) - len(_CLOSING) + 1)
        self._kept.append(text[:searched])
        self._held = text[searched:]
        return "", ""
