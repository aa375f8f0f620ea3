"""The emulator as a server: its life, its scripts, what it keeps, where it runs."""

import itertools
import pickle
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest

from langchain_scaleway import testing
from langchain_scaleway.testing import (
    Delay,
    EmulatorProcess,
    HttpError,
    RawReply,
    ReceivedRequest,
    Reply,
    ScalewayEmulator,
    Stall,
    Step,
    ToolCall,
    Usage,
)
from langchain_scaleway.testing.__main__ import main
from tests.support.emulated import ask, body_of, client_of, events_of, message_of, send, with_usage
from tests.support.leftovers import nothing_left, wait_for

TIME = {"type": "function", "function": {"name": "get_time"}}


# --- Its life ---------------------------------------------------------------------------


def test_stops_with_its_thread_and_its_connections() -> None:
    threads = set(threading.enumerate())
    emulator = ScalewayEmulator().start()
    emulator.script(Reply("never ends", faults=[Stall()]))
    with (
        client_of(emulator) as client,
        client.stream("POST", "/chat/completions", json=body_of(stream=True)) as answer,
    ):
        emulator.stop()
        with pytest.raises(httpx.RemoteProtocolError):
            answer.read()
    assert set(threading.enumerate()) == threads
    assert emulator.connections_open == 0
    assert len(emulator.requests) == 1, "what was received stays"
    with pytest.raises(httpx.ConnectError):
        ask(emulator)
    emulator.stop()


def test_stops_with_connections_that_it_has_only_just_accepted() -> None:
    """Each that stays open is a warning, which is an error here."""
    with nothing_left():
        for _ in range(10):
            with ScalewayEmulator() as emulator:
                url = urlsplit(emulator.base_url)
                address = str(url.hostname), url.port or 0
                connections = [socket.create_connection(address) for _ in range(60)]
            for connection in connections:
                connection.close()


def test_life_that_is_none() -> None:
    with pytest.raises(TypeError, match="quota"):
        ScalewayEmulator(quota=None)  # type: ignore[call-arg]  # that is what is tested
    emulator = ScalewayEmulator()
    with pytest.raises(RuntimeError, match="not been started"):
        _ = emulator.base_url
    assert (emulator.connections_opened, emulator.connections_open) == (0, 0)
    with emulator, pytest.raises(RuntimeError, match="runs already"):
        emulator.start()


# --- Scripts ----------------------------------------------------------------------------


def test_script_is_taken_in_order(emulator: ScalewayEmulator) -> None:
    emulator.script("first", Reply("second", "thought"), HttpError(503, "third"))
    emulator.script(lambda request: f"fourth, to {request.json['messages'][0]['content']}")
    assert emulator.scripted_steps_left == 4
    assert message_of(ask(emulator))["content"] == "first"
    second = message_of(ask(emulator))
    assert (second["content"], second["reasoning"]) == ("second", "thought")
    assert ask(emulator).json()["message"] == "third"
    assert message_of(ask(emulator, "you"))["content"] == "fourth, to you"
    assert emulator.scripted_steps_left == 0
    assert "“Hello”" in message_of(ask(emulator))["content"]


def test_function_answers_beyond_the_script(emulator: ScalewayEmulator) -> None:
    counter = itertools.count(1)

    def step(request: ReceivedRequest) -> Step:
        number = next(counter)
        return HttpError(500) if number == 2 else f"answer {number}"

    emulator.respond_with(step)
    emulator.script("scripted")
    assert message_of(ask(emulator))["content"] == "scripted"
    assert message_of(ask(emulator))["content"] == "answer 1"
    assert ask(emulator).status_code == 500
    assert message_of(ask(emulator))["content"] == "answer 3"
    emulator.respond_with(None)
    assert "emulated" in message_of(ask(emulator))["content"]


