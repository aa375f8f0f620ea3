"""Reasoning that an engine without a reasoning parser leaves in the content.

Scaleway's serverless models report reasoning in a field of its own. A vLLM started without
a reasoning parser sends `<think>…</think>` at the head of the content instead, and chat
templates that open the block themselves leave only the closing tag. (Scaleway's page
"Fixing common issues" describes both for deepseek-r1-distill.)

Gemma 4's and Magistral's tags are other ones, and are left there in the same cases.

Only the tags are taken out: what is between them is the reasoning, what follows is the answer,
each with its white space, as with vLLM's own parsers. Tags anywhere else are text.
"""

_TAGS = {
    "<think>": "</think>",
    "<|channel>thought": "<channel|>",  # Gemma 4's (vLLM, tool_chat_template_gemma4.jinja)
    "[THINK]": "[/THINK]",  # Magistral's
}

_BEGIN_WITHIN_THE_BLOCK = ("deepseek-r1", "-thinking", "qwq")
"""Parts of the names of models that always think, and whose chat templates open the block, so
that only its end is in the answer (model cards; for deepseek-r1-distill also Scaleway's page)."""


class ThinkingSplitter:
    """Splits a reply into reasoning and answer, piece by piece.

    A block begins where an opening tag leads the text. For models whose replies begin within the
    block, all is held back until a closing tag shows that it was reasoning: held to a schema,
    they answer without thinking.

    Attributes:
        is_done: Whether all that follows is answer; no more is to be fed.
    """

    def __init__(self, model: str) -> None:
        """Start at the beginning of a reply by this model."""
        self._may_begin_within = any(part in model.lower() for part in _BEGIN_WITHIN_THE_BLOCK)
        self._is_thinking: bool | None = None
        self._closing = "</think>"
        self._kept: list[str] = []  # Reasoning, if a closing tag follows.
        self._held = ""  # The end of the text, in which a tag may have begun.
        self.is_done = False

    def feed(self, text: str) -> tuple[str, str]:
        """Take the next piece of content, of any length.

        Returns:
            The reasoning and the answer, as far as they can be told apart by now.
        """
        text, self._held = self._held + text, ""
        if self._is_thinking is None:
            start = text.lstrip()
            if start not in _TAGS and any(opening.startswith(start) for opening in _TAGS):
                self._held = text  # What follows tells whether this is the tag.
                return "", ""
            opening = next(filter(start.startswith, _TAGS), None)
            self._is_thinking = opening is not None
            if opening is not None:
                self._closing, text = _TAGS[opening], start.removeprefix(opening)
        if not self._is_thinking and not self._may_begin_within:
            self.is_done = True
            return "", text
        thought, closing, answer = text.partition(self._closing)
        if closing:
            self.is_done = True
            return "".join([*self._kept, thought]), answer
        tag = text.find(self._closing[0], -len(self._closing) + 1)
        if tag >= 0:
            thought, self._held = text[:tag], text[tag:]
        if self._is_thinking:
            return thought, ""
        self._kept.append(thought)
        return "", ""

    def end(self) -> tuple[str, str]:
        """Take the end of the reply, or what ends all reasoning: a call, or a field for reasoning.

        Returns:
            The rest of the reasoning and of the answer.
        """
        held = "".join([*self._kept, self._held])
        return (held, "") if self._is_thinking else ("", held)
