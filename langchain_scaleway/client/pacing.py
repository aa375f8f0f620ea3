"""`ScalewayRateLimiter`: requests at the speed of Scaleway's quotas, and no faster.

LangChain calls `acquire` before each call of a model. It tells neither how many tokens the call
will take nor when it ends. So there are two ways through one limiter, and a request takes only
one of them:

- `acquire` alone limits requests per minute. A model of another vendor gets nothing more.
- `ChatScaleway`'s client asks the `Pacer` of its key and project before each attempt, and shows
  it the request's body. Afterwards the pacer learns from the answer's headers, its usage, a
  refusal, and the end of a stream. What `acquire` has taken for the call is given back first.
"""

import hashlib
import os
import threading
import time
import weakref
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, NamedTuple, TypeVar

from langchain_core.rate_limiters import BaseRateLimiter
from pydantic import SecretStr

from langchain_scaleway.client.endpoint import Reply
from langchain_scaleway.client.quotas.estimates import Demand
from langchain_scaleway.client.quotas.lane import Lane, Waiter
from langchain_scaleway.client.quotas.quota import Limits, Quota, Turn
from langchain_scaleway.client.quotas.waiting import await_turn, wait
from langchain_scaleway.client.streams import AnswerStream, AsyncAnswerStream
from langchain_scaleway.errors import ScalewayError

Answer = TypeVar("Answer", bound=Reply | AnswerStream[Any] | AsyncAnswerStream[Any])

_ASK_AGAIN = 5.0
"""Seconds after which whoever waits asks again, even if nobody has woken it."""

_salt = os.urandom(32)
"""Salts the hashes of accounts, so that they are useless outside this process."""


class _Scope(NamedTuple):
    """What has quotas of its own: a model under a key and a project."""

    account: bytes
    model: str
    time_scale: float


_lock = threading.Lock()
_quotas: "weakref.WeakValueDictionary[_Scope, Quota]" = weakref.WeakValueDictionary()
_limiters: "weakref.WeakSet[ScalewayRateLimiter]" = weakref.WeakSet()
_permit: ContextVar[Turn | None] = ContextVar("langchain_scaleway_permit", default=None)
"""What `acquire` has taken for the call that is going on."""


class ScalewayRateLimiter(BaseRateLimiter):
    """Keeps requests, tokens and concurrency below Scaleway's quotas.

    It learns the quotas from the headers of answers; until the first answer it assumes the
    lowest that Scaleway documents. All limiters of a process share what is known about a key,
    project and model. After a refusal all of them pause, then one request tries, and when it is
    let in all go on.

    Can be given to models of other vendors too; then it limits requests per minute, by
    `requests_per_minute` or 300.

    Args:
        requests_per_minute: Requests that may start in any minute, whatever Scaleway allows.
        tokens_per_minute: Tokens of prompts and answers in any minute, likewise.
        max_concurrency: Requests at once, likewise. A stream counts until it has been read
            or closed.
        time_scale: How many of the server's seconds pass in a second. Other than 1 only in tests
            against an emulator whose time is sped up.

    Raises:
        ValueError: An argument is not positive.

    Example:
        ```python
        from langchain_scaleway import ChatScaleway, ScalewayRateLimiter

        model = ChatScaleway(
            model="mistral-small-3.2-24b-instruct-2506",
            rate_limiter=ScalewayRateLimiter(),
        )
        answers = model.batch(["What is 1 + 1?", "What is 2 + 2?"])
        ```
    """

    def __init__(
        self,
        *,
        requests_per_minute: int | None = None,
        tokens_per_minute: int | None = None,
        max_concurrency: int | None = None,
        time_scale: float = 1.0,
    ) -> None:
        self._limits = Limits(requests_per_minute, tokens_per_minute, max_concurrency)
        self._time_scale = time_scale
        for name, value in self._arguments().items():
            if value is not None and not value > 0:
                raise ValueError(f"`{name}` must be positive, not {value}.")
        self._forget()
        _limiters.add(self)

    def acquire(self, *, blocking: bool = True) -> bool:
        """Take one request from the requests per minute.

        LangChain calls it before each call of a model.

        Args:
            blocking: Whether to wait until there is one.

        Returns:
            Whether there was one.
        """
        if not blocking:
            return self._acquire_now()
        _note_permit(wait(self._acquired, Demand(), self._time_scale))
        return True

    async def aacquire(self, *, blocking: bool = True) -> bool:
        """Do what `acquire` does, asynchronously."""
        if not blocking:
            return self._acquire_now()
        _note_permit(await await_turn(self._acquired, Demand(), self._time_scale))
        return True

    def pacer(self, base_url: str, api_key: SecretStr | None) -> "Pacer":
        """Make the pacer of a client.

        Args:
            base_url: The URL up to and including `/v1`, with the project.
            api_key: The key; only a hash of it is kept.
        """
        key = api_key.get_secret_value() if api_key is not None else ""
        account = hashlib.blake2b(f"{base_url}\0{key}".encode(), key=_salt)
        return Pacer(partial(self._lane, account.digest()), self._time_scale)

    def __repr__(self) -> str:
        """Show the arguments that were given."""
        given = {name: value for name, value in self._arguments().items() if value is not None}
        if self._time_scale == 1:
            del given["time_scale"]
        return f"{type(self).__name__}({', '.join(f'{n}={v}' for n, v in given.items())})"

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Pickle the arguments alone; what is known belongs to the process."""
        return _restore, (type(self), self._arguments())

    def _arguments(self) -> dict[str, Any]:
        limits = self._limits
        return {
            "requests_per_minute": limits.requests_per_minute,
            "tokens_per_minute": limits.tokens_per_minute,
            "max_concurrency": limits.max_concurrency,
            "time_scale": self._time_scale,
        }

    def _acquire_now(self) -> bool:
        waiter = Waiter(Demand())
        self._acquired.join(waiter)
        outcome = self._acquired.try_start(waiter)
        if not isinstance(outcome, Turn):
            self._acquired.leave(waiter)
            return False
        _note_permit(outcome)
        return True

    def _lane(self, account: bytes, model: str) -> Lane:
        """The lane to a model's quota."""
        scope = _Scope(account, model, self._time_scale)
        lane = self._lanes.get(scope)
        if lane is None:
            with _lock:
                quota = _quotas.get(scope) or self._new_quota()
                _quotas[scope] = quota
                lane = self._lanes.setdefault(scope, Lane(quota, self._limits))
        return lane

    def _new_quota(self) -> Quota:
        scale = self._time_scale
        return Quota(lambda: time.monotonic() * scale, ask_again=_ASK_AGAIN * scale)

    def _forget(self) -> None:
        """Start without knowledge and without requests under way."""
        self._acquired = Lane(self._new_quota(), self._limits)  # What `acquire` lets through.
        self._lanes: dict[_Scope, Lane] = {}


