"""What the examples talk to: Scaleway, or something on this machine when there is no key.

Your own program needs none of this: `ChatScaleway(model="…")` finds the key in
SCW_SECRET_KEY by itself.
"""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from langchain_scaleway.testing import ReceivedRequest, ScalewayEmulator, Step

Arguments = dict[str, Any]
"""Arguments of `ChatScaleway`."""


@contextmanager
def scaleway_or_emulator(
    model: str,
    respond: Callable[[ReceivedRequest], Step] | None = None,
    **settings: Any,
) -> Iterator[Arguments]:
    """Scaleway with a key, without one an emulator: a server that has no model.

    Args:
        model: The model to ask.
        respond: What the emulator says; by default it obeys the form of each request.
        **settings: Settings of the emulator.
    """
    if os.environ.get("SCW_SECRET_KEY"):
        print(f"On Scaleway, with {model}.\n", file=sys.stderr)
        yield {"model": model}
        return
    print(
        "SCW_SECRET_KEY is not set: this runs on an EMULATOR of Scaleway on this machine.\n"
        "It has no model, so what it says is made up; all the rest is as on Scaleway.\n",
        file=sys.stderr,
    )
    with ScalewayEmulator(**settings) as emulator:
        emulator.respond_with(respond)
        yield {"model": model, "base_url": emulator.base_url, "api_key": emulator.api_key}


@contextmanager
def scaleway_or_toy(model: str) -> Iterator[Arguments]:
    """Scaleway with a key, without one the toy model of this repository.

    Args:
        model: The model to ask on Scaleway.
    """
    if os.environ.get("SCW_SECRET_KEY"):
        print(f"On Scaleway, with {model}.\n", file=sys.stderr)
        yield {"model": model}
        return
    from engine.serve import LocalEngine  # noqa: PLC0415 -- not needed on Scaleway

    print(
        "SCW_SECRET_KEY is not set: this runs on a TOY model on this machine, a test\n"
        "instrument that knows a few dozen sentences.\n",
        file=sys.stderr,
    )
    with LocalEngine() as engine:
        yield {
            "model": engine.model,
            "base_url": engine.base_url,
            "api_key": engine.api_key,
            "temperature": 0,
        }
