"""(status, headers, body) -> exception: every shape and every status."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway import errors
from langchain_scaleway.client.error_mapping import LONGEST_BODY, error_from_event
from langchain_scaleway.client.error_reports import is_error
from tests.support.error_shapes import (
    MODEL,
    error_of,
    every_shape,
    gateway,
    in_shape,
    legacy,
    recent,
)

OVERFLOW = "This model's maximum context length is 262144 tokens"


# --- Shapes -----------------------------------------------------------------------------


@every_shape
def test_shapes(shape: str) -> None:
    body = in_shape(shape, 400, "temperature must be in [0, 2]")
    error = error_of(400, body, {"x-request-id": "abc", "content-type": "application/json"})
    assert type(error) is errors.ScalewayInvalidRequestError
    assert "temperature must be in [0, 2]." in str(error)
    assert f"Scaleway answered 400 for model {MODEL!r}: " in str(error)
    assert error.status_code == 400
    assert error.code == (None if shape == "gateway" else 400)
    assert error.type == ("BAD REQUEST" if shape == "gateway" else "BadRequestError")
    assert error.param is None
    assert error.model == MODEL
    assert error.request_id == "abc"
    assert error.body == body
    assert error.response is not None
    assert error.response.json() == body
    assert error.response.status_code == 400


def test_the_gateways_word_is_told_with_its_message() -> None:
    """OpenAI's SDK keeps the word alone."""
    body = gateway(
        429, "INSUFFICIENT QUOTA", "You exceeded your current limit of concurrent requests."
    )
    assert (
        ": INSUFFICIENT QUOTA: You exceeded your current limit of concurrent requests. Quotas are"
        in str(error_of(429, body))
    )


def test_param_and_code_are_kept() -> None:
    body = {"error": {"message": "No.", "type": "t", "param": "top_p", "code": "bad_value"}}
    error = error_of(400, body)
    assert (error.param, error.code, error.type) == ("top_p", "bad_value", "t")


def test_vllms_401_is_a_word_alone() -> None:
    error = error_of(401, {"error": "Unauthorized"})
    assert type(error) is errors.ScalewayAuthenticationError
    assert ": Unauthorized. " in str(error)


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"detail": "Not Found"}, ": Not Found."),
        ({"detail": [{"loc": ["body"], "msg": "Field required"}]}, "Field required"),
        ({"message": "Something"}, ": Something."),
        ({"code": 5, "msg": "Something"}, ": Something."),
        ({"error": {}}, '{"error": {}}'),
        ({"error": {"message": None, "code": 400}}, '"code": 400'),
        ({"error": 5, "message": "Odd"}, ": Odd."),
        ({"error": ["a"]}, '["a"]'),
        ({}, ": {}."),
        ([1, 2], ": [1, 2]."),
        ("plain text", ": plain text."),
        ("  plain text!\n", ": plain text!"),
        ('"a JSON string"', ': "a JSON string".'),
        ("", "(the body is empty)"),
        (" \n", "(the body is empty)"),
        ("<html><head><title>502 Bad Gateway</title></head>", ": 502 Bad Gateway."),
        ('<TITLE lang="en">\n504 Gateway\nTime-out </TITLE>', ": 504 Gateway\nTime-out."),
        ("<html><body>No title</body></html>", ": <html><body>No title</body></html>."),
        ('data: {"error": {"message": "No."}}\n\ndata: [DONE]\n\n', ": No."),
        ('event: error\r\ndata:{"message": "No."}\r\n\r\n', ": No."),
        ('{"error": {"message": "cut of', '{"error": {"message": "cut of'),
        ("[" * 10_000, "[[["),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_other_bodies_are_told_as_they_are(body: Any, told: str) -> None:
    error = error_of(500, body)
    assert type(error) is errors.ScalewayAPIError
    assert told in str(error)
    assert error.response is not None
    assert error.response.text == (body if isinstance(body, str) else json.dumps(body))


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["error", "message", "code", "type", "param", "object", "detail"])
                | st.text(),
                inner,
            )
        ),
        max_leaves=8,
    )
    | st.text(),
    st.integers(300, 599),
)
def test_no_body_is_too_strange(body: Any, status: int) -> None:
    error = error_of(status, body)
    assert error.status_code == status
    assert f"answered {status} " in str(error)
    if isinstance(body, dict):
        event = error_from_event(body, model=MODEL)
        assert "sent an error" in str(event) or "answered" in str(event)


