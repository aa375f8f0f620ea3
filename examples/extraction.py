"""Typed records from a pile of documents, with a progress bar and what it cost.

    pip install "langchain-scaleway[testing]" tqdm
    python -m examples.extraction letters/*.txt   # without files: some that are made up here

With SCW_SECRET_KEY it runs on Scaleway, without on an emulator.
"""

import re
import sys
from datetime import date
from pathlib import Path
from typing import Literal

import orjson
from pydantic import BaseModel, Field
from tqdm.auto import tqdm

from examples.without_a_key import scaleway_or_emulator
from langchain_scaleway import ChatScaleway, usage_cost
from langchain_scaleway.data import model_facts
from langchain_scaleway.testing import ReceivedRequest

MODEL = "mistral-small-3.2-24b-instruct-2506"
AT_ONCE = 10

DOCUMENTS = {
    f"letter-{number}": (
        f"Dear {name}, your invoice {number} of {total:.2f} EUR is due on 2026-12-{day:02}. "
        f"{'Thank you, it has been paid.' if number % 3 == 0 else 'It has not been paid yet.'}"
    )
    for number, name, total, day in [
        (101, "Alice Martin", 48.5, 3),
        (102, "Noah Petit", 1290.0, 9),
        (103, "Emma Roux", 7.25, 11),
        (104, "Louis Blanc", 310.4, 15),
        (105, "Marie Noir", 86.0, 20),
        (106, "David Brun", 59.9, 24),
    ]
}


class Invoice(BaseModel):
    """An invoice that a letter is about."""

    number: str
    customer: str
    total: float = Field(description="in EUR")
    due: date
    state: Literal["open", "paid"]


def extract(model: ChatScaleway, documents: dict[str, str]) -> None:
    """Print a record for each document, and what all of them cost."""
    # `include_raw` keeps the reply, which has the usage, and turns failures into values.
    reader = model.with_structured_output(Invoice, include_raw=True)
    # Not `batch`, which does one step for all documents before it begins with the next.
    done = reader.batch_as_completed(
        [*documents.values()], {"max_concurrency": AT_ONCE}, return_exceptions=True
    )
    results = dict(tqdm(done, total=len(documents), unit="document"))

    found, cost = 0, 0.0
    for index, name in enumerate(documents):
        result = results[index]
        # With `return_exceptions` a failed call is its exception.
        if isinstance(result, Exception):
            print(f"{name}: failed, {result}")
        elif isinstance(result, dict) and result["parsed"] is None:
            print(f"{name}: failed, {result['parsing_error']}")
        elif isinstance(result, dict):
            print(f"{name}: {result['parsed']!r}")
            found += 1
            cost += usage_cost(result["raw"]) or 0.0
    facts = model_facts(model.model)
    prices = f"list prices of {facts.prices_as_of}" if facts else "no prices known"
    print(f"{found} of {len(documents)} records for {cost:.6f} EUR ({prices})")


def read_like_a_model(request: ReceivedRequest) -> str:
    """What the emulator says, since it has no model: a pattern reads the letters made up here."""
    text = request.json["messages"][-1]["content"]
    pattern = r"Dear (.+), your invoice (\d+) of ([\d.]+) EUR is due on ([\d-]+)\."
    found = re.match(pattern, text)
    if found is None:
        return "{}"
    customer, number, total, due = found.groups()
    state = "paid" if "has been paid" in text else "open"
    invoice = {"number": number, "customer": customer, "total": float(total), "due": due}
    return orjson.dumps(invoice | {"state": state}).decode()


def main() -> None:
    """Read the files of the command line, or the letters made up here."""
    documents = {name: Path(name).read_text(encoding="utf-8") for name in sys.argv[1:]}
    with (
        scaleway_or_emulator(MODEL, read_like_a_model) as arguments,
        ChatScaleway(**arguments, temperature=0.2, max_tokens=300) as model,
    ):
        extract(model, documents or DOCUMENTS)


if __name__ == "__main__":
    main()
