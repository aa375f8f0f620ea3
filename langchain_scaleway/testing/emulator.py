"""`ScalewayEmulator`: the emulator as tests use it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Final, Self, Unpack

from anyio.from_thread import start_blocking_portal

from langchain_scaleway.testing.matching import Criteria, Matcher, Rule
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.replies import Queue, Step
from langchain_scaleway.testing.server import EmulatorServer
from langchain_scaleway.testing.service import EmulatedService

_POLL_SECONDS: Final = 0.005


class ScalewayEmulator(EmulatedService):
    """An HTTP server on this machine that answers as Scaleway's Generative APIs do.

    It runs in a thread of its own, from `start` or `with` to `stop`. It has no model: unless a test
    scripts its replies it obeys the form of each request, always in the same way. Its keyword
    arguments are those of `EmulatorSettings`.

    Attributes:
        statuses: How many answers each HTTP status has had.
    """

    _server: EmulatorServer | None = None
    _running: ExitStack | None = None

    def start(self, host: str = "127.0.0.1", port: int = 0) -> Self:
        """Start to serve, on a free port unless one is given.

        Raises:
            RuntimeError: The emulator runs already.
            OSError: It cannot listen there.
        """
        if self._running is not None:
            raise RuntimeError("The emulator runs already.")
        self._server = EmulatorServer(self, host, port)
        with ExitStack() as stack:
            portal = stack.enter_context(start_blocking_portal(name="scaleway-emulator"))
            stack.enter_context(portal.wrap_async_context_manager(self._server.serving()))
            self._running = stack.pop_all()
        return self

    def stop(self) -> None:
        """Close all connections and stop; what was received stays readable."""
        if self._running is not None:
            self._running.close()
            self._running = None

    def __enter__(self) -> Self:
        """Start to serve."""
        return self.start()

    def __exit__(self, error_type: type[BaseException] | None, *_: object) -> None:
        """Stop, and `verify` without leftovers unless something else has been raised."""
        self.stop()
        if error_type is None:
            self.verify(leftover=False)

    def verify(self, *, leftover: bool = True) -> None:
        """Check that everything went as the test said.

        Args:
            leftover: Whether steps that no request took count.

        Raises:
            ExceptionGroup: The exceptions of functions that were to answer, requests that
                nothing was scripted for although `strict` is set, and steps that are left. It is a
                `BaseExceptionGroup` where a function ended the test, as `pytest.fail` does.
        """
        problems = [*self.scripts.failures, *(self.scripts.leftovers() if leftover else ())]
        if problems:
            raise BaseExceptionGroup("The emulator was not used as the test says", problems)

    # --- Where it is ----------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """The URL to give to a client, with `/v1`."""
        return f"{self._origin}/v1"

    @property
    def project_url(self) -> str:
        """The project-scoped URL to give to a client."""
        return f"{self._origin}/{self.project_id}/v1"

    @property
    def _origin(self) -> str:
        if self._server is None:
            raise RuntimeError("The emulator has not been started.")
        host, port = self._server.address
        return f"http://{host}:{port}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables with which an app finds the emulator instead of Scaleway."""
        return {"SCW_SECRET_KEY": self.api_key or "", "SCALEWAY_BASE_URL": self.base_url}

    # --- What it shall answer -------------------------------------------------------------

    def script(self, *steps: Step, endpoint: Queue = "chat") -> None:
        """Say what the next requests get, in their order of arrival.

        A step answers a request that Scaleway would accept; one that is refused (for its key,
        its parameters, a quota) leaves the script alone.

        Args:
            *steps: A text, a `Reply`, a `RawReply`, a fault that hits an ordinary reply, or
                a function from the `ReceivedRequest` to one of these. Functions run on the
                server's thread and must not wait.
            endpoint: Whose requests take the steps; `chat` is for chat completions and the
                Responses API.

        Raises:
            TypeError: One is no step, and none has been taken over.
            ValueError: There is no such endpoint.
        """
        self.scripts.steps += [Rule(endpoint=endpoint).reply(step, times=1) for step in steps]

    def respond_with(
        self, function: Callable[[ReceivedRequest], Step] | None, *, endpoint: Queue = "chat"
    ) -> None:
        """Answer requests beyond the script with a function; `None` for the default again."""
        rule = Rule(endpoint=endpoint)
        self.scripts.defaults[endpoint] = rule if function is None else rule.reply(function)

    def when(self, **criteria: Unpack[Criteria]) -> Rule:
        """Say what requests of a kind get, in whatever order they come.

        Parallel branches of an app make the order of a script a matter of chance; rules are asked
        before it, the first one first.

        Args:
            **criteria: `endpoint`, `model`, `contains`, `tool_result`, `where`: see `Criteria`.
        """
        rule = Rule(**criteria)
        self.scripts.rules.append(rule)
        return rule

    # --- What it has seen -----------------------------------------------------------------

    def assert_requested(
        self,
        matcher: Matcher | None = None,
        *,
        times: int | None = None,
        **criteria: Unpack[Criteria],
    ) -> None:
        """Assert that requests of a kind have come.

        Args:
            matcher: The kind: a `Matcher`, or what `when` has given.
            times: How many; at least one by default.
            **criteria: The kind, spelled out, or what must hold besides.
        """
        kinds = [] if matcher is None else [matcher]
        if criteria or matcher is None:
            kinds.append(Matcher(**criteria))
        requests = self.requests
        found = sum(all(kind.matches(request) for kind in kinds) for request in requests)
        if found != times if times is not None else not found:
            came = "".join(f"\n  {request}: {request.body[:200]!r}" for request in requests)
            wanted = "at least one" if times is None else times
            kind = " and ".join(map(repr, kinds))
            raise AssertionError(f"{found} requests, not {wanted}, match {kind}. Of:{came}")

    @property
    def requests(self) -> list[ReceivedRequest]:
        """The requests received until now, in their order of arrival."""
        return [*self.received]

    @property
    def scripted_steps_left(self) -> int:
        """How many steps no request has taken yet."""
        return len(self.scripts.steps)

    @property
    def connections_opened(self) -> int:
        """How many connections clients have opened."""
        return self._server.connections_opened if self._server is not None else 0

    @property
    def connections_open(self) -> int:
        """How many connections are open."""
        return self._server.connections_open if self._server is not None else 0

    @property
    def refused_by_quota(self) -> dict[str, int]:
        """How many requests each quota has refused, under the names of `Quotas`."""
        return dict(self.ledger.refused)

    @property
    def peak_concurrent_requests(self) -> int:
        """The most requests that were answered at the same time."""
        return self.ledger.peak_running

    def now(self) -> float:
        """Return the emulated seconds since the emulator was made."""
        return self.clock.now()

    def wait_until(self, condition: Callable[[Self], bool], seconds: float = 5.0) -> bool:
        """Wait for something that the server's thread is about to note; say whether it came.

        Args:
            condition: What to wait for, such as
                `lambda emulator: emulator.requests[0].client_disconnected`.
            seconds: Real seconds to wait at most.
        """
        end = time.monotonic() + seconds
        while not (come := condition(self)) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
        return come

    async def wait_for(self, condition: Callable[[Self], bool], seconds: float = 5.0) -> bool:
        """Wait as `wait_until` does, while the event loop goes on."""
        end = time.monotonic() + seconds
        while not (come := condition(self)) and time.monotonic() < end:  # noqa: ASYNC110 -- of a thread
            await asyncio.sleep(_POLL_SECONDS)
        return come
