"""Write docs/models.md from what the package knows about models: `make profiles`.

The page is for people, so it leaves out what only the client needs.
"""

from collections.abc import Iterable
from pathlib import Path

from langchain_scaleway.data import ModelFacts, known_models

PAGE = Path(__file__).parents[1] / "docs" / "models.md"

_INTRODUCTION = """\
---
hide: [toc] # the tables need the room
---

<!-- Written by scripts/make_models_page.py from scripts/models.toml: change those. -->

# Models

What this package knows about Scaleway's models, as of {reviewed}. The source is Scaleway's pages
[Supported models]({docs}/reference-content/supported-models/) and
[Query reasoning models]({docs}/how-to/query-reasoning-models/), its
[price list](https://www.scaleway.com/en/pricing/model-as-a-service/) and the refusals that name a
limit. An empty cell means that nobody knows.

Nothing is refused because of this table. A model that is not in it works: it only has no profile,
no [costs](#costs) and no [warnings](errors.md#warnings).
"""

_CHAT = """\
## Chat models

Context and output are in tokens, prices in EUR per million tokens without VAT.
"""

_AFTER_CHAT = """\
- **Context** is for prompt and output together. `max_tokens` counts towards it.
- **Output** is the most that `max_tokens` may be; more is [refused](errors.md).
- **Efforts** are the values of [`reasoning_effort`](reasoning.md#how-much), the default in bold. A
  dash: the model does not reason, and must not be sent any.
- **Tools**: *Responses API* means that requests with tools
  [go there by themselves](tools.md#which-model), because chat completions fail with them.
- **Cached** is the price of prompt tokens that Scaleway finds in its cache. A dash: no discount.
"""

_OTHERS = """\
## Other models

For embeddings, ranking, transcription and OCR. **Context** is the most tokens of one text. Prices
are in EUR per million tokens or per minute; ranking is billed as input tokens.
"""

_RETIRED = """\
## Life cycle

Scaleway gives three months' notice of a model's end, and one month for a preview
([model lifecycle]({docs}/reference-content/model-lifecycle/)). Until then it answers, and you are
warned. Afterwards its requests are answered by a similar model or refused. The reply tells which:
`response_metadata["model_name"]` is the model that answered, and `requested_model` is there if
another one was asked.

These are deprecated or gone:
"""

_IN_CODE = """\
## In code

`profile` is LangChain's own view of a model, which agents and middleware read:

```python
from langchain_scaleway import ChatScaleway

model = ChatScaleway(model="glm-5.2")
print(model.profile["max_input_tokens"], model.profile["tool_calling"])
```

```text
256000 True
```

`model_facts` has everything in the tables, and `list_models` asks Scaleway what your key can use
now:

```python
from langchain_scaleway.data import model_facts

facts = model_facts("glm-5.2")
print(facts.max_output_tokens, facts.efforts, facts.prices_as_of)
print("glm-5.2" in model.list_models())
```

```text
16384 ('none', 'high', 'max') 2026-09-29
True
```

## Costs

`usage_cost` multiplies the tokens of a reply by these prices:

```python
from langchain_scaleway import usage_cost

reply = ChatScaleway(model="mistral-small-3.2-24b-instruct-2506").invoke(
    "What is the capital of France?"
)
print(f"{usage_cost(reply):.7f} EUR")
```

```text
0.0000046 EUR
```

`batch=True` halves it, as Scaleway does for batches. The `usage` of other endpoints has a price,
too, if the model is named:

```python
print(usage_cost({"prompt_tokens": 120_000, "total_tokens": 120_000}, model="qwen3-embedding-8b"))
```

```text
0.012
```

It is an estimate and no invoice: Scaleway's free tier, its rounding to a thousand tokens and later
price changes are not in it ([FAQ]({docs}/faq/)). It is `None` where there is no price, as for a
dedicated deployment, which is paid by the hour.
"""

_DOCS = "https://www.scaleway.com/en/docs/generative-apis"
_TOOLS = {"yes": "yes", "partial": "partly", "no": "no", None: ""}


def page() -> str:
    """Return the page's Markdown."""
    models = known_models()
    chat = [m for m in models if "chat" in m.kinds and _is_offered(m)]
    others = [m for m in models if "chat" not in m.kinds and _is_offered(m)]
    leaving = [m for m in models if m.status in {"deprecated", "end_of_life"}]
    reviewed = max(model.reviewed for model in models)
    prices = sorted({m.prices_as_of for m in [*chat, *others] if m.prices_as_of})
    sections = [
        _INTRODUCTION.format(docs=_DOCS, reviewed=reviewed),
        _CHAT,
        _table(_CHAT_COLUMNS, map(_chat_row, chat)),
        _AFTER_CHAT + f"- Prices are those of {', '.join(prices)}.\n",
        _OTHERS,
        _table(_OTHER_COLUMNS, map(_other_row, others)),
        _RETIRED.format(docs=_DOCS),
        _table(_LEAVING_COLUMNS, map(_leaving_row, leaving)),
        _IN_CODE.replace("{docs}", _DOCS),
    ]
    return "\n".join(sections)


_CHAT_COLUMNS = (
    *("Model", "Status", "Context", "Output", "Reads", "Tools", "Efforts"),
    *("In", "Cached", "Out"),
)
_OTHER_COLUMNS = ("Model", "For", "Status", "Context", "Dimensions", "Price")
_LEAVING_COLUMNS = ("Model", "Deprecated", "End of life", "Successor")


def _is_offered(model: ModelFacts) -> bool:
    return model.status != "end_of_life"


def _chat_row(model: ModelFacts) -> tuple[str, ...]:
    return (
        f"`{model.model}`",
        model.status or "",
        _number(model.context_window),
        _number(model.max_output_tokens),
        ", ".join(model.inputs or ()),
        "Responses API" if model.use_responses_api else _TOOLS[model.tool_calling],
        _efforts(model),
        _price(model.input_price),
        "-" if model.cached_input_price is None else _price(model.cached_input_price),
        _price(model.output_price),
    )


def _other_row(model: ModelFacts) -> tuple[str, ...]:
    price = ""
    if model.audio_minute_price is not None:
        price = f"{model.audio_minute_price:g} a minute"
    elif model.input_price is not None:
        price = _price(model.input_price)
    kinds = ", ".join(model.kinds)
    return (
        f"`{model.model}`",
        kinds,
        model.status or "",
        _number(model.context_window),
        _number(model.embedding_dimensions),
        price,
    )


def _leaving_row(model: ModelFacts) -> tuple[str, ...]:
    successor = f"`{model.successor}`" if model.successor else ""
    end = model.end_of_life or ("gone, date unknown" if model.status == "end_of_life" else "")
    return (f"`{model.model}`", model.deprecated or "", end, successor)


def _efforts(model: ModelFacts) -> str:
    if model.efforts is None:
        return ""
    return ", ".join(f"**{e}**" if e == model.default_effort else e for e in model.efforts) or "-"


def _number(number: int | None) -> str:
    return "" if number is None else f"{number:,}"


def _price(price: float | None) -> str:
    return "" if price is None else f"{price:g}"


def _table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = tuple(columns)
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(), encoding="utf-8")
    print(f"Wrote {PAGE.relative_to(PAGE.parents[1])}")


if __name__ == "__main__":
    main()
