"""Scaleway's public product catalogue: what it says about the models of Generative APIs.

`GET /product-catalog/v2alpha1/public-catalog/products` needs no key. A row is one SKU, that is
one kind of token of one model, priced per `unit_of_measure`; `product` is the model's id. There
are neither context windows nor output caps in it. Shapes as captured on 2026-08-30 and
2026-09-03, enumerations from scaleway-sdk-python (product_catalog/v2alpha1).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from pydantic import BaseModel

from langchain_scaleway.client.http import ScalewayClient
from langchain_scaleway.data.facts import Status

PATH = "/product-catalog/v2alpha1/public-catalog/products"
REGION = "fr-par"
PAGE_SIZE = 1000
MOST_PAGES = 100

_TOKENS_PER_PRICE = 1_000_000
_SECONDS_PER_UNIT = {"second": 1, "minute": 60}
_STATUSES: dict[str, Status] = {
    "public_beta": "beta",
    "preview": "preview",
    "general_availability": "active",
    "end_of_new_features": "deprecated",
    "end_of_growth": "deprecated",
    "end_of_deployment": "deprecated",
    "end_of_support": "deprecated",
    "end_of_sale": "deprecated",
    "end_of_life": "end_of_life",
    "retired": "end_of_life",
}


class Money(BaseModel):
    """An exact amount."""

    currency_code: str = ""
    units: int = 0
    nanos: int = 0

    @property
    def amount(self) -> Decimal:
        """The amount in its currency."""
        return self.units + Decimal(self.nanos) / 1_000_000_000


class Price(BaseModel):
    """A list price, without VAT."""

    retail_price: Money | None = None


class Unit(BaseModel):
    """What the price is for."""

    unit: str = ""
    size: int = 0


class GenerativeApis(BaseModel):
    """What makes a row one of Generative APIs."""

    tasks: list[str] = []
    reasoning: bool | None = None
    supported_reasoning_values: list[str] = []
    default_reasoning_value: str | None = None
    token_type: str = ""
    consumption_mode: str = ""


class Properties(BaseModel):
    """Details by kind of product."""

    generative_apis: GenerativeApis | None = None


class Locality(BaseModel):
    """Where the product is sold."""

    region: str | None = None


class Product(BaseModel):
    """One row."""

    product: str
    status: str = ""
    end_of_life_at: datetime | None = None
    locality: Locality | None = None
    price: Price | None = None
    unit_of_measure: Unit | None = None
    properties: Properties | None = None


class Page(BaseModel):
    """One page of rows."""

    products: list[Product]
    total_count: int


@dataclass
class CatalogueModel:
    """What all the rows of one model say together.

    Attributes:
        status: Scaleway's status, in the words of the model table.
        end_of_life: The ISO date of its end.
        tasks: What it is for, in the catalogue's words.
        reasons: Whether it takes a reasoning effort.
        efforts: The values that it takes.
        default_effort: The effort when none is sent.
        prices: EUR per million tokens by kind of token, per minute for `input_duration`.
    """

    status: str = ""
    end_of_life: str | None = None
    tasks: set[str] = field(default_factory=set)
    reasons: bool | None = None
    efforts: set[str] = field(default_factory=set)
    default_effort: str | None = None
    prices: dict[str, Decimal] = field(default_factory=dict)


def read_catalogue(client: ScalewayClient) -> dict[str, CatalogueModel]:
    """Read what the catalogue says about each model for immediate answers in Paris.

    Args:
        client: For the management API; it needs no key.

    Raises:
        ScalewayError: The catalogue does not answer.
        ValueError: Its answer cannot be understood, or holds no model at all.
    """
    models = collect(_products(client))
    if not models:
        raise ValueError("The catalogue names no model of Generative APIs: has the API changed?")
    return models


def _products(client: ScalewayClient) -> Iterator[Product]:
    """All rows, page by page."""
    received = 0
    for number in range(1, MOST_PAGES + 1):
        query = f"?product_types=generative_apis&page={number}&page_size={PAGE_SIZE}"
        page = Page.model_validate(client.request(PATH + query).body)
        yield from page.products
        received += len(page.products)
        if received >= page.total_count:
            return
        if not page.products:
            break
    raise ValueError(f"The catalogue announces {page.total_count} rows and gave {received}.")


def collect(products: Iterable[Product]) -> dict[str, CatalogueModel]:
    """Bring the rows of each model together.

    Rows for batches, which cost half, and for other regions or products are left out: not every
    version of the API heeds its filters.

    Raises:
        ValueError: A row has a status, a currency or a unit that is not known here.
    """
    models: dict[str, CatalogueModel] = {}
    for row in products:
        details = row.properties and row.properties.generative_apis
        region = row.locality.region if row.locality else None
        if not details or details.consumption_mode != "realtime" or region not in {None, REGION}:
            continue
        if row.status not in _STATUSES:
            raise ValueError(f"{row.product} has the status {row.status!r}, which is not known.")
        model = models.setdefault(row.product, CatalogueModel())
        model.status = _STATUSES[row.status]
        if row.end_of_life_at:
            model.end_of_life = row.end_of_life_at.date().isoformat()
        model.tasks.update(details.tasks)
        model.efforts.update(details.supported_reasoning_values)
        model.default_effort = details.default_reasoning_value or model.default_effort
        if details.reasoning is not None:
            model.reasons = details.reasoning
        # Retired models have no price any more.
        if row.price and row.price.retail_price:
            model.prices[details.token_type] = _price(row, row.price.retail_price)
    return models


def _price(row: Product, money: Money) -> Decimal:
    """EUR per million tokens or per minute."""
    unit = row.unit_of_measure or Unit()
    if money.currency_code != "EUR" or unit.size <= 0:
        raise ValueError(f"{row.product} is priced in {money} per {unit}.")
    if unit.unit == "token":
        return money.amount / unit.size * _TOKENS_PER_PRICE
    if unit.unit in _SECONDS_PER_UNIT:
        return money.amount / (unit.size * _SECONDS_PER_UNIT[unit.unit]) * 60
    raise ValueError(f"{row.product} is priced per {unit.unit!r}, which is not known.")
