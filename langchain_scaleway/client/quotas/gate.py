"""What the HTTP client asks before each attempt of a request, and tells afterwards."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from langchain_scaleway.client.quotas.dispatcher import Line
from langchain_scaleway.client.quotas.estimates import bound_of, used_tokens
from langchain_scaleway.client.quotas.refusals import hopeless, refusal_of, too_large
from langchain_scaleway.client.quotas.store import Estimate, Lease, Outcome, QuotaState
from langchain_scaleway.errors import ScalewayError, ScalewayRateLimitError
from langchain_scaleway.tokens import PromptSize, prompt_size

_TOO_MANY_REQUESTS = 429
_CLIENT_ERRORS = range(400, 500)


class Permit:
    """One attempt of a request, from its sending to the end of its answer. Nothing blocks."""

    def __init__(self, line: Line, size: PromptSize, lease: Lease) -> None:
        self._line = line
        self._size = size
        self._lease = lease
        self._has_ended = False

    def answered(self, headers: Mapping[str, str]) -> None:
        """Learn from the headers of an answer that is a success."""
        states, known = QuotaState.all_in(headers), self._line.tokens
        if (tokens := states.get("tokens")) is not None:
            if tokens.limit < known.least(self._size):
                del states["tokens"]  # It cannot be: this very request was let in.
            else:
                known.limit = tokens.limit
        self._learn(states)

    def end(
        self, usage: Mapping[str, Any] | None = None, error: ScalewayError | None = None
    ) -> None:
        """Make room for others. After the first call, further ones do nothing.

        Args:
            usage: The answer's `usage`. Without it the estimate stands, because an answer may be
                generated to its end even if nobody reads it any more.
            error: Why nothing of an answer came; not to be given once a part has come.
        """
        if self._has_ended:
            return
        self._has_ended = True
        line, in_vain = self._line, None
        outcome = Outcome(1, self._lease.estimate)
        if error is not None and error.status_code == _TOO_MANY_REQUESTS:
            outcome, in_vain = Outcome(0, Estimate(), refusal_of(error)), hopeless(error)
        elif error is not None and error.status_code in _CLIENT_ERRORS:
            self._learn({})  # It was let in.
            outcome = Outcome(1, Estimate())
        elif (used := used_tokens(usage)) is not None:
            line.tokens.learn(self._size, used)
            outcome = Outcome(1, used)
        line.dispatcher.settle(line, self._lease, outcome, in_vain)

    def _learn(self, states: dict[str, QuotaState]) -> None:
        self._line.dispatcher.learn(self._line, self._lease, states)

    def __del__(self) -> None:
        """Make room for others when the request has been abandoned."""
        self.end()


class QuotaGate:
    """Decides when each attempt of a request may be sent.

    Args:
        line_of: Gives the line to the quota of a model.
    """

    def __init__(self, line_of: Callable[[str], Line]) -> None:
        self._line_of = line_of

    def acquire(self, body: Mapping[str, Any]) -> Permit:
        """Wait until a request with this JSON body may be sent.

        Raises:
            ScalewayRateLimitError: It has more tokens than a minute allows, or every request has
                been refused for minutes.
        """
        line, size, estimate = self._enter(body)
        return Permit(line, size, line.dispatcher.acquire(line, estimate))

    async def aacquire(self, body: Mapping[str, Any]) -> Permit:
        """Wait without blocking the event loop, otherwise as `acquire`."""
        line, size, estimate = self._enter(body)
        return Permit(line, size, await line.dispatcher.aacquire(line, estimate))

    def _enter(self, body: Mapping[str, Any]) -> tuple[Line, PromptSize, Callable[[], Estimate]]:
        """Find a request's line, and refuse the request if it can never be let through."""
        model = str(body.get("model"))
        line, size = self._line_of(model), prompt_size(body)
        limit = min(line.tokens.limit, line.scope.own.tokens)
        least = line.tokens.least(size)
        if least > limit:
            raise too_large(least, limit, ScalewayRateLimitError("It was not sent.", model=model))
        return line, size, partial(line.tokens.estimate, size, bound_of(body))
