"""Every row of the tables: what is measured, and what ChatScaleway should reach."""

import time
from dataclasses import dataclass
from typing import Any

from benchmarks import work
from benchmarks.models import BASELINE, OPENAI, SCALEWAY, SCALEWAY_AIOHTTP, Measured


@dataclass(frozen=True)
class Row:
    """One row of a table.

    Attributes:
        name: Its name in commands and in the JSON report.
        title: Its name in a table.
        samples: What measures it.
        reach: The most that ChatScaleway should cost: a ratio to the baseline or, for a row
            without one, an amount in `unit`.
        aiohttp: The same over the extra aiohttp. None: not measured.
        unit: What a row without a baseline counts; empty for a row that is divided by it.
        tls: Whether the server is reached over TLS.
        alone: Whether it has processes of its own, without what other rows leave behind.
        quick: Whether `--quick` measures it too.
        turns: How often it is measured for each turn of a run.
        only: The models that are measured; none is all of them.
    """

    name: str
    title: str
    samples: work.Samples
    reach: float | None = None
    aiohttp: float | None = None
    unit: str = ""
    tls: bool = False
    alone: bool = False
    quick: bool = True
    turns: int = 1
    only: tuple[Measured, ...] = ()

    def measures(self, measured: Measured) -> bool:
        """Whether this row says something about a model."""
        if measured == SCALEWAY_AIOHTTP:
            return self.aiohttp is not None
        return not self.only or measured in self.only

    def reach_of(self, name: str) -> float | None:
        """What a model should reach: only ChatScaleway should reach anything."""
        return {SCALEWAY.name: self.reach, SCALEWAY_AIOHTTP.name: self.aiohttp}.get(name)


_TWO = (SCALEWAY, OPENAI)
_THREE = (BASELINE, *_TWO)
_IN_A_FRESH_PROCESS = "first reply in a fresh process, imports done"
_TOKEN, _FRAGMENT = "tool-call chunk of a token", "tool-call chunk of 66 characters"
_GROWING = "a structured object of 20 kB, a delta of 1,000 (the baseline streams text)"
_512 = "`ainvoke`, 512 at once, 50 ms at the server"
_2000 = "`ainvoke`, 2,000 at once, 50 ms at the server (wall time)"
_FIRST = "from the server's write to the first chunk at the caller"
_LATER = "from the server's write to a later chunk at the caller"
_MADE = "made, used once and dropped"
_ARENA = 1_024
"""Kilobytes of one arena of Python's allocator."""
_cpu, _wall = time.process_time, time.perf_counter

_LONG: dict[str, Any] = {"alone": True, "quick": False}
ROWS = (
    # A process of its own for each sample: their time differs more from one to the next.
    Row("import", "import, over langchain-core and httpx", work.fresh_import, 1.05, turns=3),
    Row("first-reply", _IN_A_FRESH_PROCESS, work.first_reply, 0.8, turns=2),
    Row("first-reply-tls", "the same over TLS", work.first_reply, tls=True),
    Row("construct", "construct a model", work.construct, 5),
    Row("bind-tools", "`bind_tools`, ten tools", work.bind_tools, 60),
    Row("invoke", "`invoke`, short reply", work.invoke, 1.0),
    Row("invoke-tls", "the same over TLS", work.invoke, tls=True),
    Row("stream-content", "`stream`, content chunk", work.stream("content"), 1.0),
    Row("stream-reasoning", "`stream`, reasoning chunk", work.stream("reasoning"), 1.0),
    Row("stream-tool-tokens", f"`stream`, {_TOKEN}", work.stream("tool-tokens"), 0.6),
    Row("stream-tool-fragments", f"`stream`, {_FRAGMENT}", work.stream("tool-fragments"), 0.6),
    Row("stream-object", _GROWING, work.stream_object, only=_THREE),
    Row("astream-content", "`astream`, content chunk", work.astream, 1.1, 1.1),
    Row("ainvoke", "`ainvoke`, one at a time", work.ainvoke, 1.05, 1.05),
    Row("invoke-history", "`invoke` with a history of 1,000 messages", work.history, 1.5),
    Row("invoke-image", "`invoke` with a 10 MB image", work.image, 0.5),
    Row("ainvoke-512", _512, work.at_once(512, _cpu), 5, 3, alone=True),
    Row(
        "ainvoke-2000", _2000, work.at_once(2_000, _wall), None, float("inf"), **_LONG, only=_THREE
    ),
    Row(
        "astream-100",
        "`astream`, 100 at once, 200 chunks each",
        work.streams_at_once,
        **_LONG,
        only=_THREE,
    ),
    # How long the system takes to wake a process differs twofold from one second to the next, so
    # these two are short and take many turns: all models meet the same seconds.
    Row("latency-first", _FIRST, work.latency(slice(0, 1), 3), 1.1, turns=5),
    Row("latency-later", _LATER, work.latency(slice(1, None), 2), turns=4),
    Row(
        "memory-growth",
        "growth of memory over 5,000 calls",
        work.memory_growth,
        _ARENA,
        unit="kB",
        **_LONG,
        only=_TWO,
    ),
    *(
        Row(
            f"{what}-left{suffix}",
            f"{title} {_MADE}{how}",
            work.left(count, lives, divisor),
            reach,
            unit=unit,
            **_LONG,
            only=_TWO,
        )
        for what, title, count, divisor, reach, unit in (
            ("sockets", "sockets left by 100 models", work.open_sockets, 1, 0, "sockets"),
            (
                "memory",
                "memory left by a model",
                work.traced_bytes,
                work.MODELS_DROPPED,
                5_000,
                "bytes",
            ),
        )
        for suffix, lives, how in (
            ("", work.lives, ""),
            ("-async", work.async_lives, ", with `ainvoke`"),
        )
    ),
)
BY_NAME = {row.name: row for row in ROWS}
