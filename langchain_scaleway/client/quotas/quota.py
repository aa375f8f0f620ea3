"""What is known of the quotas of a key, project and model, and the requests that use them.

All of it is a state machine: nothing waits in here. `Quota` holds what answers and refusals
have taught, and a `Turn` is a request that has been let through and will teach more.
"""

import logging
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from langchain_scaleway.client.quotas.budgets import Meter
from langchain_scaleway.client.quotas.estimates import Demand, TokenEstimator
from langchain_scaleway.client.quotas.headers import is_for_tokens, read_quota
from langchain_scaleway.client.quotas.lock import DeferringLock
from langchain_scaleway.client.quotas.turnstile import Places, Turnstile
from langchain_scaleway.errors import ScalewayError, ScalewayRateLimitError

logger = logging.getLogger("langchain_scaleway")

Clock = Callable[[], float]
"""Gives seconds that only go forward."""

_REQUESTS_PER_MINUTE = 300
_TOKENS_PER_MINUTE = 200_000
_REQUESTS_AT_ONCE = 100
"""The lowest quotas that Scaleway documents (page "Organization quotas", September 2026)."""

_TOO_MANY_REQUESTS = 429
_CLIENT_ERRORS = range(400, 500)


class Queue(Protocol):
    """Requests that wait for a quota."""

    def wake_first(self) -> None:
        """Have the first ask again whether it may go."""

    def turn_away(self, error: ScalewayError) -> None:
        """Let nobody wait any longer."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits that a user sets; `None` leaves one to what Scaleway says.

    Attributes:
        requests_per_minute: Requests that start in any minute.
        tokens_per_minute: Tokens of prompts and answers in any minute.
        max_concurrency: Requests at once.
    """

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    max_concurrency: int | None = None


class Allowance:
    """What one limiter allows: the limits that its user has set, and what has been used of them.

    Args:
        limits: The limits.

    Attributes:
        requests: The account of requests per minute; `None` without a limit.
        tokens: The account of tokens per minute, likewise.
        places: How many requests may run at once, likewise.
        running: How many are running.
    """

    def __init__(self, limits: Limits) -> None:
        self.requests = _meter(limits.requests_per_minute)
        self.tokens = _meter(limits.tokens_per_minute)
        self.places = limits.max_concurrency
        self.running = 0


class Quota:
    """What is known of the quotas of one key, project and model.

    Args:
        clock: The time.
        ask_again: Seconds after which whoever waits asks again, woken or not.

    Attributes:
        lock: Held by whoever looks at or changes anything in here.
        requests: The quota of requests per minute.
        tokens: The quota of tokens per minute.
        places: How many requests may run at once.
        running: How many are running.
        sent: How many have been sent so far.
        turnstile: Who may go after a refusal.
        estimator: Estimates tokens.
        lanes: Who waits.
    """

    def __init__(self, clock: Clock, ask_again: float = 5.0) -> None:
        self.clock = clock
        self.ask_again = ask_again
        self.lock = DeferringLock()
        self.requests = Meter(_REQUESTS_PER_MINUTE)
        self.tokens = Meter(_TOKENS_PER_MINUTE)
        self.places = Places(_REQUESTS_AT_ONCE)
        self.running = 0
        self.sent = 0
        self.turnstile = Turnstile()
        self.estimator = TokenEstimator()
        self.lanes: weakref.WeakSet[Queue] = weakref.WeakSet()

    def wake(self) -> None:
        """Have the first of each lane ask again."""
        for lane in self.lanes:
            lane.wake_first()

    def turn_away(self, error: ScalewayError) -> None:
        """Let nobody wait any longer: every request is refused."""
        for lane in self.lanes:
            lane.turn_away(error)


