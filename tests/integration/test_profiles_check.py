"""`make profiles-check` against the emulator and a catalogue on this machine."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway.data import ModelFacts, known_models, model_facts
from langchain_scaleway.testing import ScalewayEmulator, ServedModel
from scripts.check_profiles import (
    DIFFERENT,
    UNREADABLE,
    UP_TO_DATE,
    find_differences,
    main,
)
from scripts.make_model_table import ROOT, read_toml
from scripts.product_catalogue import PATH, Product, collect

STATUSES = {
    "preview": "preview",
    "active": "general_availability",
    "deprecated": "end_of_new_features",
}


def product(model: str, token_type: str, eur: float, **changes: Any) -> dict[str, Any]:
    """One row of the catalogue, as it was captured in September 2026."""
    if token_type == "input_duration":
        amount, unit = Decimal(str(eur)), {"unit": "second", "size": 60}
    else:
        amount, unit = Decimal(str(eur)) / 1000, {"unit": "token", "size": 1000}
    price = {"currency_code": "EUR", "units": int(amount), "nanos": int(amount % 1 * 10**9)}
    details = {
        "provider_name": "Somebody",
        "tasks": ["chat"],
        "supported_apis": ["/v1/chat/completions"],
        "token_type": token_type,
        "consumption_mode": "realtime",
    }
    row: dict[str, Any] = {
        "sku": f"/ai/generative_apis/consumption/{model}_{token_type}/fr-par",
        "product_category": "Generative APIs",
        "product": model,
        "locality": {"region": "fr-par"},
        "price": {"retail_price": price},
        "unit_of_measure": unit,
        "status": "general_availability",
        "end_of_life_at": None,
    }
    row |= {key: value for key, value in changes.items() if key in row}
    details |= {key: value for key, value in changes.items() if key not in row}
    return row | {"properties": {"generative_apis": details}}


def products(facts: ModelFacts, **changes: Any) -> Iterator[dict[str, Any]]:
    """The rows of a model exactly as the table knows it."""
    in_catalogue = read_toml()["models"][facts.model].get("catalogue_efforts")
    known = {
        "status": STATUSES.get(facts.status or "", "retired"),
        "reasoning": bool(facts.efforts),
        "supported_reasoning_values": list(in_catalogue or facts.efforts or ()),
        "default_reasoning_value": facts.default_effort,
    } | changes
    prices = {
        "input_token": facts.input_price,
        "output_token": facts.output_price,
        "input_cached_token": facts.cached_input_price,
        "input_duration": facts.audio_minute_price,
    }
    for kind, price in prices.items():
        if price is not None:
            yield product(facts.model, kind, price, **known)


class Catalogue(ThreadingHTTPServer):
    """A product catalogue that pages, and ignores filters as some versions of the API do."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _CatalogueHandler)
        self.rows: list[dict[str, Any]] = []
        self.largest_page = 7
        self.asked: list[tuple[dict[str, list[str]], dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def change(self, model: str, **changes: Any) -> None:
        """Replace what the catalogue says about a model of the table."""
        self.rows = [row for row in self.rows if row["product"] != model]
        facts = model_facts(model)
        assert facts is not None
        self.rows += products(facts, **changes)


class _CatalogueHandler(BaseHTTPRequestHandler):
    server: Catalogue

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        query = parse_qs(url.query)
        self.server.asked.append((query, {k.lower(): v for k, v in self.headers.items()}))
        size = min(int(query["page_size"][0]), self.server.largest_page)
        start = (int(query["page"][0]) - 1) * size
        body = {
            "products": self.server.rows[start : start + size],
            "total_count": len(self.server.rows),
        }
        content = json.dumps(body if url.path == PATH else {"message": "not found"}).encode()
        self.send_response(200 if url.path == PATH else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- its name there
        """Keep the tests' output clean."""


@pytest.fixture
def catalogue() -> Iterator[Catalogue]:
    """A catalogue that says what the table says, among other products."""
    server = Catalogue()
    for facts in known_models():
        server.rows += products(facts)
    server.rows += [
        product("glm-5.2", "input_token", 0.9, consumption_mode="batch"),
        product("glm-5.2", "input_token", 9.9, locality={"region": "nl-ams"}),
        {"product": "VC1-L", "status": "retired", "properties": {"instance": {"range": "VC1"}}},
        {"product": "Domain"},
    ]
    thread = Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[ScalewayEmulator]:
    """The inference API, which serves what the table says is offered."""
    with ScalewayEmulator(models=tuple(map(served, offered()))) as emulator:
        monkeypatch.setenv("SCW_SECRET_KEY", str(emulator.api_key))
        yield emulator


def offered() -> list[str]:
    return [facts.model for facts in known_models() if facts.status in STATUSES]


def served(model: str) -> ServedModel:
    return ServedModel(id=model, context_window=1, max_output_tokens=1)


def differences(catalogue: Catalogue) -> list[tuple[str, str, str]]:
    """What differs between the table and the catalogue."""
    return [(each.kind, each.model, each.text) for each in find_differences(None, catalogue.url)]


def test_nothing_differs_and_the_catalogue_never_sees_the_key(
    catalogue: Catalogue, emulator: ScalewayEmulator, capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(["--base-url", emulator.base_url, "--catalogue-url", catalogue.url])
    output = capsys.readouterr().out
    assert (status, output.splitlines()[-1]) == (UP_TO_DATE, "The table is up to date.")
    assert f"GET /v1/models names {len(offered())} models." in output
    assert len(catalogue.asked) == -(-len(catalogue.rows) // catalogue.largest_page)
    for query, headers in catalogue.asked:
        assert query["product_types"] == ["generative_apis"]
        assert "authorization" not in headers
        assert str(emulator.api_key) not in str(headers)


def test_it_is_a_program(catalogue: Catalogue, emulator: ScalewayEmulator) -> None:
    catalogue.change("glm-5.2", status="retired")
    options = ["--base-url", emulator.base_url, "--catalogue-url", catalogue.url]
    done = subprocess.run(
        [sys.executable, "-m", "scripts.check_profiles", *options],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (DIFFERENT, "")
    assert "glm-5.2 is end_of_life, and preview in the table" in done.stdout
    assert "docs/maintaining-models.md" in done.stdout


def test_served_models_are_new_gone_and_back(
    catalogue: Catalogue, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = {*offered(), "qwen4-9b", "gemma-3-27b-it"} - {"pixtral-12b-2409"}
    with ScalewayEmulator(models=tuple(map(served, now))) as emulator:
        monkeypatch.setenv("SCW_SECRET_KEY", str(emulator.api_key))
        status = main(["--base-url", emulator.base_url, "--catalogue-url", catalogue.url])
    assert status == DIFFERENT
    assert [line for line in capsys.readouterr().out.splitlines() if "  " in line] == [
        "gone    pixtral-12b-2409 is not served, and deprecated in the table",
        "new     qwen4-9b is served, and not in the table",
        "status  gemma-3-27b-it is served, and retired in the table",
    ]


@pytest.mark.parametrize("key", ["not-the-key", ""])
def test_key_that_is_no_key(
    key: str,
    catalogue: Catalogue,
    emulator: ScalewayEmulator,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("SCW_SECRET_KEY", key)
    status = main(["--base-url", emulator.base_url, "--catalogue-url", catalogue.url])
    message = capsys.readouterr().err
    assert status == UNREADABLE
    assert ("403" if key else "401") in message
    assert "not-the-key" not in message


CHANGES: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "qwen3-235b-a22b-instruct-2507",
        {"status": "end_of_new_features"},
        "status",
        "is deprecated, and active in the table",
    ),
    (
        "qwen3-coder-30b-a3b-instruct",
        {"end_of_life_at": "2026-12-01T00:00:00Z"},
        "status",
        "ends on 2026-12-01, in the table None",
    ),
    (
        "glm-5.2",
        {"supported_reasoning_values": ["none", "low", "max"]},
        "effort",
        "takes the efforts low, max, none, in the table high, max, none",
    ),
    (
        "qwen3.6-35b-a3b",
        {"default_reasoning_value": "none"},
        "effort",
        "reasons at none, in the table medium",
    ),
    (
        "llama-3.3-70b-instruct",
        {"reasoning": True},
        "effort",
        "reasons, and the table says otherwise",
    ),
]


def test_changes(catalogue: Catalogue) -> None:
    for model, changes, _, _ in CHANGES:
        catalogue.change(model, **changes)
    found = {model: (kind, text) for kind, model, text in differences(catalogue)}
    assert found == {model: (kind, text) for model, _, kind, text in CHANGES}


def test_prices(catalogue: Catalogue) -> None:
    for row in catalogue.rows:
        if row["product"] == "deepseek-v4-flash-0731":
            row["price"]["retail_price"]["nanos"] *= 2
        if row["product"] == "whisper-large-v3":
            row["unit_of_measure"] = {"unit": "minute", "size": 2}
    catalogue.rows.append(product("glm-5.2", "input_cached_token", 0.36, status="preview"))
    assert [f"{model} {text}" for _, model, text in differences(catalogue)] == [
        f"deepseek-v4-flash-0731 {kind} costs {now} EUR per million, in the table {then} EUR"
        for kind, now, then in (
            ("input_cached_token", 0.16, 0.08),
            ("input_token", 0.8, 0.4),
            ("output_token", 1.6, 0.8),
        )
    ] + [
        "glm-5.2 input_cached_token costs 0.36 EUR per million, in the table nothing",
        "whisper-large-v3 input_duration costs 0.0015 EUR per minute, in the table 0.003 EUR",
    ]


def test_products_are_new_and_gone(catalogue: Catalogue) -> None:
    catalogue.rows = [row for row in catalogue.rows if row["product"] != "gpt-oss-120b"]
    catalogue.rows += [
        product("qwen4-9b", "input_token", 0.2, status="preview", tasks=["vision", "chat"]),
        product("qwen4-9b", "output_token", 1.25, status="preview"),
        product("qwen1", "input_token", 1, status="retired"),
    ]
    offer = "is preview for chat, vision (input_token 0.2 EUR, output_token 1.25 EUR)"
    assert differences(catalogue) == [
        ("gone", "gpt-oss-120b", "is not listed, and active in the table"),
        ("new", "qwen4-9b", f"{offer}, and not in the table"),
    ]


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"status": "sleeping"}, "the status 'sleeping', which is not known"),
        ({"unit_of_measure": {"unit": "word", "size": 1}}, "per 'word', which is not known"),
        ({"unit_of_measure": {"unit": "token", "size": 0}}, "glm-5.2 is priced in"),
        ({"price": {"retail_price": {"currency_code": "USD", "units": 1}}}, "'USD'"),
        ({}, "names no model"),
    ],
)
def test_what_is_not_understood_is_no_difference(
    changes: dict[str, Any],
    complaint: str,
    catalogue: Catalogue,
    capsys: pytest.CaptureFixture[str],
) -> None:
    row = product("glm-5.2", "input_token", 1.8, **changes)
    catalogue.rows = [*catalogue.rows, row] if changes else []
    assert main(["--catalogue-only", "--catalogue-url", catalogue.url]) == UNREADABLE
    assert complaint in capsys.readouterr().err


def test_a_wrong_address(catalogue: Catalogue, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--catalogue-only", "--catalogue-url", f"{catalogue.url}/wrong"]
    assert main(options) == UNREADABLE
    assert "The table could not be compared" in capsys.readouterr().err


@given(
    units=st.integers(0, 100),
    nanos=st.integers(0, 999_999_999),
    size=st.sampled_from([1, 1000, 1_000_000]),
)
def test_prices_are_exact(units: int, nanos: int, size: int) -> None:
    money = {"currency_code": "EUR", "units": units, "nanos": nanos}
    row = product("m", "input_token", 0, price={"retail_price": money})
    row["unit_of_measure"]["size"] = size
    (model,) = collect([Product.model_validate(row)]).values()
    assert model.prices["input_token"] * size * 1000 == units * 10**9 + nanos
