"""The exceptions themselves: their tree, what they carry, and that they travel."""

import copy
import inspect
import pickle

import pytest
from langchain_core import exceptions

from langchain_scaleway import errors

CLASSES = {
    name: member
    for name, member in vars(errors).items()
    if inspect.isclass(member) and issubclass(member, errors.ScalewayError)
}

LANGCHAINS = {
    "ScalewayError": exceptions.ModelError,
    "ScalewayConnectionError": exceptions.ModelConnectionError,
    "ScalewayStreamInterruptedError": exceptions.ModelConnectionError,
    "ScalewayTimeoutError": exceptions.ModelTimeoutError,
    "ScalewayInvalidRequestError": exceptions.ModelInvalidRequestError,
    "ScalewayContextOverflowError": exceptions.ContextOverflowError,
    "ScalewayAuthenticationError": exceptions.ModelAuthenticationError,
    "ScalewayPermissionDeniedError": exceptions.ModelPermissionDeniedError,
    "ScalewayModelNotFoundError": exceptions.ModelNotFoundError,
    "ScalewayRateLimitError": exceptions.ModelRateLimitError,
    "ScalewayAPIError": exceptions.ModelAPIError,
    "ScalewayResponseError": exceptions.ModelAPIError,
    "ScalewayTruncatedOutputError": exceptions.OutputParserException,
}
RETRYABLE = {
    "ScalewayConnectionError",
    "ScalewayStreamInterruptedError",
    "ScalewayTimeoutError",
    "ScalewayRateLimitError",
    "ScalewayAPIError",
    "ScalewayResponseError",
}


def test_every_class_is_listed_here() -> None:
    assert set(CLASSES) == set(LANGCHAINS)


def test_the_tree_in_the_docstring_is_that_of_the_classes() -> None:
    assert errors.__doc__ is not None
    lines = errors.__doc__.partition(":\n\n")[2].splitlines()
    parents: list[str] = []
    drawn = {}
    for line in lines:
        branch = line[4:].split("  ")[0].rstrip() if "──" not in line else line[4:]
        depth = branch.index("Scaleway") // 4
        name = branch[branch.index("Scaleway") :].split()[0]
        parents[depth:] = [name]
        drawn[name] = parents[depth - 1] if depth else None
    real = {
        name: next((base.__name__ for base in member.__bases__ if base in CLASSES.values()), None)
        for name, member in CLASSES.items()
    }
    assert drawn == real


def test_langchain_understands_them() -> None:
    for name, error_class in CLASSES.items():
        assert issubclass(error_class, LANGCHAINS[name])
        assert error_class("No.").is_retryable == (name in RETRYABLE), name


def make(name: str) -> errors.ScalewayError:
    """An exception that carries everything."""
    response = errors.ErrorResponse(400, {"x-request-id": "abc"}, '{"message": "No."}')
    error = CLASSES[name](
        "Scaleway answered 400.",
        status_code=400,
        code="bad",
        type="BadRequestError",
        param="top_p",
        model="glm-5.2",
        body={"message": "No."},
        response=response,
    )
    error.partial_text = "some text"
    error.partial_reasoning = "some thoughts"
    error.is_retryable = False
    return error


def check(error: errors.ScalewayError, name: str) -> None:
    assert type(error) is CLASSES[name]
    assert str(error) == error.message == "Scaleway answered 400."
    assert error.args == ("Scaleway answered 400.",)
    assert (error.status_code, error.code, error.type) == (400, "bad", "BadRequestError")
    assert (error.param, error.model, error.request_id) == ("top_p", "glm-5.2", "abc")
    assert error.body == {"message": "No."}
    assert error.response is not None
    assert error.response.json() == {"message": "No."}
    assert (error.partial_text, error.partial_reasoning) == ("some text", "some thoughts")
    assert error.is_retryable is False


@pytest.mark.parametrize("name", CLASSES)
def test_they_carry_everything_and_travel(name: str) -> None:
    error = make(name)
    pickled = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own
    for each in (error, pickled, copy.copy(error), copy.deepcopy(error)):
        check(each, name)


def test_what_is_not_known_is_none() -> None:
    known = ("status_code", "code", "type", "param", "model", "body", "response", "request_id")
    for error_class in CLASSES.values():
        error = error_class("No.")
        assert [getattr(error, field) for field in known] == [None] * len(known)
        assert (error.partial_text, error.partial_reasoning) == ("", "")


def test_a_cut_off_object_is_a_parsing_error() -> None:
    error = make("ScalewayTruncatedOutputError")
    assert isinstance(error, exceptions.OutputParserException)
    assert isinstance(error, ValueError)


def test_a_response_is_read_as_tracers_do() -> None:
    response = errors.ErrorResponse(500, {"a": "b"}, "no JSON")
    assert (response.status_code, response.headers["a"], response.text) == (500, "b", "no JSON")
    with pytest.raises(ValueError, match="Expecting value"):
        response.json()
