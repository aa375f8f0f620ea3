"""Quotas over HTTP: who is refused, what the headers say, how time passes."""

import re

import httpx
import pytest

from langchain_scaleway.testing import Quotas, Reply, ScalewayEmulator, Stall
from tests.support.emulated import ask, body_of, client_of

NO_LIMITS = {"requests_per_minute": None, "tokens_per_minute": None, "concurrent_requests": None}


def quotas(**limits: int) -> Quotas:
    """Quotas of which only some are limited."""
    return Quotas(**(NO_LIMITS | limits))


def limits_of(answer: httpx.Response) -> dict[str, str]:
    """The quota headers, under their names' ends."""
    prefix = "x-ratelimit-"
    headers = answer.headers.items()
    return {name.removeprefix(prefix): text for name, text in headers if name.startswith(prefix)}


def test_requests_per_minute() -> None:
    with ScalewayEmulator(quotas=quotas(requests_per_minute=3)) as emulator:
        answers = [ask(emulator) for _ in range(5)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
    assert [limits_of(answer)["remaining-requests"] for answer in answers[:3]] == ["2", "1", "0"]
    assert limits_of(answers[3]) == {}
    assert answers[3].json()["message"] == "You exceeded your current quota of requests per minute."
    assert emulator.refused_by_quota == {"requests_per_minute": 2}


def test_requests_come_back_with_time() -> None:
    """At 60 a minute and a thousandfold speed, one comes back each millisecond."""
    with (
        ScalewayEmulator(quotas=quotas(requests_per_minute=60), time_scale=1000) as emulator,
        client_of(emulator) as client,
    ):
        assert {client.get("/models").status_code for _ in range(2)} == {200}, "no quota for these"
        for _ in range(70):
            assert client.post("/chat/completions", json=body_of()).status_code == 200


def test_quota_is_a_models_whatever_the_api_and_refused_requests_use_nothing() -> None:
    with (
        ScalewayEmulator(quotas=quotas(requests_per_minute=1)) as emulator,
        client_of(emulator) as client,
    ):
        assert ask(emulator, temperature=9, model="gpt-oss-120b").status_code == 400
        assert ask(emulator, model="glm-5.2").status_code == 200
        assert ask(emulator, model="gpt-oss-120b").status_code == 200
        body = {"model": "gpt-oss-120b", "input": "x"}
        assert client.post("/responses", json=body).status_code == 429


def test_tokens_per_minute_count_prompts_before_and_answers_after() -> None:
    with ScalewayEmulator(quotas=quotas(tokens_per_minute=100)) as emulator:
        emulator.script("word " * 50, "never sent")
        first, second = ask(emulator, "x" * 160), ask(emulator, "x" * 160)
    assert (first.status_code, second.status_code) == (200, 429)
    assert limits_of(first)["remaining-tokens"] == "56", "100 less 40 and 4 for the message"
    assert limits_of(first)["limit-tokens"] == "100"
    assert second.json()["message"] == "You exceeded your current quota of tokens per minute."
    assert emulator.scripted_steps_left == 1


def test_concurrent_requests() -> None:
    limits = quotas(concurrent_requests=2)
    with ScalewayEmulator(quotas=limits) as emulator, client_of(emulator) as client:
        emulator.script(*[Reply("a b", faults=[Stall()])] * 2)
        ask_for_stream = ("POST", "/chat/completions")
        with (
            client.stream(*ask_for_stream, json=body_of(stream=True)),
            client.stream(*ask_for_stream, json=body_of(stream=True)),
        ):
            refused = ask(emulator)
        assert refused.status_code == 429
        assert refused.json()["message"] == (
            "You exceeded your current limit of concurrent requests."
        )
        assert emulator.wait_until(
            lambda emulator: all(one.client_disconnected for one in emulator.requests[:2])
        )
        for stream in [False, True] * 5:  # one after another is never too much
            assert ask(emulator, stream=stream).status_code == 200
    assert emulator.peak_concurrent_requests == 2


@pytest.mark.parametrize("stream", [False, True])
def test_headers_of_a_success(stream: bool) -> None:
    with ScalewayEmulator(quotas=Quotas()) as emulator:
        limits = limits_of(ask(emulator, stream=stream))
    assert limits["limit-requests"] == "300"
    assert limits["limit-tokens"] == "200000"
    assert limits["remaining-requests"] == "299"
    assert re.fullmatch(r"\d+ms", limits["reset-requests"])
    assert int(limits["reset-requests"].removesuffix("ms")) <= 200, "a request each 200 ms"


def test_quotas_count_texts_to_embed_and_rank() -> None:
    with (
        ScalewayEmulator(quotas=quotas(tokens_per_minute=100)) as emulator,
        client_of(emulator) as client,
    ):
        model = {"model": "qwen3-embedding-8b"}
        first = client.post("/embeddings", json={**model, "input": ["x" * 80, "x" * 80]})
        second = client.post("/rerank", json={**model, "query": "x" * 80, "documents": ["x" * 80]})
        third = client.post("/embeddings", json={**model, "input": "x" * 100})
    assert [one.status_code for one in (first, second, third)] == [200, 200, 429]
    assert limits_of(first)["remaining-tokens"] == "60"
