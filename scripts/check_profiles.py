"""Compare `scripts/models.toml` with what Scaleway offers today: `make profiles-check`.

Two sources are asked: GET /v1/models, with the key from the environment or Scaleway's config
file, and Scaleway's public product catalogue, which needs none. The exit status is 0 if the
table is up to date, 1 if something differs, and 2 if a source could not be read.
"""

import argparse
import sys
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import NamedTuple

from langchain_scaleway.client.connections import Connections
from langchain_scaleway.client.endpoint import Endpoint
from langchain_scaleway.client.http import ScalewayClient
from langchain_scaleway.data import ModelFacts
from langchain_scaleway.errors import ScalewayError
from langchain_scaleway.settings import Settings, load_settings
from scripts.make_model_table import model_table, read_toml
from scripts.product_catalogue import CatalogueModel, read_catalogue

CATALOGUE_URL = "https://api.scaleway.com"

UP_TO_DATE, DIFFERENT, UNREADABLE = 0, 1, 2


class Difference(NamedTuple):
    """Something that the table does not know.

    Attributes:
        kind: `new`, `gone`, `status`, `price` or `effort`.
        model: The model's id.
        text: What differs.
    """

    kind: str
    model: str
    text: str


def compare_served(
    table: Mapping[str, ModelFacts], served: Collection[str]
) -> Iterator[Difference]:
    """Compare the table with the ids that `GET /v1/models` gives."""
    for model in sorted(set(served) - set(table)):
        yield Difference("new", model, "is served, and not in the table")
    for model, row in table.items():
        if model in served and row.status == "end_of_life":
            yield Difference("status", model, "is served, and retired in the table")
        if model not in served and _is_offered(row):
            yield Difference("gone", model, f"is not served, and {row.status} in the table")


def compare_catalogue(
    table: Mapping[str, ModelFacts],
    catalogue: Mapping[str, CatalogueModel],
    catalogue_efforts: Mapping[str, Collection[str]],
) -> Iterator[Difference]:
    """Compare the table with the product catalogue.

    Args:
        table: The table.
        catalogue: What the catalogue says.
        catalogue_efforts: Where the catalogue is known to name other efforts than the pages.
    """
    for model, entry in sorted(catalogue.items()):
        row = table.get(model)
        if row is not None:
            efforts = catalogue_efforts.get(model) or row.efforts or ()
            yield from _compare_entry(row, entry, efforts)
        elif entry.status != "end_of_life":
            prices = ", ".join(f"{kind} {_euros(price)}" for kind, price in entry.prices.items())
            text = f"is {entry.status} for {', '.join(sorted(entry.tasks))} ({prices})"
            yield Difference("new", model, f"{text}, and not in the table")
    for model, row in table.items():
        if model not in catalogue and _is_offered(row):
            yield Difference("gone", model, f"is not listed, and {row.status} in the table")


def _is_offered(row: ModelFacts) -> bool:
    """Whether both sources should know the model; neither listed a beta so far."""
    return row.status in {"preview", "active", "deprecated"}


def _compare_entry(
    row: ModelFacts, entry: CatalogueModel, known_efforts: Collection[str]
) -> Iterator[Difference]:
    model = row.model
    if entry.status != row.status:
        yield Difference("status", model, f"is {entry.status}, and {row.status} in the table")
    if entry.end_of_life and entry.end_of_life != row.end_of_life:
        text = f"ends on {entry.end_of_life}, in the table {row.end_of_life}"
        yield Difference("status", model, text)
    yield from _compare_prices(row, entry)
    if entry.efforts and entry.efforts != set(known_efforts):
        text = f"takes the efforts {_listed(entry.efforts)}, in the table {_listed(known_efforts)}"
        yield Difference("effort", model, text)
    if entry.default_effort and entry.default_effort != row.default_effort:
        text = f"reasons at {entry.default_effort}, in the table {row.default_effort}"
        yield Difference("effort", model, text)
    if entry.reasons is not None and row.efforts is not None and entry.reasons != bool(row.efforts):
        does = "reasons" if entry.reasons else "does not reason"
        yield Difference("effort", model, f"{does}, and the table says otherwise")


