"""Everything that can go wrong between Scaleway and its client, as data.

A fault rewrites an `Answer` before it is sent. Faults combine: `Delay(2), Gzip()` makes a late,
compressed answer. If a fault counts events and the answer is not a stream, the first half of its
body takes the place of the events before the fault.

    faults                         what the client meets
    -----------------------------  ----------------------------------------------------
    Delay, Stall                   nothing for a while, before or in the middle
    Reset, CutStream               a connection that breaks
    ErrorEvent                     an error after status 200, inside the stream
    HttpError, HtmlError,          an answer that is an error
    HugeError, Redirect
    EmptyAnswer, TruncatedJson,    an answer that is not what it says
    NotAnObject, WrongContentType
    ByteAtATime, Gzip              a good answer, delivered unusually (or badly compressed)
    StaleConnection                a good answer, after which the connection is dead
"""

from langchain_scaleway.testing.faults.base import Fault
from langchain_scaleway.testing.faults.chance import RandomFaults, fault_from_text
from langchain_scaleway.testing.faults.content import (
    EmptyAnswer,
    ErrorEvent,
    HtmlError,
    HttpError,
    HugeError,
    NotAnObject,
    Redirect,
    TruncatedJson,
    WrongContentType,
    rate_limited,
)
from langchain_scaleway.testing.faults.delivery import (
    ByteAtATime,
    CutStream,
    Delay,
    Gzip,
    Reset,
    StaleConnection,
    Stall,
)

__all__ = [
    "ByteAtATime",
    "CutStream",
    "Delay",
    "EmptyAnswer",
    "ErrorEvent",
    "Fault",
    "Gzip",
    "HtmlError",
    "HttpError",
    "HugeError",
    "NotAnObject",
    "RandomFaults",
    "Redirect",
    "Reset",
    "StaleConnection",
    "Stall",
    "TruncatedJson",
    "WrongContentType",
    "fault_from_text",
    "rate_limited",
]
