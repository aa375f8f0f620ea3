"""Every row of the tables: what is measured, in which unit, and what it should reach."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from benchmarks.cases import calls, concurrency, endurance, objects, streams
from benchmarks.contestants import (
    FLOOR,
    OPENAI,
    SCALEWAY,
    SCALEWAY_AIOHTTP,
    Contestant,
    OverAiohttp,
)
from benchmarks.sampling import Setting

Samples = Callable[[Setting], Iterator[float]]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of a table.

    Attributes:
        name: Its name in commands and in the JSON report.
        title: Its name in a table.
        samples: What measures it, or nothing for the two rows that need a fresh process for
            every sample (`benchmarks/fresh.py`).
        reach: The most that ChatScaleway should cost: a ratio to the floor or, for a row
            without a floor, an amount in `unit`.
        over_aiohttp: Whether ChatScaleway is measured over the extra `aiohttp` too.
        reach_over_aiohttp: What it should reach there, where that differs.
        guard: The ratio at which CI raises an alarm, or nothing if CI does not measure it. Wide
            enough for a busy machine: it catches a blunder, not a slip.
        unit: What a row without a floor counts, or nothing for a row that is divided by it.
        quick: Whether `--quick` measures it too.
        once: Whether it is measured once, as it takes long, and not in all rounds and turns.
        alone: Whether it has processes of its own, without what other rows leave behind.
        turns_multiplied_by: How many turns it takes for each that a plan has. Many short ones are
            for what changes from one second to the next: all contestants meet the same seconds.
        only: The contestants that are measured, or nothing for all.
    """

    name: str
    title: str
    samples: Samples | None = None
    reach: float | None = None
    over_aiohttp: bool = False
    reach_over_aiohttp: float | None = None
    guard: float | None = None
    unit: str = ""
    quick: bool = True
    once: bool = False
    alone: bool = False
    turns_multiplied_by: int = 1
    only: frozenset[str] = frozenset()

    @property
    def has_floor(self) -> bool:
        """Whether its figures are ratios to the floor."""
        return not self.unit

    def measures(self, contestant: Contestant) -> bool:
        """Return whether this row says something about a contestant."""
        if isinstance(contestant, OverAiohttp):
            return self.over_aiohttp
        return not self.only or contestant.name in self.only

    def reach_of(self, contestant: str) -> float | None:
        """Return what a contestant should reach: only ChatScaleway should reach anything."""
        if contestant == SCALEWAY_AIOHTTP.name:
            return self.reach_over_aiohttp or self.reach
        return self.reach if contestant == SCALEWAY.name else None


_OURS_AND_OPENAI = frozenset({SCALEWAY.name, OPENAI.name})

IMPORT = Row(name="import", title="import, over langchain-core and httpx", reach=1.05, guard=1.5)
FIRST_REPLY = Row(
    name="first-reply",
    title="first reply in a fresh process, imports done",
    reach=1.1,
    guard=2.5,
)

