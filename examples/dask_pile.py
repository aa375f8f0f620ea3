"""Answer a pile in Dask: the model goes to the workers, which share the quota.

    pip install "langchain-scaleway[testing,redis]" distributed
    python -m examples.dask_pile --store redis://localhost:6379/0

Without a store each of the workers keeps to its share of the quota. With SCW_SECRET_KEY it runs on
Scaleway, without on an emulator whose minutes last three seconds.
"""

import argparse
import os
import sys
import time

from distributed import Client, LocalCluster

from examples.without_a_key import scaleway_or_emulator
from langchain_scaleway import ChatScaleway, ScalewayRateLimiter
from langchain_scaleway.testing import Quotas

MODEL = "mistral-small-3.2-24b-instruct-2506"
WORKERS = 2
ROWS = 20
"""Rows of a part: what a worker that dies has to ask again."""
SPEED = 1.0 if os.environ.get("SCW_SECRET_KEY") else 20.0


def answer(prompts: list[str], model: ChatScaleway) -> list[str]:
    """Answer a part of the pile in a worker; a row that fails does not end the others."""
    answers = model.batch([*prompts], {"max_concurrency": ROWS}, return_exceptions=True)
    return [f"failed: {one}" if isinstance(one, BaseException) else one.text for one in answers]


def main() -> None:
    """Answer the prompts made up here, and print them in their order."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50)
    parser.add_argument("--store", help="the address of a Redis, for one quota for all workers")
    options = parser.parse_args()
    prompts = [f"What is {number} times {number}?" for number in range(options.rows)]
    share = 1.0 if options.store else 1 / WORKERS
    limiter = ScalewayRateLimiter(store=options.store, share=share, time_scale=SPEED)
    with (
        scaleway_or_emulator(MODEL, quotas=Quotas(), time_scale=SPEED) as arguments,
        LocalCluster(n_workers=WORKERS, threads_per_worker=4, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        model = ChatScaleway(**arguments, rate_limiter=limiter, max_tokens=100)
        # Once to each worker, where all parts then share its connections and its limiter.
        shared = client.scatter(model, broadcast=True)
        parts = [prompts[start : start + ROWS] for start in range(0, len(prompts), ROWS)]
        began = time.monotonic()
        results = client.gather(client.map(answer, parts, model=shared))
        seconds = (time.monotonic() - began) * SPEED
    for prompt, text in zip(prompts, [text for part in results for text in part], strict=True):
        print(f"{prompt}\t{text}")
    print(f"{len(prompts)} rows in {seconds:.0f} s.", file=sys.stderr)


if __name__ == "__main__":
    main()
