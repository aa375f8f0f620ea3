"""Batches, through a folder: what is sent and paid, waited for, and refused beforehand."""

import json
import logging
import math
import sys
from pathlib import Path
from subprocess import PIPE, Popen
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.output_parsers import StrOutputParser
from langchain_core.runnables import RunnableLambda
from obstore.store import LocalStore
from pydantic import BaseModel

from langchain_scaleway import (
    ChatScaleway,
    ScalewayBatches,
    ScalewayEmbeddings,
    ScalewayError,
    ScalewayWarning,
    usage_cost,
)
from langchain_scaleway.errors import (
    ScalewayAPIError,
    ScalewayInvalidRequestError,
    ScalewayPermissionDeniedError,
    ScalewayResponseError,
)
from langchain_scaleway.testing import HttpError, RawReply, Reply, ScalewayEmulator
from tests.support.batches import BUCKET, MODEL, SAY, SOON, Make, connection, echo, requests


class City(BaseModel):
    """A city."""

    name: str


async def test_asynchronous_programs(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make
) -> None:
    emulator.script("first", HttpError(500, "It broke"))
    batches = batches_of(model)
    batch = await batches.asubmit(["one", [("system", "Be kind"), ("human", "two")]])
    await batch.await_done(poll=SOON, progress=True)
    first, broken = await batch.aresults()
    assert (first.text, type(broken)) == ("first", ScalewayAPIError)
    emulator.script("second")
    again = await (await batch.afailed()).asubmit()
    await again.await_done(poll=SOON)
    again = await batches.aresume(again.id)
    assert [one.text for one in await again.aresults()] == ["first", "second"]
    parsed = await batches_of(model | StrOutputParser()).aresume(again.id)
    assert await parsed.aresults() == ["first", "second"]
    await again.adelete_files()
    await again.adelete_files()
    with pytest.raises(ScalewayError, match="takes the id of a `Batch`"):
        await batches.aresume(again.id)


async def test_steps_that_are_asynchronous_alone_run_in_asynchronous_programs(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make
) -> None:
    async def louder(text: str) -> str:
        return f"{text}!"

    echo(emulator)
    chain = RunnableLambda(louder) | model | StrOutputParser() | RunnableLambda(louder)
    batch = await batches_of(chain).asubmit(map(str, range(1_001)))
    await batch.await_done(poll=SOON)
    assert await batch.aresults() == [f"{number}!!" for number in range(1_001)]


async def test_asynchronous_programs_use_their_own_client(
    emulator: ScalewayEmulator, batches_of: Make
) -> None:
    async with httpx.AsyncClient() as client:
        model = ChatScaleway(model=MODEL, http_async_client=client, **connection(emulator))
        batch = await batches_of(model).asubmit(["one"])
        await client.aclose()
        with pytest.raises(ScalewayError, match="is closed"):
            await batch.acancel()
        batch.cancel()


def test_answers_are_those_of_the_chain(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make, tmp_path: Path
) -> None:
    cities = batches_of((SAY | model.with_structured_output(City)).with_config(tags=["x"]))
    emulator.script('{"name": "Paris"}', "no object", '{"name": "Rome"}')
    paris, wrong, rome = cities.submit([{"word": word} for word in "abc"]).wait(poll=SOON).results()
    assert (paris, rome) == (City(name="Paris"), City(name="Rome"))
    assert isinstance(wrong, ValueError), "as `batch` gives it with `return_exceptions`"

    tool = {"name": "look-up city", "description": "", "parameters": City.model_json_schema()}
    bound = model.bind_tools([tool], tool_choice="any", max_tokens=49, timeout=5)
    [message] = batches_of(bound).submit(["Where?"]).wait(poll=SOON).results()
    assert [call["name"] for call in message.tool_calls] == ["look-up city"]
    assert not any("timeout" in file.read_text() for file in tmp_path.rglob("*.jsonl"))

    on_responses = model.model_copy(update={"use_responses_api": True, "output_version": "v1"})
    batch = batches_of(on_responses).submit(["Hello?"])
    [message] = batch.wait(poll=SOON).results()
    assert message.content[0]["type"] == "text"

    batch = batches_of(ScalewayEmbeddings(**connection(emulator))).submit(["one", "two"])
    assert [len(vector) for vector in batch.wait(poll=SOON).results()] == [4096, 4096]