TABLE = (
    IMPORT,
    Row(
        name="construct",
        title="construct a model",
        samples=objects.construct,
        reach=5,
        guard=20,
    ),
    Row(
        name="bind-tools",
        title="`bind_tools`, ten tools already known",
        samples=objects.bind_tools,
        reach=5,
        guard=20,
    ),
    FIRST_REPLY,
    Row(
        name="invoke",
        title="`invoke`, short reply",
        samples=calls.invoke,
        reach=1.0,
        guard=1.6,
    ),
    Row(
        name="stream-content",
        title="`stream`, content chunk",
        samples=streams.stream_content,
        reach=0.9,
        guard=1.6,
    ),
    Row(
        name="stream-reasoning",
        title="`stream`, reasoning chunk",
        samples=streams.stream_reasoning,
        reach=0.9,
        guard=1.6,
    ),
    Row(
        name="stream-tool-tokens",
        title="`stream`, tool-call chunk of a token",
        samples=streams.stream_tool_tokens,
        reach=0.45,
        guard=1.0,
    ),
    Row(
        name="stream-tool-fragments",
        title="`stream`, tool-call chunk of 66 characters",
        samples=streams.stream_tool_fragments,
        reach=0.45,
        guard=1.0,
    ),
    Row(
        name="astream-content",
        title="`astream`, content chunk",
        samples=streams.astream_content,
        reach=1.0,
        guard=1.8,
        over_aiohttp=True,
    ),
    Row(
        name="ainvoke",
        title="`ainvoke`, one at a time",
        samples=calls.ainvoke,
        reach=1.0,
        guard=1.6,
        over_aiohttp=True,
    ),
    Row(
        name="invoke-history",
        title="`invoke` with a history of 1,000 messages",
        samples=calls.invoke_history,
        reach=1.2,
        guard=2.5,
    ),
    Row(
        name="ainvoke-512",
        title="`ainvoke`, 512 at once, 50 ms at the server",
        samples=concurrency.ainvoke_512,
        reach=4,
        over_aiohttp=True,
        reach_over_aiohttp=2.5,
        guard=8,
        once=True,
        alone=True,
    ),
    Row(
        name="invoke-image",
        title="`invoke` with a 10 MB image",
        samples=calls.invoke_image,
        reach=0.3,
        guard=0.8,
    ),
    Row(
        name="latency-first",
        title="from the server's write to the first chunk at the caller",
        samples=streams.latency_first,
        reach=1.0,
        turns_multiplied_by=5,
    ),
)

BEYOND = (
    Row(
        name="latency-later",
        title="from the server's write to a later chunk at the caller",
        samples=streams.latency_later,
        reach=1.0,
        turns_multiplied_by=4,
    ),
    Row(
        name="ainvoke-2000",
        title="`ainvoke`, 2,000 at once, 50 ms at the server (wall time)",
        samples=concurrency.ainvoke_2000,
        quick=False,
        once=True,
        alone=True,
        only=_OURS_AND_OPENAI | {FLOOR.name},
        over_aiohttp=True,
    ),
    Row(
        name="astream-100",
        title="`astream`, 100 at once, 200 chunks each",
        samples=concurrency.astream_100,
        quick=False,
        once=True,
        alone=True,
        over_aiohttp=True,
        only=_OURS_AND_OPENAI | {FLOOR.name},
    ),
    Row(
        name="memory-growth",
        title="growth of memory from call 2,000 to call 20,000",
        samples=endurance.memory_growth,
        reach=1_024,  # one arena of Python's allocator
        unit="kB",
        quick=False,
        once=True,
        alone=True,
        only=frozenset({SCALEWAY.name}),
    ),
    Row(
        name="sockets-left",
        title="sockets left by 100 models made, used once and dropped",
        samples=endurance.sockets_left,
        reach=0,
        unit="sockets",
        quick=False,
        once=True,
        alone=True,
        only=_OURS_AND_OPENAI,
    ),
    Row(
        name="sockets-left-async",
        title="the same with `ainvoke`, in a running loop",
        samples=endurance.sockets_left_async,
        reach=0,
        unit="sockets",
        quick=False,
        once=True,
        alone=True,
        only=_OURS_AND_OPENAI,
    ),
    Row(
        name="bytes-left",
        title="memory left by a model made, used once and dropped",
        samples=endurance.bytes_left,
        reach=5_000,
        unit="bytes a model",
        quick=False,
        once=True,
        alone=True,
        only=_OURS_AND_OPENAI,
    ),
    Row(
        name="bytes-left-async",
        title="the same with `ainvoke`, in a running loop",
        samples=endurance.bytes_left_async,
        reach=5_000,
        unit="bytes a model",
        quick=False,
        once=True,
        alone=True,
        only=_OURS_AND_OPENAI,
    ),
)

ROWS = TABLE + BEYOND


def named(name: str) -> Row:
    """Return the row of that name.

    Raises:
        ValueError: There is no row of that name.
    """
    for row in ROWS:
        if row.name == name:
            return row
    raise ValueError(f"No row is called {name!r}: {[row.name for row in ROWS]}")