def _compare_prices(row: ModelFacts, entry: CatalogueModel) -> Iterator[Difference]:
    if not entry.prices:  # a retired model
        return
    known = _known_prices(row)
    for kind in sorted(known.keys() | entry.prices.keys()):
        now, before = entry.prices.get(kind), known.get(kind)
        # Embeddings have no output: the table says 0, the catalogue may say nothing.
        if now != before and (now or before):
            per = "minute" if kind == "input_duration" else "million"
            text = f"{kind} costs {_euros(now)} per {per}, in the table {_euros(before)}"
            yield Difference("price", row.model, text)


def _known_prices(row: ModelFacts) -> dict[str, Decimal]:
    """The table's prices under the catalogue's names."""
    prices = {
        "input_token": row.input_price,
        "input_cached_token": row.cached_input_price,
        "output_token": row.output_price,
        "input_duration": row.audio_minute_price,
    }
    return {kind: Decimal(str(price)) for kind, price in prices.items() if price is not None}


def _euros(price: Decimal | None) -> str:
    return "nothing" if price is None else f"{price.normalize():f} EUR"


def _listed(efforts: Collection[str]) -> str:
    return ", ".join(sorted(efforts)) or "none at all"


def read_served(client: ScalewayClient) -> set[str]:
    """Read the ids that `GET /v1/models` gives.

    Raises:
        ScalewayError: The API does not answer, or refuses the key.
        ValueError: It names no model at all.
    """
    served = {model["id"] for model in client.request("/models").body.get("data", [])}
    if not served:
        raise ValueError("GET /v1/models names no model: has the API changed?")
    return served


def find_differences(settings: Settings | None, catalogue_url: str) -> list[Difference]:
    """Ask both sources and compare.

    Args:
        settings: The inference API and the key for it; without them it is not asked.
        catalogue_url: The management API.

    Raises:
        ScalewayError: A source does not answer.
        ValueError: A source's answer cannot be understood, or the table is wrong.
    """
    toml = read_toml()
    table = model_table(toml)
    catalogue_efforts = {
        model: row["catalogue_efforts"]
        for model, row in toml["models"].items()
        if "catalogue_efforts" in row
    }
    connections = Connections()
    differences: list[Difference] = []
    try:
        if settings is not None:
            endpoint = Endpoint(settings.url, api_key=settings.api_key)
            served = read_served(ScalewayClient(endpoint, connections))
            print(f"GET /v1/models names {len(served)} models.")
            differences += compare_served(table, served)
        # The catalogue is public and on another host, so it does not get the key.
        catalogue = read_catalogue(ScalewayClient(Endpoint(catalogue_url), connections))
        print(f"The product catalogue names {len(catalogue)} models.")
        differences += compare_catalogue(table, catalogue, catalogue_efforts)
    finally:
        connections.close()
    return sorted(differences)


def main(arguments: list[str] | None = None) -> int:
    """Print what differs.

    Args:
        arguments: Those of the command line, by default the program's own.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(prog="make profiles-check", description=__doc__)
    parser.add_argument("--base-url", help="the inference API, up to and including /v1")
    parser.add_argument("--catalogue-url", default=CATALOGUE_URL, help="the management API")
    parser.add_argument("--catalogue-only", action="store_true", help="ask without a key")
    options = parser.parse_args(arguments)
    try:
        settings = None
        if not options.catalogue_only:
            settings = load_settings(base_url=options.base_url)
        differences = find_differences(settings, options.catalogue_url)
    except (ScalewayError, ValueError) as error:
        print(f"The table could not be compared: {error}", file=sys.stderr)
        return UNREADABLE
    for kind, model, text in differences:
        print(f"{kind:6}  {model} {text}")
    if differences:
        print("Edit scripts/models.toml and run `make profiles`: see docs/maintaining-models.md.")
        return DIFFERENT
    print("The table is up to date.")
    return UP_TO_DATE


if __name__ == "__main__":
    sys.exit(main())