def test_requests_for_two_endpoints_come_back_as_one_list(
    emulator: ScalewayEmulator, batches_of: Make
) -> None:
    """gpt-oss answers a history of calls on the Responses API. Each endpoint has its own file."""
    model = ChatScaleway(model="gpt-oss-120b", **connection(emulator))
    call = AIMessage("", tool_calls=[{"name": "f", "args": {}, "id": "1"}])
    history = [HumanMessage("Call f"), call, ToolMessage("done", tool_call_id="1")]
    batch = batches_of(model).submit(["one", history, "three"]).wait(poll=SOON)
    assert len(batch.id.split(",")) == 2
    one, two, three = [message.text for message in batch.results()]
    assert ("one" in one, "done" in two, "three" in three) == (True, True, True)
    assert batches_of(model).resume(batch.id).count == 3

    emulator.respond_with(
        lambda request: HttpError(400) if b"/v1/responses" in request.body else Reply(),
        endpoint="batches",
    )
    with pytest.raises(ScalewayInvalidRequestError) as caught:
        batches_of(model).submit(["four", "five", history])
    emulator.respond_with(None, endpoint="batches")
    running, _ = batches_of(model).submit(["four", "five", history]).id.split(",")
    assert caught.value.__notes__ == [f"Batches that run: {running}. To submit again finds them."]


def test_cost_is_estimated_bounded_and_counted(model: ChatScaleway, batches_of: Make) -> None:
    batches = batches_of(model)
    with pytest.raises(ValueError, match=r"2000 requests .* may cost 0\.0\d+ EUR, .* nothing was"):
        batches.submit(["Hello?"] * 2_000, max_cost=0.01)
    said = r"1 requests .* may cost 0\.0000\d*[1-9] EUR, and `max_cost` is 0\.000001 EUR"
    with pytest.raises(ValueError, match=said):
        batches.submit(["Hello?"], max_cost=1e-6)
    batch = batches.submit(["Hello?"] * 10, max_cost=0.1)
    messages = batch.wait(poll=SOON).results()
    single = [usage_cost(message) or 0 for message in messages]
    assert batch.cost == pytest.approx(sum(single) / 2)
    assert batch.estimated_cost is not None
    assert 0 < sum(single) / 2 <= batch.estimated_cost
    assert batch.usage["total_tokens"] == sum(m.usage_metadata["total_tokens"] for m in messages)
    of_two_answers = batches_of(model.bind(n=2)).submit(["Hello?"] * 10).estimated_cost
    assert of_two_answers == pytest.approx(2 * batch.estimated_cost, rel=0.1)
    with pytest.raises(ValueError, match="`max_cost` is nan EUR: nothing was sent"):
        batches.submit(["Hello?"], max_cost=math.nan)
    with pytest.raises(ValueError, match="my-own-model have no known price"):
        batches_of(model.bind(model="my-own-model")).submit(["Hello?"], max_cost=9)


def test_tokens_from_the_cache_cost_less(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make
) -> None:
    batches = batches_of(model.bind(model="deepseek-v4-flash-0731"))
    batch = batches.submit(["Hello?"])
    usage = {"input_tokens": 1_000, "output_tokens": 0, "total_tokens": 1_000}
    costs: list[Any] = []
    for cached in (0, 1_000):
        details = {"input_tokens_details": {"cached_tokens": cached}}
        record: dict[str, Any] = {"id": batch.id, "status": "completed", "input_file_id": "a"}
        record["usage"] = usage | details
        emulator.script(RawReply(200, body=json.dumps(record).encode()), endpoint="batches")
        costs.append(batches.resume(batch.id).cost)
    assert 0 < costs[1] < costs[0]


@pytest.mark.parametrize("settings", [{"batch_seconds": 0.5}])
def test_the_service_is_asked_ever_more_rarely(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make
) -> None:
    batches_of(model).submit(["Hello?"]).wait(poll=SOON)
    assert requests(emulator, "GET") < 15


