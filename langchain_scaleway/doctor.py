"""`python -m langchain_scaleway doctor`: whether this machine can use Scaleway, in plain sentences.

It changes nothing. It asks for the list of models, and one model for a single token, which is
billed as a thousand tokens at most.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from langchain_scaleway.chat_models import ChatScaleway
from langchain_scaleway.data import known_models, model_facts
from langchain_scaleway.errors import ScalewayError
from langchain_scaleway.object_storage import Bucket
from langchain_scaleway.settings import Settings, load_settings

_QUOTA_HEADER = "x-ratelimit-"


class Finding(NamedTuple):
    """One sentence of the report.

    Attributes:
        is_fine: Whether nothing needs to be done.
        text: What was found, and what to do if it is not fine.
    """

    is_fine: bool
    text: str


def examine(
    *,
    model: str | None = None,
    base_url: str | None = None,
    send_request: bool = True,
    bucket: str | None = None,
    store: Any = None,
) -> Iterator[Finding]:
    """Look at the settings, the key, the models and the quotas, and at a bucket for batches.

    Args:
        model: The model to ask for a token; by default the cheapest that the key can use.
        base_url: The API's URL, if it is not the one that is found.
        send_request: Whether to ask a model; quotas are known only from its answer.
        bucket: The bucket that batches are to use, as `ScalewayBatches` takes it.
        store: An obstore store that reaches it, in place of one made of the keys.

    Yields:
        What was found. It ends with the first finding that makes the next ones pointless.
    """
    try:
        settings = load_settings(base_url=base_url)
    except ValueError as error:
        yield Finding(is_fine=False, text=str(error))
        return
    yield from _places(settings)
    client = ChatScaleway(
        model=model or "any", base_url=base_url, max_retries=1, include_response_headers=True
    )
    with client:
        try:
            served = client.list_models()
        except ScalewayError as error:
            yield Finding(is_fine=False, text=str(error))
            return
        yield from _models(served)
        asked = model or _cheapest(served)
        if not send_request:
            yield Finding(is_fine=True, text="No model was asked, so the quotas are not known.")
        elif asked is None:
            yield Finding(is_fine=False, text="None of these models chats: name one to be asked.")
        else:
            yield from _answer(client.model_copy(update={"model": asked, "max_tokens": 1}))
        if bucket is not None:
            yield from _batches(client, bucket, settings, store)


def _places(settings: Settings) -> Iterator[Finding]:
    """Where key, project and address come from; never the key."""
    places = {name: place[0].lower() + place[1:] for name, place in settings.places.items()}
    if "api_key" in places:
        yield Finding(is_fine=True, text=f"The key comes from {places['api_key']}.")
    else:
        yield Finding(is_fine=True, text="There is no key, which this address may not need.")
    if settings.project_in_url:
        place = places.get("project_id", "the address")
        yield Finding(is_fine=True, text=f"The project is {settings.project_in_url}, from {place}.")
    elif settings.is_serverless:
        yield Finding(is_fine=True, text="No project is set: the key's default project counts.")
    place = places.get("base_url", "this package")
    yield Finding(is_fine=True, text=f"Requests go to {settings.url}, from {place}.")


def _models(served: list[str]) -> Iterator[Finding]:
    """Which models the key can use, and how that differs from the table."""
    kind = "model" if len(served) == 1 else "models"
    listed = f"{len(served)} {kind}: {', '.join(served)}" if served else "no model at all"
    yield Finding(is_fine=bool(served), text=f"The key is accepted and can use {listed}.")
    offered = {facts.model for facts in known_models() if facts.status in {"active", "preview"}}
    if offered.isdisjoint(served):
        return  # A deployment, or another server: the table is not about it.
    if missing := ", ".join(sorted(offered.difference(served))):
        text = f"These models are in this package's table and not served: {missing}."
        yield Finding(is_fine=True, text=text)
    if unknown := ", ".join(name for name in served if model_facts(name) is None):
        text = f"These models are not in this package's table, and work all the same: {unknown}."
        yield Finding(is_fine=True, text=text)
    for facts in map(model_facts, served):
        if facts and facts.status == "deprecated":
            successor = f"; its successor is {facts.successor}" if facts.successor else ""
            text = f"{facts.model} will reach its end of life{successor}."
            yield Finding(is_fine=True, text=text)


def _cheapest(served: list[str]) -> str | None:
    """The served model whose answers cost least, among those that chat or may do so."""
    known = [facts for facts in map(model_facts, served) if facts and "chat" in facts.kinds]
    lasting = [facts for facts in known if facts.output_price and facts.status == "active"]
    if lasting:
        return min(lasting, key=lambda facts: facts.output_price or 0.0).model
    return next((name for name in served if "chat" in _kinds(name)), None)


def _kinds(name: str) -> tuple[str, ...]:
    facts = model_facts(name)
    return facts.kinds if facts else ("chat",)


def _answer(model: ChatScaleway) -> Iterator[Finding]:
    """Whether a model answers, and the quotas in the headers of its answer."""
    try:
        reply = model.invoke("Hello")
    except ScalewayError as error:
        yield Finding(is_fine=False, text=str(error))
        return
    yield Finding(is_fine=True, text=f"{model.model} answers.")
    headers: Mapping[str, str] = reply.response_metadata["headers"]
    quotas = {
        name.removeprefix(_QUOTA_HEADER): value
        for name, value in sorted(headers.items())
        if name.startswith(_QUOTA_HEADER)
    }
    told = ", ".join(f"{name} {value}" for name, value in quotas.items())
    text = f"Its quotas as the answer tells them: {told}." if told else "It tells no quotas."
    yield Finding(is_fine=True, text=text)


def _batches(client: ChatScaleway, place: str, settings: Settings, store: Any) -> Iterator[Finding]:
    """Whether batches are served, and the bucket can be read. Nothing is written."""
    try:
        client._client().request("/batches?limit=1")  # noqa: SLF001 -- our own class
        yield Finding(is_fine=True, text="The Batch API answers.")
        bucket = Bucket(place, settings.api_key, None, store)
        # Whoever may not read is told so even of an object that is not there.
        list(bucket.lines([bucket.url("no-such-file.jsonl")]))
    except (ScalewayError, ValueError, ImportError) as error:
        yield Finding(is_fine=False, text=str(error))
        return
    text = (
        f"The bucket {bucket.name} can be read; whether it can be written was not tried. If it has "
        "a policy, that must name you and Scaleway's application scw-managed-genapi-batch, which "
        "appears in IAM with your first batch: `ScalewayBatches.bucket_policy` writes one."
    )
    yield Finding(is_fine=True, text=text)
