"""An emulator of Scaleway's Generative APIs, for tests without a network.

`ScalewayEmulator` is an HTTP server that answers as Scaleway does, or fails as a network can. It
needs the extra `testing`; the fixture `scaleway_emulator` offers it to pytest, and
`python -m langchain_scaleway.testing` runs it on its own.
"""

import importlib
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from langchain_scaleway.testing.emulator import ScalewayEmulator
    from langchain_scaleway.testing.faults import (
        ByteAtATime,
        CutStream,
        Delay,
        EmptyAnswer,
        ErrorEvent,
        Fault,
        Gzip,
        HtmlError,
        HttpError,
        HugeError,
        NotAnObject,
        Redirect,
        Reset,
        StaleConnection,
        Stall,
        TruncatedJson,
        WrongContentType,
        rate_limited,
    )
    from langchain_scaleway.testing.matching import Criteria, Matcher, Rule
    from langchain_scaleway.testing.models import ServedModel, serverless_models
    from langchain_scaleway.testing.process import EmulatorProcess
    from langchain_scaleway.testing.quotas import Quotas
    from langchain_scaleway.testing.received import ReceivedRequest, UploadedFile
    from langchain_scaleway.testing.replies import RawReply, Reply, Step, ToolCall, Usage
    from langchain_scaleway.testing.settings import EmulatorSettings, RandomFaults

__all__ = [
    "ByteAtATime",
    "Criteria",
    "CutStream",
    "Delay",
    "EmptyAnswer",
    "EmulatorProcess",
    "EmulatorSettings",
    "ErrorEvent",
    "Fault",
    "Gzip",
    "HtmlError",
    "HttpError",
    "HugeError",
    "Matcher",
    "NotAnObject",
    "Quotas",
    "RandomFaults",
    "RawReply",
    "ReceivedRequest",
    "Redirect",
    "Reply",
    "Reset",
    "Rule",
    "ScalewayEmulator",
    "ServedModel",
    "StaleConnection",
    "Stall",
    "Step",
    "ToolCall",
    "TruncatedJson",
    "UploadedFile",
    "Usage",
    "WrongContentType",
    "rate_limited",
    "serverless_models",
]

# Those that need aiohttp come last.
_MODULES: Final = (
    *("faults", "matching", "models", "quotas"),
    *("received", "replies", "settings", "emulator", "process"),
)


def __getattr__(name: str) -> Any:
    """Import a public name when it is first asked for: pytest loads the plugin in every run."""
    if name in __all__:
        for module_name in _MODULES:
            module = importlib.import_module(f"{__name__}.{module_name}")
            if hasattr(module, name):
                return getattr(module, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