@pytest.mark.parametrize(("fault", "made"), [(HttpError(503), True), (RawReply(503), False)])
def test_a_lost_answer_is_not_paid_twice(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make, fault: Any, made: bool
) -> None:
    emulator.respond_with(
        lambda request: fault if request.method == "POST" else Reply(), endpoint="batches"
    )
    batches = batches_of(model)
    if made:
        assert batches.submit(["Hello?"]).count == 1
    else:
        with pytest.raises(ScalewayAPIError) as caught:
            batches.submit(["Hello?"])
        assert "To submit again finds them." in caught.value.__notes__[0]
    assert requests(emulator) == 1


PROGRAM = """
import os, signal, sys
from obstore.store import LocalStore
from langchain_scaleway import ChatScaleway, ScalewayBatches

class Watched:
    def __init__(self, folder):
        self.store = LocalStore(folder)

    def __getattr__(self, name):
        return getattr(self.store, name)

    def head(self, path):
        print("looks", flush=True)
        sys.stdin.readline()
        return self.store.head(path)

    def put(self, path, content, **options):
        self.store.put(path, content, **options)
        if path.endswith(".lock") and "killed" in sys.argv:
            os.kill(os.getpid(), signal.SIGKILL)

model = ChatScaleway(model="{model}", base_url="{url}", api_key="{key}")
batches = ScalewayBatches(model, "{bucket}", store=Watched("{folder}"))
print(batches.submit(["Hello?"]).id)
"""
"""Says when it is about to look whether its requests are there, and goes on when it is told."""


def other_program(emulator: ScalewayEmulator, folder: Path, *arguments: str) -> Popen[str]:
    """Start a program that submits."""
    settings = {"model": MODEL, "url": emulator.base_url, "key": emulator.api_key}
    program = PROGRAM.format(**settings, bucket=BUCKET, folder=folder)
    command = [sys.executable, "-c", program, *arguments]
    return Popen(command, stdin=PIPE, stdout=PIPE, text=True)


def test_programs_that_submit_the_same_at_the_same_time_make_one_batch(
    emulator: ScalewayEmulator, tmp_path: Path
) -> None:
    with other_program(emulator, tmp_path) as one, other_program(emulator, tmp_path) as other:
        for program in (one, other):
            assert program.stdout is not None
            assert program.stdout.readline() == "looks\n"
        for program in (one, other):
            assert program.stdin is not None
            program.stdin.close()
        ids = {program.stdout.read() for program in (one, other) if program.stdout is not None}
    assert (one.returncode, other.returncode) == (0, 0)
    assert len(ids) == 1
    assert requests(emulator) == 1
    assert not [*tmp_path.rglob("*.lock")]


@pytest.mark.parametrize("refused", ["GET", "POST"])
def test_a_program_that_is_refused_lets_the_next_one_in_at_once(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make, tmp_path: Path, refused: str
) -> None:
    emulator.respond_with(
        lambda request: HttpError(403) if request.method == refused else Reply(),
        endpoint="batches",
    )
    with pytest.raises(ScalewayPermissionDeniedError):
        batches_of(model).submit(["Hello?"])
    assert [*tmp_path.rglob("*.jsonl")]
    assert not [*tmp_path.rglob("*.lock")]


def test_a_program_that_is_killed_before_it_makes_its_batch_stops_no_other(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make, tmp_path: Path
) -> None:
    with other_program(emulator, tmp_path, "killed") as killed:
        killed.communicate("\n")
    assert requests(emulator) == 0
    model = model.model_copy(update={"max_tokens": None})  # As the program's.
    batch = batches_of(model).submit(["Hello?"])
    assert batch.wait(poll=SOON).results()[0].text
    assert len([*tmp_path.rglob("*[0-9a-f].jsonl")]) == 1, "it was the same file"
    assert not [*tmp_path.rglob("*.lock")]