def test_a_long_body_is_shortened_and_its_length_told() -> None:
    error = error_of(400, recent(400, "x" * 50_000))
    assert "x" * 2_000 + "… (50000 characters in all)" in str(error)
    assert len(str(error)) < 2_500
    assert error.body["error"]["message"] == "x" * 50_000


@pytest.mark.parametrize("character", ["x", "é", "☕"])
def test_a_body_whose_beginning_alone_was_read_says_so(character: str) -> None:
    start = (character * LONGEST_BODY).encode()[:LONGEST_BODY].decode("utf-8", "replace")
    error = error_of(500, start)
    assert f"… (at least {len(start)} characters in all)" in str(error)
    assert len(str(error)) < 2_500


# --- Statuses ---------------------------------------------------------------------------

STATUSES = {
    400: errors.ScalewayInvalidRequestError,
    401: errors.ScalewayAuthenticationError,
    402: errors.ScalewayInvalidRequestError,
    403: errors.ScalewayPermissionDeniedError,
    404: errors.ScalewayModelNotFoundError,
    405: errors.ScalewayInvalidRequestError,
    408: errors.ScalewayTimeoutError,
    409: errors.ScalewayAPIError,
    413: errors.ScalewayInvalidRequestError,
    415: errors.ScalewayInvalidRequestError,
    416: errors.ScalewayInvalidRequestError,
    422: errors.ScalewayInvalidRequestError,
    425: errors.ScalewayAPIError,
    429: errors.ScalewayRateLimitError,
    499: errors.ScalewayInvalidRequestError,
    500: errors.ScalewayAPIError,
    501: errors.ScalewayAPIError,
    502: errors.ScalewayAPIError,
    503: errors.ScalewayAPIError,
    504: errors.ScalewayAPIError,
    529: errors.ScalewayAPIError,
}


@pytest.mark.parametrize("status", STATUSES)
def test_statuses(status: int) -> None:
    for shape in ("gateway", "recent", "legacy"):
        error = error_of(status, in_shape(shape, status, "Something."))
        assert type(error) is STATUSES[status]
        assert error.status_code == status


def test_422_is_an_unknown_model() -> None:
    for body in (
        gateway(422, "UNPROCESSABLE ENTITY", "model 'no-such-model' not found"),
        recent(422, "The model `no-such-model` does not exist.", "NotFoundError"),
        legacy(422, "model is required"),
    ):
        error = error_of(422, body)
        assert type(error) is errors.ScalewayModelNotFoundError
        assert "`list_models()`" in str(error)


def test_422_of_a_model_without_the_responses_api_names_the_switch() -> None:
    error = error_of(
        422, gateway(422, "ROUTE NOT SUPPORTED", "endpoint '/v1/responses' is not supported")
    )
    assert type(error) is errors.ScalewayInvalidRequestError
    assert "`use_responses_api`" in str(error)


def test_422_may_be_about_something_else() -> None:
    for said in (
        "messages: field required",
        "tools.0.function.parameters is invalid for model qwen",
        "This model does not take images",
    ):
        error = error_of(422, recent(422, said))
        assert type(error) is errors.ScalewayInvalidRequestError
        assert "list_models" not in str(error)


# --- Errors that came with a success ----------------------------------------------------


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"error": {"message": "x"}}, True),
        ({"error": "Unauthorized"}, True),
        ({"object": "error", "message": "x"}, True),
        ({"status": 500, "message": "x"}, True),
        ({"code": 500, "msg": "x"}, True),
        ({"error_code": 336003, "error_msg": "x"}, True),
        ({"title": "x", "status": 503}, True),
        ({"id": "batch_1", "status": "failed", "errors": {"data": []}}, False),
        ({"detail": "x"}, True),
        ({"detail": [{"msg": "x"}]}, True),
        ({"message": "x", "choices": [{}]}, False),
        ({"message": {"content": "x"}}, False),
        ({"detail": None, "choices": [], "usage": {}}, False),
        ({"error": None, "choices": []}, False),
        ({"choices": [{"finish_reason": "error", "error": {"message": "x"}}]}, True),
        ({"choices": [{"finish_reason": "abort"}]}, True),
        ({"choices": [{"finish_reason": "repetition", "error": None}, None]}, False),
        ({"choices": [{"finish_reason": {"type": "stop"}}]}, False),
        ({"type": "response.failed", "response": {"error": {"message": "x"}}}, True),
        ({"type": "response.created", "response": {"error": None}, "message": "x"}, False),
        ({"error": "", "choices": []}, False),
        ({"object": "chat.completion.chunk", "choices": []}, False),
        ({}, False),
    ],
)
def test_what_is_an_error(body: dict[str, Any], expected: bool) -> None:
    assert is_error(body) is expected


