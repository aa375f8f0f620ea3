"""Every row of the tables: what is measured, and what ChatScaleway should reach."""

import time
from dataclasses import dataclass

from benchmarks import work
from benchmarks.models import BASELINE, OPENAI, SCALEWAY, SCALEWAY_AIOHTTP, Measured


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table.

    Attributes:
        name: Its name in commands and in the JSON report.
        title: Its name in a table.
        samples: What measures it. None: a sample takes a fresh process, see `benchmarks.fresh`.
        reach: The most that ChatScaleway should cost: a ratio to the baseline or, for a row
            without one, an amount in `unit`.
        unit: What a row without a baseline counts; empty for a row that is divided by it.
        tls: Whether the server is reached over TLS.
        alone: Whether it has processes of its own, without what other rows leave behind.
        quick: Whether `--quick` measures it too.
        turns: How often it is measured for each turn of a run.
        only: The models that are measured; none is all of them.
        reach_over_aiohttp: What is to be reached over the extra aiohttp. None: not measured.
    """

    name: str
    title: str
    samples: work.Samples | None = None
    reach: float | None = None
    unit: str = ""
    tls: bool = False
    alone: bool = False
    quick: bool = True
    turns: int = 1
    only: tuple[Measured, ...] = ()
    reach_over_aiohttp: float | None = None

    def measures(self, measured: Measured) -> bool:
        """Whether this row says something about a model."""
        if measured == SCALEWAY_AIOHTTP:
            return self.reach_over_aiohttp is not None
        return not self.only or measured in self.only

    def reach_of(self, name: str) -> float | None:
        """What a model should reach: only ChatScaleway should reach anything."""
        reaches = {SCALEWAY.name: self.reach, SCALEWAY_AIOHTTP.name: self.reach_over_aiohttp}
        return reaches.get(name)


_TWO = (SCALEWAY, OPENAI)
_THREE = (BASELINE, *_TWO)

IMPORT = Row(name="import", title="import, over langchain-core and httpx", reach=1.05)
FIRST_REPLY = Row(
    name="first-reply", title="first reply in a fresh process, imports done", reach=0.8
)
FIRST_REPLY_TLS = Row(name="first-reply-tls", title="the same over TLS", tls=True)
FRESH_ROWS = (IMPORT, FIRST_REPLY, FIRST_REPLY_TLS)
ROWS = (
    *FRESH_ROWS,
    Row(name="construct", title="construct a model", samples=work.construct, reach=5),
    Row(name="bind-tools", title="`bind_tools`, ten tools", samples=work.bind_tools, reach=60),
    Row(name="invoke", title="`invoke`, short reply", samples=work.invoke, reach=1.0),
    Row(name="invoke-tls", title="the same over TLS", samples=work.invoke, tls=True),
    Row(
        name="stream-content",
        title="`stream`, content chunk",
        samples=work.stream("content"),
        reach=1.0,
    ),
    Row(
        name="stream-reasoning",
        title="`stream`, reasoning chunk",
        samples=work.stream("reasoning"),
        reach=1.0,
    ),
    Row(
        name="stream-tool-tokens",
        title="`stream`, tool-call chunk of a token",
        samples=work.stream("tool-tokens"),
        reach=0.6,
    ),
    Row(
        name="stream-tool-fragments",
        title="`stream`, tool-call chunk of 66 characters",
        samples=work.stream("tool-fragments"),
        reach=0.6,
    ),
    Row(
        name="stream-object",
        title="a structured object of 20 kB, a delta of 1,000 (the baseline streams text)",
        samples=work.stream_object,
        only=_THREE,
    ),
    Row(
        name="astream-content",
        title="`astream`, content chunk",
        samples=work.astream,
        reach=1.1,
        reach_over_aiohttp=1.1,
    ),
    Row(
        name="ainvoke",
        title="`ainvoke`, one at a time",
        samples=work.ainvoke,
        reach=1.05,
        reach_over_aiohttp=1.05,
    ),
    Row(
        name="invoke-history",
        title="`invoke` with a history of 1,000 messages",
        samples=work.history,
        reach=1.5,
    ),
    Row(name="invoke-image", title="`invoke` with a 10 MB image", samples=work.image, reach=0.5),
    Row(
        name="ainvoke-512",
        title="`ainvoke`, 512 at once, 50 ms at the server",
        samples=work.at_once(512, time.process_time),
        reach=5,
        reach_over_aiohttp=3,
        alone=True,
    ),
    Row(
        name="ainvoke-2000",
        title="`ainvoke`, 2,000 at once, 50 ms at the server (wall time)",
        samples=work.at_once(2_000, time.perf_counter),
        reach_over_aiohttp=float("inf"),
        alone=True,
        quick=False,
        only=_THREE,
    ),
    Row(
        name="astream-100",
        title="`astream`, 100 at once, 200 chunks each",
        samples=work.streams_at_once,
        alone=True,
        quick=False,
        only=_THREE,
    ),
    # How long the system takes to wake a process differs twofold from one second to the next, so
    # these two are short and take many turns: all models meet the same seconds.
    Row(
        name="latency-first",
        title="from the server's write to the first chunk at the caller",
        samples=work.latency(slice(0, 1), 3),
        reach=1.1,
        turns=5,
    ),
    Row(
        name="latency-later",
        title="from the server's write to a later chunk at the caller",
        samples=work.latency(slice(1, None), 2),
        turns=4,
    ),
    Row(
        name="memory-growth",
        title="growth of memory over 5,000 calls",
        samples=work.memory_growth,
        reach=1_024,  # one arena of Python's allocator
        unit="kB",
        alone=True,
        quick=False,
        only=_TWO,
    ),
    *(
        Row(
            name=f"{what}-left{suffix}",
            title=f"{what} left by {models} made, used once and dropped{how}",
            samples=work.left(count, lives, divisor),
            reach=reach,
            unit=unit,
            alone=True,
            quick=False,
            only=_TWO,
        )
        for what, models, count, divisor, reach, unit in (
            ("sockets", "100 models", work.open_sockets, 1, 0, "sockets"),
            ("memory", "a model", work.traced_bytes, work.MODELS_DROPPED, 5_000, "bytes"),
        )
        for suffix, lives, how in (
            ("", work.lives, ""),
            ("-async", work.async_lives, ", with `ainvoke`"),
        )
    ),
)
BY_NAME = {row.name: row for row in ROWS}