def test_waiting_survives_an_outage_and_unknown_states(
    emulator: ScalewayEmulator,
    model: ChatScaleway,
    batches_of: Make,
    caplog: pytest.LogCaptureFixture,
) -> None:
    batch = batches_of(model.model_copy(update={"max_retries": 0})).submit(["Hello?"])
    nothing = dict.fromkeys(("total", "completed", "failed"))
    paused = {"id": batch.id, "status": "paused", "input_file_id": "a", "request_counts": nothing}
    emulator.script(
        HttpError(503), RawReply(200, body=json.dumps(paused).encode()), endpoint="batches"
    )
    with (
        caplog.at_level(logging.WARNING, logger="langchain_scaleway"),
        pytest.warns(ScalewayWarning, match="is 'paused': unknown, so it is waited for"),
    ):
        assert batch.wait(poll=SOON).status == "completed"
    assert "could not be looked at" in caplog.text


@pytest.mark.parametrize("body", [{}, {"id": "a"}, {"id": "a", "status": None}, {"data": []}])
def test_what_is_no_batch_is_an_error(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make, body: Any
) -> None:
    answer = RawReply(200, body=json.dumps(body).encode())
    batches = batches_of(model)
    batch = batches.submit(["Hi!"])
    emulator.script(answer, endpoint="batches")
    with pytest.raises(ScalewayResponseError, match="no id, status or input file of a batch"):
        batches.resume(batch.id)
    emulator.respond_with(lambda _: answer, endpoint="batches")
    with pytest.raises(ScalewayResponseError, match="no id, status or input file of a batch"):
        batches.submit(["Hello?"])


def test_waiting_ends_when_the_key_is_refused(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make
) -> None:
    batch = batches_of(model).submit(["Hello?"])
    emulator.script(HttpError(403), endpoint="batches")
    with pytest.raises(ScalewayPermissionDeniedError):
        batch.wait(poll=SOON)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda model: model.with_retry(), "RunnableRetry, with 0 of them"),
        (lambda model: SAY | model.with_fallbacks([model]), "RunnableWithFallbacks, with 0"),
        (lambda model: model | RunnableLambda(str) | model, "with 2 of them"),
        (lambda _: SAY, "This is ChatPromptTemplate, with 0 of them"),
    ],
)
def test_chains_of_another_shape_are_refused(
    model: ChatScaleway, batches_of: Make, make: Any, said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        batches_of(make(model))


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ([], "There are no inputs"),
        (["a", {"word": "b"}], "a text or messages, not dict"),
        (["a", [("human", [{"type": "file", "file_id": "x"}])]], "file"),
    ],
)
def test_inputs_that_cannot_be_sent_are_named_before_anything_is_sent(
    emulator: ScalewayEmulator, tmp_path: Path, batches_of: Make, inputs: Any, said: str
) -> None:
    model = ChatScaleway(model=MODEL, **connection(emulator))
    with pytest.raises(ValueError, match=said) as caught:
        batches_of(model).submit(inputs)
    assert not inputs or caught.value.__notes__ == ["It is inputs[1]. Nothing was sent."]
    with pytest.raises(KeyError, match="missing variables") as of_a_prompt:
        batches_of(SAY | model).submit([{"word": "a"}, {}])
    assert of_a_prompt.value.__notes__ == ["It is inputs[1]. Nothing was sent."]
    assert not emulator.requests
    assert not [*tmp_path.rglob("*.jsonl")]


@pytest.mark.parametrize(
    "one", ["Hello?", {"word": "a"}, HumanMessage("Hello?"), SAY.invoke({"word": "a"})]
)
def test_one_input_in_place_of_a_list_is_refused(
    model: ChatScaleway, batches_of: Make, one: Any
) -> None:
    with pytest.raises(ValueError, match=r"has to be a list: `\[input\]`"):
        batches_of(model).submit(one)


def test_a_batch_of_the_same_bucket_is_found_on_a_later_page(
    emulator: ScalewayEmulator, model: ChatScaleway, batches_of: Make, tmp_path: Path
) -> None:
    batch = batches_of(model).submit(["Hello?"])
    others = [None, *({"id": name, "status": "failed"} for name in ("a", "b"))]
    page = {"object": "list", "data": others, "has_more": True}
    emulator.script(RawReply(200, body=json.dumps(page).encode()), endpoint="batches")
    assert batches_of(model).submit(["Hello?"]).id == batch.id
    assert emulator.requests[-1].query == "limit=100&after=b"
    elsewhere = ScalewayBatches(model, "s3://other/llm", store=LocalStore(tmp_path))
    assert elsewhere.submit(["Hello?"]).id != batch.id
