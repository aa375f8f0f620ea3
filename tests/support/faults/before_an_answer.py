"""Faults before an answer: no connection, or nothing comes of it."""

from langchain_scaleway.errors import ScalewayConnectionError, ScalewayTimeoutError
from langchain_scaleway.testing import Delay, Reset
from tests.support.faults.places import (
    OK_HEAD,
    SOON,
    answered,
    full_host,
    raw,
    refused,
    unknown_host,
)
from tests.support.faults.table import Place, Raises, Row
from tests.support.raw_server import sends, stays_silent


def _failed(name: str, place: Place) -> Row:
    """A row for a connection that fails."""
    return Row(name, place, Raises(ScalewayConnectionError, "failed: ", "yes"))


def _silent(name: str, place: Place) -> Row:
    """A row for a server that takes the request and no more; the answer may have been paid for."""
    return Row(
        name,
        place,
        Raises(ScalewayTimeoutError, "The answer did not come", "once"),
        Raises(ScalewayTimeoutError, "first event did not come", "once"),
        fields={"timeout": SOON},
    )


BEFORE_AN_ANSWER = [
    _failed("the connection is refused", refused),
    _failed("the host name is unknown", unknown_host),
    _failed(
        "TLS to a port without TLS",
        raw(sends(b"HTTP/1.1 400 Bad Request\r\n\r\n"), scheme="https", reads_request=False),
    ),
    Row(
        "the host does not answer",
        full_host,
        Raises(ScalewayTimeoutError, "No connection to", "yes"),
        fields={"timeout": SOON},
    ),
    _failed("the server hangs up without an answer", raw(sends())),
    _failed("the connection is reset before an answer", answered(Reset(0))),
    _failed("the connection is reset within the headers", answered(Reset(20))),
    _failed("the connection is closed within the headers", raw(sends(OK_HEAD[:20]))),
    _failed("the server does not speak HTTP", raw(sends(b"\x15\x03\x01\x00\x02\x02\x50"))),
    _failed("the headers are endless", raw(sends(OK_HEAD + b"x: " + b"x" * 300_000))),
    _silent("nothing comes within the timeout", answered(Delay(60))),
    _silent("the server takes the request and stays silent", raw(stays_silent)),
]