class Pacer:
    """Lets the requests of one key and project through at their pace.

    Args:
        lane_of: Gives the lane to the quota of a model.
        time_scale: How many of the server's seconds pass in a second.
    """

    def __init__(self, lane_of: Callable[[str], Lane], time_scale: float) -> None:
        self._lane_of = lane_of
        self._time_scale = time_scale

    def call(self, send: Callable[[], Answer], body: Mapping[str, Any]) -> Answer:
        """Send a request when its turn has come.

        Args:
            send: Sends it, once.
            body: Its JSON body.

        Raises:
            ScalewayRateLimitError: It takes more tokens than a minute allows.
            ScalewayError: What `send` raises.
        """
        lane, demand = self._enter(body)
        turn = wait(lane, demand, self._time_scale)
        with _attempt(lane, turn):
            answer = send()
            _follow(answer, turn)
        return answer

    async def acall(self, send: Callable[[], Awaitable[Answer]], body: Mapping[str, Any]) -> Answer:
        """Do what `call` does, asynchronously."""
        lane, demand = self._enter(body)
        turn = await await_turn(lane, demand, self._time_scale)
        with _attempt(lane, turn):
            answer = await send()
            _follow(answer, turn)
        return answer

    def _enter(self, body: Mapping[str, Any]) -> tuple[Lane, Demand]:
        """Find a request's lane, and refuse the request if it can never be let through."""
        _give_back_permit()
        model = str(body.get("model"))
        lane = self._lane_of(model)
        demand = Demand.of(body)
        lane.check(demand, model)
        return lane, demand


@contextmanager
def _attempt(lane: Lane, turn: Turn) -> Iterator[None]:
    """End a request's turn when it fails, and say so if it will fail every time."""
    try:
        yield
    except BaseException as error:
        turn.fail(error)
        if isinstance(error, ScalewayError):
            explained = lane.explain(error, turn)
            if explained is not error:
                raise explained from error
        raise


def _follow(answer: Reply | AnswerStream[Any] | AsyncAnswerStream[Any], turn: Turn) -> None:
    """Learn from an answer. A whole one has ended; a stream ends its turn itself."""
    turn.answered(answer.headers)
    if isinstance(answer, Reply):
        turn.end(answer.body.get("usage"))
    else:
        answer.turn = turn


def _note_permit(turn: Turn) -> None:
    """Keep what `acquire` has taken, so that a client can give it back."""
    turn.end()  # LangChain does not tell when the call ends.
    _permit.set(turn)


def _give_back_permit() -> None:
    """Give back what `acquire` has taken, because the call is counted by the client's pacer."""
    permit = _permit.get()
    if permit is not None:
        permit.undo()
        _permit.set(None)


def _restore(cls: type[ScalewayRateLimiter], arguments: dict[str, Any]) -> ScalewayRateLimiter:
    return cls(**arguments)


def _after_fork_in_child() -> None:
    """Forget the parent's requests, and locks that its other threads may hold."""
    global _lock  # noqa: PLW0603 -- another thread may have held it while this one forked
    _lock = threading.Lock()
    _quotas.clear()
    for limiter in list(_limiters):
        limiter._forget()  # noqa: SLF001 -- a part of this module


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