class Turn:
    """A request that has been let through, from its sending to the end of its answer.

    Args:
        quota: Scaleway's quotas, which it uses.
        allowance: The limits of its limiter, which it uses as well.
        demand: What it is made of.
        now: The time.

    Attributes:
        demand: What it is made of.
        estimate: The tokens that it is expected to take.
    """

    def __init__(self, quota: Quota, allowance: Allowance, demand: Demand, now: float) -> None:
        quota.running += 1
        quota.sent += 1
        allowance.running += 1
        quota.turnstile.enter(quota.sent, now)
        self.demand = demand
        self.estimate = quota.estimator.estimate(demand)
        self._quota = quota
        self._allowance = allowance
        self._number = quota.sent
        self._running = quota.running
        self._has_ended = False
        self._requests = [
            (meter, meter.start(1, 0, now))
            for meter in (quota.requests, allowance.requests)
            if meter is not None
        ]
        self._tokens = [
            (meter, meter.start(*self.estimate, now))
            for meter in (quota.tokens, allowance.tokens)
            if meter is not None
        ]

    def answered(self, headers: Mapping[str, str]) -> None:
        """Learn from the headers of an answer that is a success."""
        quota = self._quota
        with quota.lock:
            self._accept()
            now = quota.clock()
            for name, entries in (("requests", self._requests), ("tokens", self._tokens)):
                state = read_quota(headers, name)
                if state is not None:
                    meter, entry = entries[0]  # The shared one.
                    meter.learn(state, entry, now)
            quota.wake()

    def end(self, usage: Mapping[str, Any] | None = None) -> None:
        """Make room for others. After the first call, further ones do nothing.

        Args:
            usage: What the answer says about its tokens. Without it the estimate stands, because
                an answer may be generated to its end even if nobody reads it any more.
        """
        self._quota.lock.run(lambda: self._end(usage))

    def fail(self, error: BaseException) -> None:
        """Make room for others after a failure."""
        quota = self._quota
        if not isinstance(error, ScalewayError) or error.status_code not in _CLIENT_ERRORS:
            self.end()
            return
        with quota.lock:
            if error.status_code == _TOO_MANY_REQUESTS:
                self._refuse(error)
            else:
                self._accept()
                self._close(requests=1, prompt_tokens=0, answer_tokens=0)

    def undo(self) -> None:
        """Give the request back after its end, because it is counted elsewhere."""
        self._quota.lock.run(self._undo)

    def __del__(self) -> None:
        """Make room for others when the request has been abandoned."""
        if not self._has_ended:
            self.end()

    def _accept(self) -> None:
        self._quota.turnstile.accept(self._number)
        self._quota.places.accept()

    def _end(self, usage: Mapping[str, Any] | None) -> None:
        if self._has_ended:
            return
        prompt_tokens, answer_tokens = self.estimate
        if (tokens := _tokens_of(usage)) is not None:
            self._quota.estimator.learn(self.demand, *tokens)
            prompt_tokens, answer_tokens = tokens
        self._close(requests=1, prompt_tokens=prompt_tokens, answer_tokens=answer_tokens)

    def _undo(self) -> None:
        for meter, entry in self._requests:
            meter.give_back(entry)
        self._quota.wake()

    def _refuse(self, error: ScalewayError) -> None:
        """Learn from a refusal: the server has taken nothing, and has no room."""
        quota = self._quota
        self._close(requests=0, prompt_tokens=0, answer_tokens=0)
        reason = str(error.body)
        if "concurrent" in reason:
            quota.places.refuse(self._running)
            return
        now = quota.clock()
        pause = quota.turnstile.refuse(self._number, quota.sent, now)
        again = pause is not None and quota.turnstile.refusals > 1
        if is_for_tokens(error):
            quota.tokens.empty(now, again=again)
        elif "requests" in reason:
            quota.requests.empty(now, again=again)
        if pause is not None:
            logger.info(
                "Scaleway refuses model %r for its quota: all requests to it pause for %.1f s",
                error.model,
                pause,
            )
        if quota.turnstile.is_hopeless:
            quota.turn_away(_hopeless(error))

    def _close(self, *, requests: float, prompt_tokens: float, answer_tokens: float) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        now = self._quota.clock()
        for meter, entry in self._requests:
            meter.end(entry, requests, 0, now)
        for meter, entry in self._tokens:
            meter.end(entry, prompt_tokens, answer_tokens, now)
        self._quota.running -= 1
        self._allowance.running -= 1
        self._quota.turnstile.leave(self._number)
        self._quota.wake()


def _meter(limit: int | None) -> Meter | None:
    return None if limit is None else Meter(limit)


def _tokens_of(usage: Mapping[str, Any] | None) -> tuple[int, int] | None:
    """The tokens of prompt and answer, where an answer says them."""
    if not isinstance(usage, Mapping):
        return None
    prompt_tokens, answer_tokens = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if isinstance(prompt_tokens, int) and isinstance(answer_tokens, int):
        return prompt_tokens, answer_tokens
    return None


def _hopeless(error: ScalewayError) -> ScalewayRateLimitError:
    """The same refusal, for all who wait behind the one that got it."""
    message = (
        f"Scaleway has refused every request to model {error.model!r} for minutes, longer than "
        f"a quota per minute lasts. A budget may be used up. Its last words: {error.message}"
    )
    refusal = ScalewayRateLimitError(
        message,
        status_code=error.status_code,
        code=error.code,
        type=error.type,
        model=error.model,
        body=error.body,
        response=error.response,
    )
    refusal.is_retryable = False
    return refusal
