"""Tools and a schema that many tests bind."""

from pydantic import BaseModel


def get_weather(city: str) -> str:
    """Get the weather in a city."""
    return f"sunny in {city}"


def get_time(city: str) -> str:
    """Get the time in a city."""
    return f"noon in {city}"


class Person(BaseModel):
    """A person."""

    name: str
