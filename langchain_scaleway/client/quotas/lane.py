"""The order in which requests take their turns.

Nothing waits in here. A waiter asks `Lane.try_start` how long to wait, waits, and asks again. It
is woken early when it may be its turn.
"""

import copy
import math
from collections import OrderedDict

from langchain_scaleway.client.quotas.estimates import Demand
from langchain_scaleway.client.quotas.headers import is_for_tokens, too_large
from langchain_scaleway.client.quotas.quota import Allowance, Limits, Quota, Turn
from langchain_scaleway.errors import ScalewayError

_MANY = 1_000
"""If more than this wait they ask less often, so that the asking takes no more time in all."""


class Waiter:
    """A request that waits for its turn.

    Args:
        demand: What it is made of.

    Attributes:
        asks_again_at: When it will ask again whether it may go.
        refusal: Why it waits in vain.
    """

    def __init__(self, demand: Demand) -> None:
        self.demand = demand
        self.asks_again_at = 0.0
        self.refusal: ScalewayError | None = None

    def wake(self) -> None:
        """Have it ask now, from whichever thread."""


class Lane:
    """The requests of one limiter to one quota: first come, first served.

    Args:
        quota: The quota.
        limits: The limits of this lane alone.
    """

    def __init__(self, quota: Quota, limits: Limits) -> None:
        self.quota = quota
        self._own = Allowance(limits)
        self._waiting: OrderedDict[Waiter, None] = OrderedDict()
        with quota.lock:
            quota.lanes.add(self)

    def check(self, demand: Demand, model: str) -> None:
        """Refuse a request that takes more than a minute allows.

        Args:
            demand: What it is made of.
            model: The model that is to be asked.

        Raises:
            ScalewayRateLimitError: It takes more, as far as the limit is known.
        """
        with self.quota.lock:
            tokens = self.quota.estimator.fewest_prompt_tokens(demand)
            limit = self._token_limit()
        if tokens > limit:
            raise too_large(tokens, limit, model)

    def join(self, waiter: Waiter) -> None:
        """Wait behind those who wait already."""
        with self.quota.lock:
            waiter.asks_again_at = self.quota.clock()
            self._waiting[waiter] = None

    def leave(self, waiter: Waiter) -> None:
        """Wait no longer."""
        self.quota.lock.run(lambda: self._remove(waiter))

    def try_start(self, waiter: Waiter) -> Turn | float:
        """Let a request through if it may go.

        Args:
            waiter: The request, which has joined this lane.

        Returns:
            Its turn, or how many seconds to wait before asking again.

        Raises:
            ScalewayRateLimitError: Scaleway has refused every request for minutes.
        """
        with self.quota.lock:
            if waiter.refusal is not None:
                raise waiter.refusal
            now = self.quota.clock()
            if self._is_first(waiter, now):
                wait = min(self.quota.ask_again, self._wait(waiter.demand, now))
            else:
                wait = self.quota.ask_again * max(1, len(self._waiting) / _MANY)
            if wait > 0:
                waiter.asks_again_at = now + wait
                return wait
            self._remove(waiter)
            return Turn(self.quota, self._own, waiter.demand, now)

    def wake_first(self) -> None:
        """Have the first in the lane ask now."""
        first = next(iter(self._waiting), None)
        if first is not None:
            soon = self.quota.clock() + self.quota.ask_again
            first.asks_again_at = min(first.asks_again_at, soon)
            first.wake()

    def turn_away(self, error: ScalewayError) -> None:
        """Let nobody in the lane wait any longer."""
        for waiter in self._waiting:
            waiter.refusal = copy.copy(error)
            waiter.wake()
        self._waiting.clear()

    def explain(self, error: ScalewayError, turn: Turn) -> ScalewayError:
        """Say so if a request was refused because it exceeds the quota of tokens by itself."""
        tokens = turn.estimate.prompt_tokens
        with self.quota.lock:
            limit = self._token_limit()
        if error.is_retryable and is_for_tokens(error) and tokens > limit:
            return too_large(tokens, limit, error.model, error)
        return error

    def _is_first(self, waiter: Waiter, now: float) -> bool:
        """Whether a request is the first, once those that no longer ask have gone to the end.

        These wait on an event loop that was stopped, or is blocked.
        """
        first = next(iter(self._waiting))
        while first is not waiter and first.asks_again_at + self.quota.ask_again < now:
            self._waiting.move_to_end(first)
            self.wake_first()
            first = next(iter(self._waiting))
        return first is waiter

    def _wait(self, demand: Demand, now: float) -> float:
        """How many seconds until the first may go; infinite if another has to end before."""
        quota, own = self.quota, self._own
        if own.places is not None and own.running >= own.places:
            return math.inf
        # A limit that the user sets stands in for Scaleway's documented one, not for a learned one.
        has_shared_places = own.places is None or quota.places.is_learned
        if has_shared_places and quota.running >= quota.places.count:
            return math.inf
        tokens = sum(quota.estimator.estimate(demand))
        waits = [quota.turnstile.wait(now)]
        for meter, shared, amount in (
            (own.requests, quota.requests, 1),
            (own.tokens, quota.tokens, tokens),
        ):
            if meter is not None:
                waits.append(meter.wait(amount, now))
            if meter is None or shared.is_learned:
                waits.append(shared.wait(amount, now))
        return max(waits)

    def _remove(self, waiter: Waiter) -> None:
        self._waiting.pop(waiter, None)
        self.wake_first()

    def _token_limit(self) -> float:
        """The most tokens that a request may ever take, as far as is known."""
        own, shared = self._own.tokens, self.quota.tokens
        return min(
            own.budget.limit if own is not None else math.inf,
            shared.budget.limit if shared.is_learned else math.inf,
        )
