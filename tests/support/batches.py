"""What the tests of batches share."""

from collections.abc import Callable
from typing import Any

from langchain_core.prompts import ChatPromptTemplate

from langchain_scaleway import ScalewayBatches
from langchain_scaleway.testing import ScalewayEmulator

MODEL = "mistral-small-3.2-24b-instruct-2506"
BUCKET = "s3://my-bucket/llm"
SAY = ChatPromptTemplate.from_template("Say {word}")
SOON = 0.01

Make = Callable[..., ScalewayBatches]


def connection(emulator: ScalewayEmulator) -> dict[str, Any]:
    """How the emulator is reached."""
    return {"base_url": emulator.base_url, "api_key": emulator.api_key}


def echo(emulator: ScalewayEmulator) -> None:
    """Have it repeat what it is asked."""
    emulator.respond_with(lambda request: request.json["messages"][-1]["content"])


def requests(emulator: ScalewayEmulator, method: str = "POST") -> int:
    """How many requests came with a method."""
    return sum(one.method == method for one in emulator.requests)
