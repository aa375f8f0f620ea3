"""Sort a big pile of messages at the speed of Scaleway's quotas.

    pip install "langchain-scaleway[testing]" tqdm
    python -m examples.classify messages.txt    # a message a line; without a file: made up here

With SCW_SECRET_KEY it runs on Scaleway, without on an emulator whose minutes last three seconds.
"""

import os
import sys
from collections import Counter
from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel
from tqdm.auto import tqdm

from examples.without_a_key import scaleway_or_emulator
from langchain_scaleway import ChatScaleway, ScalewayRateLimiter
from langchain_scaleway.testing import Quotas, ReceivedRequest

MODEL = "mistral-small-3.2-24b-instruct-2506"

MESSAGES = [
    "My invoice of May is wrong.",
    "The app stops when I open a picture.",
    "Do you have an office in Lyon?",
    "I was charged twice for one order.",
    "Since today the page stays white.",
    "How do I become a partner?",
] * 70

EMULATED_QUOTAS = Quotas(requests_per_minute=300, concurrent_requests=20)
EMULATED_SPEED = 20.0
"""How many seconds pass on the emulator in one real second."""


class Sorted(BaseModel):
    """What a customer's message is about."""

    topic: Literal["billing", "technical", "other"]


def sort(model: ChatScaleway, messages: list[str]) -> None:
    """Print how many messages are about what."""
    sorter = model.with_structured_output(Sorted)
    # Threads only wait here: the rate limiter decides when each request goes.
    done = sorter.batch_as_completed([*messages], {"max_concurrency": 50}, return_exceptions=True)
    results = [result for _, result in tqdm(done, total=len(messages), unit="message")]
    topics = Counter(r.topic if isinstance(r, Sorted) else f"failed: {r}" for r in results)
    for topic, count in topics.most_common():
        print(f"{count:5} {topic}")


def sort_by_words(request: ReceivedRequest) -> str:
    """What the emulator says, since it has no model."""
    text = request.json["messages"][-1]["content"]
    billing = ("invoice", "charged")
    technical = ("app", "page")
    if any(word in text for word in billing):
        return orjson.dumps({"topic": "billing"}).decode()
    if any(word in text for word in technical):
        return orjson.dumps({"topic": "technical"}).decode()
    return orjson.dumps({"topic": "other"}).decode()


def main() -> None:
    """Sort the lines of the file on the command line, or the messages made up here."""
    if sys.argv[1:]:
        lines = Path(sys.argv[1]).read_text(encoding="utf-8").splitlines()
        messages = [line for line in lines if line.strip()]
    else:
        messages = MESSAGES
    # It learns the quotas from Scaleway's answers. On Scaleway it needs no argument.
    speed = 1.0 if os.environ.get("SCW_SECRET_KEY") else EMULATED_SPEED
    limiter = ScalewayRateLimiter(time_scale=speed)
    with (
        scaleway_or_emulator(
            MODEL, sort_by_words, quotas=EMULATED_QUOTAS, time_scale=EMULATED_SPEED
        ) as arguments,
        ChatScaleway(**arguments, rate_limiter=limiter, max_tokens=20) as model,
    ):
        sort(model, messages)


if __name__ == "__main__":
    main()