@pytest.mark.parametrize(
    ("event", "error_class", "status"),
    [
        (recent(400, "No."), errors.ScalewayInvalidRequestError, 400),
        (recent("400", "No."), errors.ScalewayInvalidRequestError, 400),
        (recent(404, "No."), errors.ScalewayModelNotFoundError, 404),
        (recent(429, "No."), errors.ScalewayRateLimitError, 429),
        (recent(500, "No.", "InternalServerError"), errors.ScalewayAPIError, 500),
        (recent(None, "No."), errors.ScalewayAPIError, None),
        (recent("bad_thing", "No."), errors.ScalewayAPIError, None),
        (recent(200, "No."), errors.ScalewayAPIError, None),
        (recent(12345, "No."), errors.ScalewayAPIError, None),
        (recent(-400, "No."), errors.ScalewayAPIError, None),
        (recent(400.0, "No."), errors.ScalewayAPIError, None),
        (recent(True, "No."), errors.ScalewayAPIError, None),
        (recent(None, OVERFLOW), errors.ScalewayContextOverflowError, None),
        (recent("context_length_exceeded", "No."), errors.ScalewayContextOverflowError, None),
        (legacy(503, "No."), errors.ScalewayAPIError, 503),
        (legacy("429", "No."), errors.ScalewayRateLimitError, 429),
        (legacy(None, "No."), errors.ScalewayAPIError, None),
        (gateway(429, "INSUFFICIENT QUOTA", "No."), errors.ScalewayRateLimitError, 429),
        (gateway(504, "TIMEOUT", "No."), errors.ScalewayAPIError, 504),
        ({"status": "error", "code": 429, "message": "No."}, errors.ScalewayRateLimitError, 429),
        ({"status_code": 429, "message": "No."}, errors.ScalewayRateLimitError, 429),
        ({"error": {"status": 429, "message": "No."}}, errors.ScalewayRateLimitError, 429),
        (
            {"error": {"status_code": "400", "message": "No.", "code": "bad"}},
            errors.ScalewayInvalidRequestError,
            400,
        ),
        ({"error": "OVERLOADED", "message": "No."}, errors.ScalewayAPIError, None),
        ({"error": "No."}, errors.ScalewayAPIError, None),
        (
            {"choices": [{"error": {"message": "No.", "code": 502}, "finish_reason": "error"}]},
            errors.ScalewayAPIError,
            502,
        ),
        ({"response": recent("429", "No.")}, errors.ScalewayRateLimitError, 429),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_events(
    event: dict[str, Any], error_class: type[errors.ScalewayError], status: int | None
) -> None:
    error = error_from_event(event, model=MODEL)
    assert type(error) is error_class
    assert error.status_code == status
    assert error.body == event
    assert error.response is None
    assert error.request_id is None
    assert "No." in str(error) or OVERFLOW in str(error)
    begin = "sent an error" if status is None else f"answered {status}"
    assert f"Scaleway {begin} for model {MODEL!r}: " in str(error)


def test_a_huge_event_is_cut() -> None:
    error = error_from_event(recent(500, "x" * 1_000_000), model=MODEL)
    assert isinstance(error.body, str)
    assert len(error.body) == LONGEST_BODY
    assert "… (1000000 characters in all)" in str(error)
    assert len(str(error)) < 2_500


@every_shape
def test_half_a_character_can_be_written(shape: str) -> None:
    error = error_of(400, in_shape(shape, 400, "half of \ud83d it"))
    assert "half of ? it" in str(error)
    assert str(error).encode()


def test_an_event_nested_too_deeply_is_an_error_all_the_same() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    error = error_from_event({"error": {"message": "No.", "more": deep}}, model=MODEL)
    assert "No." in str(error)


@pytest.mark.parametrize("field", ["message", "param", "status"])
def test_an_error_whose_words_are_nested_deeply_is_an_error_all_the_same(field: str) -> None:
    """Deeper than Python shows a value, and no deeper than the JSON of an answer may be."""
    deep: Any = []
    for _ in range(1_000):
        deep = [deep]
    error = error_from_event({"error": {"message": "No.", field: deep}}, model=MODEL)
    assert type(error) is errors.ScalewayAPIError
