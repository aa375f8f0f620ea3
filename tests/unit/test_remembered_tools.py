"""Converted tools are remembered, as long as they live and stay as they were."""

import gc
from typing import Any, TypedDict

from langchain_core.tools import BaseTool, StructuredTool
from pydantic import BaseModel, Field

from langchain_scaleway.convert import tools
from langchain_scaleway.convert.tools import convert_tools


def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


class Add(BaseModel):
    """Add two numbers."""

    a: int
    b: int


def test_a_description_that_changed_is_noticed() -> None:
    changed = StructuredTool.from_function(add, name="add", description="One.")
    assert convert_tools([changed])[0]["function"]["description"] == "One."
    changed.description = "Two."
    assert convert_tools([changed])[0]["function"]["description"] == "Two."


def test_arguments_that_changed_are_noticed() -> None:
    changed: BaseTool = StructuredTool.from_function(add, name="add")
    convert_tools([changed])

    class Other(BaseModel):
        c: str

    changed.args_schema = Other
    assert set(convert_tools([changed])[0]["function"]["parameters"]["properties"]) == {"c"}


def test_a_function_that_changed_is_noticed() -> None:
    def work(a: int) -> int:
        """One."""
        return a

    convert_tools([work])
    work.__doc__ = "Two."
    work.__annotations__ = {"a": str, "return": int}
    function = convert_tools([work])[0]["function"]
    assert function["description"] == "Two."
    assert function["parameters"]["properties"]["a"]["type"] == "string"


def test_a_model_that_was_rebuilt_is_noticed() -> None:
    class Changing(BaseModel):
        """Change."""

        a: int

    convert_tools([Changing])
    Changing.model_fields["a"] = Field(description="New.")
    Changing.model_fields["a"].annotation = str
    Changing.model_rebuild(force=True)
    parameters = convert_tools([Changing])[0]["function"]["parameters"]
    assert parameters["properties"]["a"] == {"type": "string", "description": "New."}


def test_a_typed_dict_is_converted_once() -> None:
    forecast: Any = TypedDict("forecast", {"a": int})
    forecast.__doc__ = "One."
    [first] = convert_tools([forecast])
    [second] = convert_tools([forecast])
    assert second["function"]["parameters"] is first["function"]["parameters"]
    forecast.__doc__ = "Two."
    [third] = convert_tools([forecast])
    assert third["function"]["description"] == "Two."


def test_what_a_caller_does_to_a_tool_is_not_remembered() -> None:
    [converted] = convert_tools([Add])
    converted["function"]["name"] = converted["type"] = "other"
    assert convert_tools([Add])[0]["function"]["name"] == "Add"
    assert convert_tools([Add])[0]["type"] == "function"


def test_nothing_is_remembered_of_tools_that_are_gone() -> None:
    def work(a: int) -> int:
        """Work."""
        return a

    gc.collect()
    before = len(tools._remembered)
    convert_tools([work])
    assert len(tools._remembered) == before + 1
    del work
    gc.collect()
    assert len(tools._remembered) == before
