"""The ASGI application: Scaleway's paths on the emulated service."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from langchain_scaleway.testing.answers import Answer, json_answer
from langchain_scaleway.testing.connection import Connection
from langchain_scaleway.testing.delivery import Delivery
from langchain_scaleway.testing.error_bodies import error_body
from langchain_scaleway.testing.received import ReceivedRequest, RequestHeaders
from langchain_scaleway.testing.service import EmulatedService
from langchain_scaleway.testing.validation import Refusal, gateway_refusal

_Work = Callable[[ReceivedRequest], tuple[Answer, Callable[[], None]]]


def build_app(service: EmulatedService) -> Starlette:
    """Return the application that serves a service, bare and under its project's URL."""
    endpoints = _Endpoints(service)
    routes = [
        Route(f"{project}{path}", endpoint, methods=[method])
        for project in ("", "/{project}")
        for path, method, endpoint in (
            ("/v1/chat/completions", "POST", endpoints.chat),
            ("/v1/models", "GET", endpoints.models),
            ("/v1/responses", "POST", endpoints.responses),
        )
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: endpoints.no_route})


class _Endpoints:
    """What each path does."""

    def __init__(self, service: EmulatedService) -> None:
        self._service = service

    async def chat(self, http: Request) -> Response:
        """Answer a chat completion."""
        return await self._serve(http, self._service.chat)

    async def models(self, http: Request) -> Response:
        """List the models."""
        return await self._serve(http, lambda _received: (self._service.model_list(), _nothing))

    async def responses(self, http: Request) -> Response:
        """Refuse the Responses API, as Scaleway does for several models (live, 2026-08)."""

        def refuse(_received: ReceivedRequest) -> tuple[Answer, Callable[[], None]]:
            message = "endpoint '/v1/responses' is not supported"
            raise gateway_refusal(422, message, "ROUTE NOT SUPPORTED")

        return await self._serve(http, refuse)

    async def no_route(self, http: Request, error: Exception) -> Response:
        """Answer for a path or method that does not exist."""
        status = error.status_code if isinstance(error, HTTPException) else 500
        body = error_body("gateway", status, f"route '{http.url.path}' not found")
        return self._delivery(http, await self._receive(http), json_answer(status, body), _nothing)

    async def _serve(self, http: Request, work: _Work) -> Response:
        try:
            received = await self._receive(http)
        except ClientDisconnect:
            return Response()  # goes nowhere
        try:
            self._service.authorize(received, http.path_params.get("project"))
            answer, release = work(received)
        except Refusal as refusal:
            answer, release = json_answer(refusal.status, refusal.body), _nothing
        return self._delivery(http, received, answer, release)

    async def _receive(self, http: Request) -> ReceivedRequest:
        return self._service.note(
            method=http.method,
            path=http.url.path,
            query=http.url.query,
            headers=RequestHeaders(http.headers.raw),
            body=await http.body(),
            connection=_connection(http).number,
        )

    def _delivery(
        self,
        http: Request,
        received: ReceivedRequest,
        answer: Answer,
        release: Callable[[], None],
    ) -> Delivery:
        service = self._service
        service.note_status(received, answer.status)
        finished = partial(self._finished, received, release)
        interval = service.settings.token_interval
        return Delivery(answer, _connection(http), service.clock, interval, finished)

    def _finished(
        self,
        received: ReceivedRequest,
        release: Callable[[], None],
        given: bool,  # noqa: FBT001 -- Delivery calls it so
    ) -> None:
        release()
        self._service.note_finished(received, given=given)


def _connection(http: Request) -> Connection:
    connection: Connection = http.scope["state"]["connection"]
    return connection


def _nothing() -> None:
    """Do nothing: the answer held no quota."""
