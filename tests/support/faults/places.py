"""Places where something goes wrong: the emulator, servers of bytes, and nowhere."""

import contextlib
import socket
from collections.abc import Iterator

from langchain_scaleway.testing import Fault, RawReply, Reply, ScalewayEmulator
from langchain_scaleway.testing.replies import Step
from tests.support.faults.table import Place, Scene
from tests.support.raw_server import Behaviour, RawServer

TEXT = "One two three four five six"
"""What the model says where nothing goes wrong."""

PART = "One two"
"""What has come of it after `MIDWAY` events; the first event carries no text."""

BEFORE, MIDWAY, AFTER_FINISH = 1, 3, 8
"""Numbers of events: before the first piece of the text, after some of it, and after all of it
and the finish reason."""

SOON = 0.25
"""Seconds until patience ends, where it has to end in a test."""

OK_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n\r\n"


def emulated(step: Step | None = None) -> Place:
    """On the emulator, each of whose answers is this, or its own."""

    @contextlib.contextmanager
    def place(emulator: ScalewayEmulator) -> Iterator[Scene]:
        before = len(emulator.requests)
        emulator.respond_with(None if step is None else lambda _: step)
        yield Scene(emulator.base_url, lambda: len(emulator.requests) - before)
        emulator.respond_with(None)

    return place


def raw(behave: Behaviour, *, scheme: str = "http", reads_request: bool = True) -> Place:
    """On a server of bytes."""

    @contextlib.contextmanager
    def place(_: ScalewayEmulator) -> Iterator[Scene]:
        with RawServer(behave, reads_request=reads_request) as server:
            yield Scene(f"{scheme}://{server.origin}/v1", lambda: server.connections)
            assert server.wait_until_left(), "the client left a connection open"

    return place


def answered(*faults: Fault) -> Place:
    """The emulator's answer, hit by these."""
    return emulated(Reply(TEXT, faults=faults))


def with_body(body: bytes, content_type: str = "application/json") -> Place:
    """A success with this body."""
    return emulated(RawReply(headers={"content-type": content_type}, body=body))


@contextlib.contextmanager
def refused(_: ScalewayEmulator) -> Iterator[Scene]:
    """A port where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))  # Nobody else can listen there, and nobody does.
        yield Scene(f"http://127.0.0.1:{bound.getsockname()[1]}/v1", None)


@contextlib.contextmanager
def unknown_host(_: ScalewayEmulator) -> Iterator[Scene]:
    """A name that no resolver knows."""
    yield Scene("http://scaleway.invalid/v1", None)  # RFC 2606: never a name.


@contextlib.contextmanager
def full_host(_: ScalewayEmulator) -> Iterator[Scene]:
    """A host that does not answer: its queue of connections is full."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _number in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield Scene(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", None)


@contextlib.contextmanager
def foreign_project(emulator: ScalewayEmulator) -> Iterator[Scene]:
    """The URL of a project where the key has no rights."""
    project = "00000000-1111-4222-8333-444444444444"
    with emulated()(emulator) as scene:
        yield Scene(scene.base_url.replace("/v1", f"/{project}/v1"), scene.attempts)


@contextlib.contextmanager
def wrong_path(emulator: ScalewayEmulator) -> Iterator[Scene]:
    """A URL without anything behind it."""
    with emulated()(emulator) as scene:
        yield Scene(scene.base_url.replace("/v1", "/project/v9"), scene.attempts)
