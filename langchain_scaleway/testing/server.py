"""Serves the emulated service over HTTP, on aiohttp."""

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final, cast
from weakref import WeakKeyDictionary, WeakSet

try:
    from aiohttp import ClientError, web
except ModuleNotFoundError as error:
    raise ImportError(
        'The emulator needs aiohttp: pip install "langchain-scaleway[testing]"'
    ) from error

from langchain_scaleway.testing.answers import Answer, json_answer
from langchain_scaleway.testing.delivery import Delivery
from langchain_scaleway.testing.endpoints import batches
from langchain_scaleway.testing.endpoints.chat import COMPLETIONS
from langchain_scaleway.testing.endpoints.embeddings import EMBEDDINGS, RERANK
from langchain_scaleway.testing.endpoints.responses import RESPONSES
from langchain_scaleway.testing.endpoints.transcriptions import TRANSCRIPTIONS
from langchain_scaleway.testing.received import ReceivedRequest, RequestHeaders
from langchain_scaleway.testing.recordings import Recorder
from langchain_scaleway.testing.refusals import error_body
from langchain_scaleway.testing.replies import Queue
from langchain_scaleway.testing.service import EmulatedService

_BACKLOG: Final = 4096
_STOP_SECONDS: Final = 5.0
_LARGEST_BODY: Final = 1024**3

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Serve = Callable[[ReceivedRequest, EmulatedService], Answer]


class EmulatorServer:
    """Serves an `EmulatedService` over HTTP on an address; port 0 is a free one."""

    def __init__(self, service: EmulatedService, host: str, port: int) -> None:
        self._service = service
        self._socket = socket.create_server((host, port), backlog=_BACKLOG)
        self.address: tuple[str, int] = self._socket.getsockname()[:2]
        self.connections_opened = 0
        # Open connections with their numbers, and those that the next request on them finds dead.
        self._numbers: WeakKeyDictionary[asyncio.BaseTransport, int] = WeakKeyDictionary()
        self._dead: WeakSet[asyncio.BaseTransport] = WeakSet()
        self._next_number = itertools.count(1)
        self._recorder: Recorder | None = None
        if service.upstream is not None:
            self._recorder = Recorder(service.upstream, service.recordings or Path("recordings"))
        self._server: web.Server | None = None

    @property
    def connections_open(self) -> int:
        """How many connections are open."""
        return len(self._server.connections) if self._server is not None else 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Serve while the context lasts."""
        loop = asyncio.get_running_loop()
        runner = web.AppRunner(
            self._app(),
            access_log=None,
            # What an answer waits for ends when its client leaves.
            handler_cancellation=True,
            shutdown_timeout=_STOP_SECONDS,
        )
        await runner.setup()
        self._server = server = cast("web.Server", runner.server)  # it is there after setup

        def connect() -> asyncio.BaseProtocol:
            self.connections_opened += 1
            return server()

        listening = await loop.create_server(connect, sock=self._socket, backlog=_BACKLOG)
        try:
            yield
        finally:
            # CPython 3.11 loses connections that it has accepted, and not set up, when this closes.
            with suppress(NotImplementedError):  # on Windows
                loop.remove_reader(self._socket)
            for _ in range(2):
                await asyncio.sleep(0)
            listening.close()
            for connection in server.connections:
                if connection.transport is not None:
                    connection.transport.abort()
            await runner.cleanup()
            if self._recorder is not None:
                await self._recorder.close()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._guarded], client_max_size=_LARGEST_BODY)
        for method, path, queue, serve in _ROUTES:
            handler = partial(self._answer, queue, serve)
            app.router.add_route(method, f"/v1{path}", handler)
            app.router.add_route(method, f"/{{project}}/v1{path}", handler)
        app.router.add_get("/healthz", self._healthy)
        app.router.add_post("/reset", self._reset)
        return app

    @web.middleware
    async def _guarded(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Close what is to be found dead, and answer where there is no route."""
        transport = request.transport
        if transport is None or transport in self._dead:
            request.protocol.force_close()
            return web.Response()  # goes nowhere
        if transport not in self._numbers:
            self._numbers[transport] = next(self._next_number)
        try:
            return await handler(request)
        except web.HTTPException as error:
            body = error_body("gateway", error.status, f"route '{request.path}' not found")
            answer, received = json_answer(error.status, body), await self._receive(request)
            return await self._deliver(request, received, answer)

    async def _answer(self, queue: Queue, serve: _Serve, http: web.Request) -> web.StreamResponse:
        received = await self._receive(http, queue)
        if self._recorder is None:
            project = http.match_info.get("project")
            answer = self._service.serve(received, project, serve)
        else:
            try:
                answer = await self._recorder.answer(received, http.path_qs)
            except ClientError as error:
                answer = self._service.failed(received, error)
        return await self._deliver(http, received, answer)

    async def _receive(self, http: web.Request, endpoint: str = "") -> ReceivedRequest:
        body, service = await http.read(), self._service
        received = ReceivedRequest(
            number=next(service.numbers),
            arrived_at=service.clock.now(),
            method=http.method,
            path=http.path,
            query=http.query_string,
            headers=RequestHeaders(http.raw_headers),
            body=body,
            endpoint=endpoint,
            connection=self._numbers[http.transport] if http.transport is not None else 0,
        )
        service.received.append(received)
        return received

    async def _deliver(
        self, http: web.Request, received: ReceivedRequest, answer: Answer
    ) -> web.StreamResponse:
        self._service.statuses[answer.status] += 1
        received.status = answer.status
        if answer.closes == "on_next_request" and http.transport is not None:
            self._dead.add(http.transport)
        return await Delivery(http, received, answer, self._service).run()

    async def _healthy(self, _http: web.Request) -> web.StreamResponse:
        return web.json_response({"status": "ok"})

    async def _reset(self, http: web.Request) -> web.StreamResponse:
        self._service.reset()
        return await self._healthy(http)


def _list_models(received: ReceivedRequest, service: EmulatedService) -> Answer:
    """List the models of all kinds; retired ones are not in it."""
    models = [
        {"id": model.id, "object": "model", "created": 1_795_357_352, "owned_by": "Scaleway"}
        for model in service.models
        if model.answered_by is None
    ]
    listed = {"object": "list", "data": models}
    return service.scripted(received, lambda _reply: json_answer(200, listed))


# Method, path behind `/v1`, the queue that requests take scripted steps from, what answers them.
_ROUTES: Final[tuple[tuple[str, str, Queue, _Serve], ...]] = (
    *(
        ("POST", endpoint.path, endpoint.queue, endpoint.serve)
        for endpoint in (COMPLETIONS, RESPONSES, EMBEDDINGS, RERANK, TRANSCRIPTIONS)
    ),
    ("GET", "/models", "models", _list_models),
    ("POST", "/batches", "batches", batches.create),
    ("GET", "/batches", "batches", batches.list_page),
    ("GET", "/batches/{id}", "batches", batches.retrieve),
    ("POST", "/batches/{id}/cancel", "batches", batches.cancel),
    ("DELETE", "/batches/{id}", "batches", batches.delete),
)
