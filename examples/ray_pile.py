"""Answer a pile in Ray Data: asynchronous actors ask, which share the quota.

    pip install "langchain-scaleway[testing,redis]" "ray[data]"
    python -m examples.ray_pile --store redis://localhost:6379/0

Without a store each of the actors keeps to its share of the quota. With SCW_SECRET_KEY it runs on
Scaleway, without on an emulator whose minutes last three seconds.
"""

import argparse
import os
import sys
import time
from collections.abc import AsyncIterator
from typing import Any

import ray

from examples.without_a_key import scaleway_or_emulator
from langchain_scaleway import ChatScaleway, ScalewayRateLimiter
from langchain_scaleway.testing import Quotas

MODEL = "mistral-small-3.2-24b-instruct-2506"
ACTORS = 2
ROWS = 20
SPEED = 1.0 if os.environ.get("SCW_SECRET_KEY") else 20.0

Rows = dict[str, Any]
"""The columns of some rows."""


class Answer:
    """An actor that answers rows, of several batches at the same time.

    Args:
        model: The model, which was pickled on its way here.
    """

    def __init__(self, model: ChatScaleway) -> None:
        self._model = model

    async def __call__(self, rows: Rows) -> AsyncIterator[Rows]:
        """Add a column of answers; a row that fails does not end the others."""
        prompts = [str(prompt) for prompt in rows["prompt"]]
        answers = await self._model.abatch([*prompts], return_exceptions=True)
        texts = [
            f"failed: {one}" if isinstance(one, BaseException) else str(one.text) for one in answers
        ]
        yield {"prompt": prompts, "answer": texts}


def main() -> None:
    """Answer the prompts made up here, and print them in their order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50)
    parser.add_argument("--store", help="the address of a Redis, for one quota for all actors")
    options = parser.parse_args()
    prompts = [{"prompt": f"What is {number} times {number}?"} for number in range(options.rows)]
    share = 1.0 if options.store else 1 / ACTORS
    limiter = ScalewayRateLimiter(store=options.store, share=share, time_scale=SPEED)
    ray.init(include_dashboard=False, logging_level="ERROR")
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    with scaleway_or_emulator(MODEL, quotas=Quotas(), time_scale=SPEED) as arguments:
        answered = ray.data.from_items(prompts).map_batches(
            Answer,
            fn_constructor_kwargs={
                "model": ChatScaleway(**arguments, rate_limiter=limiter, max_tokens=100)
            },
            batch_size=ROWS,
            concurrency=ACTORS,
            num_cpus=0.5,  # It waits for the network.
        )
        began = time.monotonic()
        for row in answered.iter_rows():
            print(f"{row['prompt']}\t{row['answer']}")
    seconds = (time.monotonic() - began) * SPEED
    print(f"{options.rows} rows in {seconds:.0f} s.", file=sys.stderr)


if __name__ == "__main__":
    main()