@pytest.mark.parametrize("stream", [False, True])
def test_scripted_reply_with_everything(emulator: ScalewayEmulator, stream: bool) -> None:
    usage = Usage(prompt_tokens=9, completion_tokens=8, cached_tokens=7, reasoning_tokens=6)
    calls = [ToolCall("a", {"x": 1}, "id-1"), ToolCall("b", '{"broken', "id-2")]
    emulator.script(
        Reply("text", "thought", calls, usage=usage, model="other", finish_reason="content_filter")
    )
    answer = ask(emulator, stream=stream, tools=[TIME], **with_usage(stream=stream))
    counted = answer.json() if not stream else events_of(answer.content)[-1]
    assert counted["model"] == "other"
    assert counted["usage"] == {
        "prompt_tokens": 9,
        "completion_tokens": 8,
        "total_tokens": 17,
        "prompt_tokens_details": {"cached_tokens": 7},
        "completion_tokens_details": {"reasoning_tokens": 6},
    }
    if stream:
        *_, end, _ = events_of(answer.content)
        assert end["choices"][0]["finish_reason"] == "content_filter"
    else:
        [choice] = answer.json()["choices"]
        assert choice["finish_reason"] == "content_filter"
        assert [call["id"] for call in choice["message"]["tool_calls"]] == ["id-1", "id-2"]
        assert choice["message"]["tool_calls"][1]["function"]["arguments"] == '{"broken'


# --- What it keeps ----------------------------------------------------------------------


def test_requests_are_kept(emulator: ScalewayEmulator) -> None:
    with client_of(emulator) as client:
        client.post("/chat/completions?a=b", json=body_of("one"), headers={"X-Tag": "1"})
        client.post("/chat/completions", content=b"no json")
        client.get("/models")
    one, two, three = emulator.requests
    assert [request.number for request in emulator.requests] == [1, 2, 3]
    assert (one.method, one.path, one.query) == ("POST", "/v1/chat/completions", "a=b")
    assert one.headers["x-TAG"] == "1"
    assert one.headers["authorization"] == f"Bearer {emulator.api_key}"
    assert one.json == body_of("one")
    assert one.body == orjson.dumps(one.json)
    assert (one.status, two.status, three.status) == (200, 400, 200)
    assert one.completed
    assert not one.client_disconnected
    assert one.arrived_at <= two.arrived_at <= three.arrived_at <= emulator.now()
    assert {request.connection for request in emulator.requests} == {1}
    assert emulator.connections_opened == 1
    assert emulator.statuses == {200: 2, 400: 1}
    with pytest.raises(ValueError, match="invalid"):
        _ = two.json


def test_requests_do_not_show_the_key_and_only_the_latest_may_be_kept() -> None:
    with ScalewayEmulator(keep_requests=3, api_key="a-secret-key") as emulator:
        for number in range(4):
            ask(emulator, str(number))
        assert [request.number for request in emulator.requests] == [2, 3, 4]
        assert emulator.statuses == {200: 4}
        assert "a-secret-key" not in repr(emulator.requests)
        assert "a-secret-key" not in str(emulator.requests[0].headers)


def test_leaving_client_is_noticed(emulator: ScalewayEmulator) -> None:
    emulator.script(Reply("a b c", faults=[Stall(after_events=2)]))
    with (
        client_of(emulator) as client,
        client.stream("POST", "/chat/completions", json=body_of(stream=True)) as answer,
    ):
        next(answer.iter_raw())
    assert emulator.wait_until(lambda emulator: emulator.requests[0].client_disconnected)
    assert not emulator.requests[0].completed


