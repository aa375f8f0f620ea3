"""Faults within an answer: it breaks off, stalls, reports an error, or cannot be read."""

import gzip

from langchain_scaleway import errors
from langchain_scaleway.testing import (
    ByteAtATime,
    CutStream,
    EmptyAnswer,
    ErrorEvent,
    Gzip,
    NotAnObject,
    RawReply,
    Reset,
    Stall,
    TruncatedJson,
    WrongContentType,
)
from tests.support.faults.places import (
    AFTER_FINISH,
    BEFORE,
    CHUNKED,
    MIDWAY,
    OK_HEAD,
    PART,
    SOON,
    TEXT,
    answered,
    emulated,
    raw,
    with_body,
)
from tests.support.faults.table import Answers, Place, Raises, Row
from tests.support.raw_server import sends

CONNECTION_FAILED = "The connection to"
INTERRUPTED = "The stream for model"
NO_JSON = "the body is not a JSON object"

_WHOLE_ANSWER = b'{"choices": [{"message": {"content": "%s"}}]}' % TEXT.encode()


def unreadable(name: str, place: Place, says: str) -> Row:
    """A row for a success that means nothing."""
    return Row(name, place, Raises(errors.ScalewayResponseError, says, status=200))


WITHIN_AN_ANSWER = [
    Row(
        "the connection is reset before the first piece",
        answered(Reset(after_events=BEFORE)),
        Raises(errors.ScalewayConnectionError, CONNECTION_FAILED, "once"),
        Raises(errors.ScalewayStreamInterruptedError, CONNECTION_FAILED, "once"),
    ),
    Row(
        "the connection is reset midway",
        answered(Reset(after_events=MIDWAY)),
        Raises(errors.ScalewayConnectionError, CONNECTION_FAILED, "once"),
        Raises(errors.ScalewayStreamInterruptedError, CONNECTION_FAILED, partial=PART),
    ),
    Row(
        "the connection is closed midway",
        answered(CutStream(MIDWAY, "closed")),
        Raises(errors.ScalewayConnectionError, CONNECTION_FAILED, "once"),
        Raises(errors.ScalewayStreamInterruptedError, CONNECTION_FAILED, partial=PART),
    ),
    Row(
        "the answer ends before its first piece, properly for HTTP",
        answered(CutStream(BEFORE)),
        Raises(errors.ScalewayResponseError, NO_JSON, status=200),
        Raises(errors.ScalewayStreamInterruptedError, INTERRUPTED, "once"),
    ),
    Row(
        "the answer ends midway, properly for HTTP: no finish reason, no `[DONE]`",
        answered(CutStream(MIDWAY)),
        Raises(errors.ScalewayResponseError, NO_JSON, status=200),
        Raises(errors.ScalewayStreamInterruptedError, INTERRUPTED, partial=PART),
    ),
    Row(
        "the same where the end of the connection is the end of the answer",
        answered(CutStream(MIDWAY, "until_close")),
        Raises(errors.ScalewayResponseError, NO_JSON, status=200),
        Raises(errors.ScalewayStreamInterruptedError, INTERRUPTED, partial=PART),
    ),
    Row(
        "the answer ends between its finish reason and `[DONE]`",
        answered(CutStream(AFTER_FINISH)),
        Raises(errors.ScalewayResponseError, NO_JSON, status=200),
        Answers(),
    ),
    Row(
        "the connection is reset there",
        answered(Reset(after_events=AFTER_FINISH)),
        Raises(errors.ScalewayConnectionError, CONNECTION_FAILED, "once"),
        Answers(),
    ),
    Row(
        "the answer stalls before its first piece",
        answered(Stall(BEFORE)),
        Raises(errors.ScalewayTimeoutError, f"{SOON} s", "once"),
        fields={"timeout": SOON},
    ),
    Row(
        "the answer stalls midway",
        answered(Stall(MIDWAY)),
        Raises(errors.ScalewayTimeoutError, f"{SOON} s", "once"),
        Raises(errors.ScalewayTimeoutError, f"{SOON} s", partial=PART),
        fields={"timeout": SOON},
    ),
    Row(
        "the body's framing is broken",
        raw(sends(OK_HEAD + CHUNKED + b"ZZ\r\n{}")),
        Raises(errors.ScalewayConnectionError, CONNECTION_FAILED, "once"),
        Raises(errors.ScalewayStreamInterruptedError, CONNECTION_FAILED, "once"),
    ),
    Row(
        "an error event before the first piece, as recent models send it",
        answered(ErrorEvent(BEFORE, "recent", 503, "The engine is overloaded")),
        Raises(errors.ScalewayAPIError, "The engine is overloaded", "yes", 503),
    ),
    Row(
        "an error event midway, as recent models send it",
        answered(ErrorEvent(MIDWAY, "recent", 500, "The engine died")),
        Raises(errors.ScalewayAPIError, "The engine died", "yes", 500),
        Raises(errors.ScalewayAPIError, "The engine died", "no", 500, PART),
    ),
    Row(
        "the same as older models send it",
        answered(ErrorEvent(MIDWAY, "legacy", 500, "The engine died")),
        Raises(errors.ScalewayAPIError, "The engine died", "yes", 500),
        Raises(errors.ScalewayAPIError, "The engine died", "no", 500, PART),
    ),
    Row(
        "the same as the gateway sends it, named `error` and without `[DONE]`",
        answered(ErrorEvent(MIDWAY, "gateway", 500, "The engine died", done=False, named=True)),
        Raises(errors.ScalewayAPIError, "The engine died", "yes", 500),
        Raises(errors.ScalewayAPIError, "The engine died", "no", 500, PART),
    ),
    Row(
        "an error event for a request that cannot be served",
        answered(ErrorEvent(BEFORE, "recent", 400, "Grammar error: no such type")),
        Raises(errors.ScalewayInvalidRequestError, "Grammar error: no such type", "no", 400),
    ),
    Row(
        "an error event for a quota",
        answered(ErrorEvent(BEFORE, "gateway", 429, "You exceeded your current quota")),
        Raises(errors.ScalewayRateLimitError, "You exceeded your current quota", "yes", 429),
    ),
    Row(
        "an answer that the server broke off, as its finish reason says",
        with_body(
            b'{"choices": [{"delta": {"content": "%s"}, "finish_reason": "abort"}]}' % PART.encode()
        ),
        Raises(errors.ScalewayAPIError, "The server broke the answer off", "once"),
    ),
    Row(
        "JSON that ends in the middle",
        answered(TruncatedJson(BEFORE)),
        Raises(errors.ScalewayResponseError, NO_JSON, status=200),
        Raises(errors.ScalewayResponseError, "not a JSON object"),
    ),
    Row(
        "JSON that ends in the middle, midway",
        answered(TruncatedJson(MIDWAY)),
        Raises(errors.ScalewayResponseError, NO_JSON, status=200),
        Raises(errors.ScalewayResponseError, "not a JSON object", partial=PART),
    ),
    Row(
        "JSON that is not an object",
        answered(NotAnObject(["a", "list"], MIDWAY)),
        Raises(errors.ScalewayResponseError, NO_JSON, status=200),
        Raises(errors.ScalewayResponseError, "not a JSON object", partial=PART),
    ),
    Row(
        "compressed data that cannot be decompressed",
        answered(Gzip(corrupt=True)),
        Raises(errors.ScalewayResponseError, "cannot be decompressed"),
    ),
    unreadable(
        "compressed data that ends too early",
        emulated(
            RawReply(
                headers={"content-encoding": "gzip", "content-type": "application/json"},
                body=gzip.compress(b'{"choices": []}')[:20],
            )
        ),
        NO_JSON,
    ),
    unreadable("text that is not UTF-8", with_body(b'{"choices": [{"message": "\xff"}]}'), NO_JSON),
    unreadable("JSON nested too deeply", with_body(b"[" * 100_000, "Application/JSON"), NO_JSON),
    unreadable(
        "a page of HTML with status 200", with_body(b"<html>Log in</html>", "text/html"), "Log in"
    ),
    Row(
        "an error with status 200",
        with_body(b'{"error": {"message": "The engine died", "code": 500}}'),
        Raises(errors.ScalewayAPIError, "The engine died", "yes", 500),
    ),
    Row(
        "the same without a status",
        with_body(b'{"error": {"message": "Something is wrong"}}'),
        Raises(errors.ScalewayAPIError, "Something is wrong", "yes"),
    ),
    Row(
        "the same without the word error",
        with_body(b'{"status": 500, "message": "The engine died"}'),
        Raises(errors.ScalewayAPIError, "The engine died", "yes", 500),
    ),
    Row(
        "a JSON object with status 200 that is not an answer",
        with_body(b'{"id": "1"}'),
        Raises(errors.ScalewayResponseError, "no `choices`"),
        Raises(errors.ScalewayResponseError, "not a chat completion", status=200),
    ),
    Row(
        "an answer whose `choices` hold none",
        with_body(b'{"choices": [{"message": null}]}'),
        Raises(errors.ScalewayResponseError, "no `choices` with a message"),
        Raises(errors.ScalewayResponseError, "not a chat completion", status=200),
    ),
    Row(
        "an answer without its first choice, in place of a stream",
        with_body(b'{"choices": [{"index": 1, "message": {"content": "%s"}}]}' % TEXT.encode()),
        Answers(),
        Raises(errors.ScalewayResponseError, "not a chat completion", status=200),
    ),
    Row(
        "nothing but `[DONE]`",
        with_body(b"data: [DONE]\n\n", "text/event-stream"),
        Raises(errors.ScalewayResponseError, NO_JSON, status=200),
        Raises(errors.ScalewayStreamInterruptedError, "holds no answer", "once"),
    ),
    Row(
        "an empty answer with status 200",
        answered(EmptyAnswer()),
        Raises(errors.ScalewayResponseError, NO_JSON, status=200),
        Raises(errors.ScalewayStreamInterruptedError, "before anything came", "once"),
    ),
    Row(
        "204, which means no content",
        answered(EmptyAnswer(204)),
        Raises(errors.ScalewayResponseError, NO_JSON, status=204),
        Raises(errors.ScalewayStreamInterruptedError, "before anything came", "once"),
    ),
    Row(
        "an event stream that claims to be JSON",
        answered(WrongContentType("application/json")),
        Answers(),
        Raises(errors.ScalewayResponseError, NO_JSON, status=200),
    ),
    Row(
        "an answer in place of a stream, whatever its content type",
        with_body(_WHOLE_ANSWER, "text/event-stream"),
        Answers(),
    ),
    Row(
        "an error in place of a stream, whatever its content type",
        with_body(b'{"error": {"message": "The engine died", "code": 500}}', "text/plain"),
        Raises(errors.ScalewayAPIError, "The engine died", "yes", 500),
    ),
    Row("another wrong content type", answered(WrongContentType("text/plain")), Answers()),
    Row("one byte at a time", answered(ByteAtATime()), Answers()),
    Row("gzip that nobody asked for", answered(Gzip()), Answers()),
]