def test_client_that_leaves_in_the_middle_of_its_request(
    emulator: ScalewayEmulator, caplog: pytest.LogCaptureFixture
) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{"
    port = int(emulator.base_url.removesuffix("/v1").rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(head)
        assert wait_for(lambda: emulator.connections_open == 1)
    assert wait_for(lambda: emulator.connections_open == 0)
    assert emulator.requests == []
    assert caplog.records == [], "and nobody complains"


@pytest.mark.parametrize(
    ("step", "error", "said"),
    [
        (lambda request: request.json["no such field"], KeyError, "'no such field'"),
        (lambda _: pytest.fail("not what I expected"), pytest.fail.Exception, "not what I"),
        (lambda _: sys.exit(3), SystemExit, "3"),
        (lambda _: None, TypeError, "A step is a text"),
        (Reply(tool_calls=[ToolCall("f", {"x": object()})]), TypeError, "not JSON serializable"),
        (Delay("soon"), TypeError, "str"),  # type: ignore[arg-type]  # that is what is tested
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_failing_step_fails_the_test_and_is_not_retried(
    step: Step, error: type[BaseException], said: str, stream: bool
) -> None:
    emulator = ScalewayEmulator().start()
    emulator.script(step)
    refused = ask(emulator, stream=stream)
    assert ask(emulator).status_code == 200, "it goes on"
    emulator.stop()
    assert refused.status_code == 400, "a status that no client retries"
    message = refused.json()["message"]
    assert message.startswith(f"The test's script failed: {error.__name__}: ")
    assert said in message
    with pytest.raises(BaseExceptionGroup) as caught:
        emulator.verify()
    [found] = caught.value.exceptions
    assert isinstance(found, error)
    assert "POST /v1/chat/completions" in found.__notes__[0]


def test_reply_that_cannot_be_sent_fails_the_test(caplog: pytest.LogCaptureFixture) -> None:
    emulator = ScalewayEmulator().start()
    emulator.script(RawReply(body="a text"))  # type: ignore[arg-type]  # that is what is tested
    with pytest.raises(httpx.RemoteProtocolError):
        ask(emulator)
    emulator.stop()
    with pytest.raises(ExceptionGroup, match="not used as the test says"):
        emulator.verify()
    assert caplog.records == []


def test_strict_emulator_wants_a_step_for_each_request() -> None:
    emulator = ScalewayEmulator(strict=True).start()
    emulator.script("for the first")
    assert [ask(emulator).status_code for _ in range(2)] == [200, 400]
    emulator.stop()
    with pytest.raises(ExceptionGroup) as caught:
        emulator.verify()
    assert "Nothing is scripted" in str(caught.value.exceptions[0])


def test_what_is_no_step_is_refused_at_once(emulator: ScalewayEmulator) -> None:

    async def answer_later(_: ReceivedRequest) -> Step:
        raise NotImplementedError

    steps: list[Any] = [5, None, ["a"], {"text": "a"}, Stall, Reply, answer_later]
    for step in steps:
        with pytest.raises(TypeError, match="A step is a text"):
            emulator.script("good", step)
        with pytest.raises(TypeError, match="A step is a text"):
            emulator.when(contains="x").reply(step)
    with pytest.raises(TypeError, match="A step is a text"):
        emulator.respond_with(5)  # type: ignore[arg-type]  # that is what is tested
    with pytest.raises(TypeError, match="no text answers embeddings"):
        emulator.script("text", endpoint="embeddings")
    with pytest.raises(TypeError, match="no text answers rerank"):
        emulator.when(endpoint="rerank").reply("text")
    assert emulator.scripted_steps_left == 0


# --- Elsewhere: other processes, many threads, pytest ------------------------------------


def test_process_of_its_own() -> None:
    emulator = EmulatorProcess(api_key="another-key").start()
    emulator.script("from another process", HttpError(503))
    headers = {"Authorization": "Bearer another-key"}

    def ask_it(prompt: str = "Hello") -> httpx.Response:
        url = f"{emulator.base_url}/chat/completions"
        return send("POST", url, headers=headers, json=body_of(prompt))

    answers = [ask_it(str(number)) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 503, 200]
    assert message_of(answers[0])["content"] == "from another process"
    asked = [request.json["messages"][0]["content"] for request in emulator.requests]
    assert asked == ["0", "1", "2"]
    assert emulator.statuses == {200: 2, 503: 1}
    assert emulator.connections_opened == 3
    assert emulator.project_id in emulator.project_url
    with pytest.raises((pickle.PicklingError, AttributeError)):
        emulator.script(lambda _: "not picklable")
    with pytest.raises(TypeError, match="A step is a text"):
        emulator.script(5)  # type: ignore[arg-type]  # it fails in the other process
    emulator.respond_with(answer_from_a_module)
    assert message_of(ask_it())["content"] == "module"
    emulator.respond_with(fail_in_a_module)
    assert ask_it().status_code == 400
    with pytest.raises(ExceptionGroup) as caught:
        emulator.__exit__(None)
    assert "/v1/chat/completions" in str(caught.value.exceptions[0])
    with pytest.raises(RuntimeError, match="not been started"):
        _ = emulator.base_url
    emulator.__exit__(None)


def answer_from_a_module(request: ReceivedRequest) -> Step:
    """A step that another process can find."""
    return RawReply(body=orjson.dumps({"choices": [{"message": {"content": "module"}}]}))


def fail_in_a_module(request: ReceivedRequest) -> Step:
    """A step that fails in another process."""
    raise AssertionError(request.path)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal for Ctrl-C.")
def test_program_for_other_languages(tmp_path: Path) -> None:
    path = tmp_path / "script.json"
    path.write_text('["from a file", "and another"]', "utf-8")
    command = [sys.executable, "-m", "langchain_scaleway.testing", "--port", "0"]
    options = ["--script", str(path), "--requests-per-minute", "4", "--no-auth"]
    faults = ["--fault", "HtmlError", "--fault-rate", "1"]
    with subprocess.Popen(
        [*command, *options, *faults], stdout=subprocess.PIPE, text=True
    ) as program:
        assert program.stdout is not None
        head = [program.stdout.readline() for _ in range(4)]
        url = dict(line.split() for line in head[1:])["base_url"]
        origin = url.removesuffix("/v1")
        assert send("GET", f"{origin}/healthz").json() == {"status": "ok"}

        def ask_it() -> httpx.Response:
            return send("POST", f"{url}/chat/completions", json=body_of())

        assert message_of(ask_it())["content"] == "from a file"
        assert send("POST", f"{origin}/reset").status_code == 200
        assert message_of(ask_it())["content"] == "from a file"
        assert message_of(ask_it())["content"] == "and another"
        assert [ask_it().status_code for _ in range(3)] == [502, 502, 429]
        program.send_signal(signal.SIGINT)
        rest = program.stdout.read()
    assert "no model" in head[0]
    assert rest == "Answers by status: {200: 2, 502: 2, 429: 1}\n"
    assert program.returncode == 0


def test_command_line_that_cannot_be_followed(emulator: ScalewayEmulator) -> None:
    port = str(httpx.URL(emulator.base_url).port)
    for options, said in (
        (["--port", port], f"Cannot listen on 127.0.0.1:{port}: .*`--port 0` finds a free port"),
        (["--fault", "Gzip", "--fault-rate", "2"], "probability must be from 0 to 1, got 2.0."),
        (["--time-scale", "0"], "time_scale must be positive, got 0.0."),
        (["--script", "nowhere.yaml"], "nowhere.yaml"),
    ):
        with pytest.raises(SystemExit, match=said):
            main(["--port", "0", *options])


def test_command_line_without_the_extra() -> None:
    start = "import runpy; runpy.run_module('langchain_scaleway.testing', run_name='__main__')"
    program = f"import sys; sys.modules['aiohttp'] = None; {start}"
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.endswith('pip install "langchain-scaleway[testing]"\n')
    assert "Traceback" not in result.stderr


def test_many_clients_at_once(emulator: ScalewayEmulator) -> None:
    def converse(client_number: int) -> list[str]:
        with client_of(emulator) as client:
            prompts = [f"client {client_number} question {number}" for number in range(10)]
            answers = [client.post("/chat/completions", json=body_of(text)) for text in prompts]
            contents = [message_of(answer)["content"] for answer in answers]
            return [
                text for text, content in zip(prompts, contents, strict=True) if text in content
            ]

    with ThreadPoolExecutor(20) as threads:
        assert all(len(right) == 10 for right in threads.map(converse, range(20)))
    assert emulator.statuses == {200: 200}
    assert emulator.connections_opened == 20


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    """Pytest loads the plugin in every run of everybody who has installed the package."""
    program = (
        "import sys, langchain_scaleway.testing.plugin; "
        "print([name for name in sys.modules if name in ('aiohttp', 'rstr') "
        "or name.startswith('langchain_scaleway.testing.')])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert result.stdout == "['langchain_scaleway.testing.plugin']\n"


def test_every_public_name_is_there() -> None:
    for name in testing.__all__:
        assert getattr(testing, name).__module__.startswith("langchain_scaleway.testing.") or (
            name == "Step"
        )
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = testing.Nothing
