"""The emulator as a server: its life, its scripts, what it keeps, where it runs."""

import itertools
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from langchain_scaleway import testing
from langchain_scaleway.testing import (
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
from tests.support.emulated import ask, body_of, client_of, events_of, message_of, with_usage
from tests.support.leftovers import wait_for

TIME = {"type": "function", "function": {"name": "get_time"}}


# --- Its life ---------------------------------------------------------------------------


def test_starts_on_a_free_port_of_this_machine() -> None:
    with ScalewayEmulator() as one, ScalewayEmulator() as another:
        assert one.base_url != another.base_url
        for emulator in (one, another):
            assert emulator.base_url.startswith("http://127.0.0.1:")
            assert ask(emulator).status_code == 200


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


def test_is_not_started_twice() -> None:
    with ScalewayEmulator() as emulator, pytest.raises(RuntimeError, match="runs already"):
        emulator.start()


def test_has_neither_url_nor_connections_before_it_starts() -> None:
    emulator = ScalewayEmulator()
    with pytest.raises(RuntimeError, match="not been started"):
        _ = emulator.base_url
    assert (emulator.connections_opened, emulator.connections_open) == (0, 0)


def test_unknown_settings_are_refused() -> None:
    with pytest.raises(TypeError, match="quota"):
        ScalewayEmulator(quota=None)  # type: ignore[call-arg]  # that is what is tested


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


def test_refused_requests_leave_the_script_alone(emulator: ScalewayEmulator) -> None:
    emulator.script("for a good request")
    assert ask(emulator, temperature=9).status_code == 400
    assert message_of(ask(emulator))["content"] == "for a good request"


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


def test_requests_do_not_show_the_key(emulator: ScalewayEmulator) -> None:
    ask(emulator)
    assert emulator.api_key is not None
    assert emulator.api_key not in repr(emulator.requests)
    assert emulator.api_key not in str(emulator.requests[0].headers)


def test_only_the_latest_requests_may_be_kept() -> None:
    with ScalewayEmulator(keep_requests=2) as emulator:
        for number in range(4):
            ask(emulator, str(number))
        assert [request.number for request in emulator.requests] == [3, 4]
        assert emulator.statuses == {200: 4}


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


def test_failing_function_fails_the_test_and_is_not_retried() -> None:
    emulator = ScalewayEmulator().start()
    emulator.script(lambda request: request.json["no such field"])
    refused = ask(emulator)
    emulator.stop()
    assert refused.status_code == 400, "a status that no client retries"
    assert refused.json()["message"] == "The test's script failed: KeyError: 'no such field'"
    with pytest.raises(ExceptionGroup) as caught:
        emulator.verify()
    [error] = caught.value.exceptions
    assert isinstance(error, KeyError)
    assert "POST /v1/chat/completions" in error.__notes__[0]


def test_failing_function_fails_the_with_block() -> None:
    def never(request: ReceivedRequest) -> Step:
        assert request.json["messages"] == [], "there should be none"
        return "fine"

    def test_of_a_user() -> None:
        with ScalewayEmulator() as emulator:
            emulator.respond_with(never)
            ask(emulator)

    with pytest.raises(ExceptionGroup, match="not used as the test says"):
        test_of_a_user()


def test_steps_that_nobody_took_are_named(emulator: ScalewayEmulator) -> None:
    emulator.script("taken", "left over")
    ask(emulator)
    emulator.verify(leftover=False)
    with pytest.raises(ExceptionGroup) as caught:
        emulator.verify()
    assert "left over" in str(caught.value.exceptions[0])


def test_strict_emulator_wants_a_step_for_each_request() -> None:
    emulator = ScalewayEmulator(strict=True).start()
    emulator.script("for the first")
    assert [ask(emulator).status_code for _ in range(2)] == [200, 400]
    emulator.stop()
    with pytest.raises(ExceptionGroup) as caught:
        emulator.verify()
    assert "Nothing is scripted" in str(caught.value.exceptions[0])


@pytest.mark.parametrize("step", [5, None, ["a"], {"text": "a"}])
def test_what_is_no_step_is_refused_at_once(emulator: ScalewayEmulator, step: Any) -> None:
    with pytest.raises(TypeError, match="A step is a text"):
        emulator.script("good", step)
    assert emulator.scripted_steps_left == 0


def test_sent_text_is_kept(emulator: ScalewayEmulator) -> None:
    ask(emulator, stream=True, max_tokens=3)
    assert emulator.requests[0].text == "This is an"


# --- Elsewhere: other processes, many threads, pytest ------------------------------------


def test_process_of_its_own() -> None:
    with EmulatorProcess(api_key="another-key") as emulator:
        emulator.script("from another process", HttpError(503))
        headers = {"Authorization": "Bearer another-key"}
        url = f"{emulator.base_url}/chat/completions"
        answers = [httpx.post(url, headers=headers, json=body_of(str(i))) for i in range(3)]
        assert [answer.status_code for answer in answers] == [200, 503, 200]
        assert message_of(answers[0])["content"] == "from another process"
        assert [request.json["messages"][0]["content"] for request in emulator.requests] == [
            "0",
            "1",
            "2",
        ]
        assert emulator.statuses == {200: 2, 503: 1}
        assert emulator.connections_opened == 3
        assert emulator.project_id in emulator.project_url
        with pytest.raises((pickle.PicklingError, AttributeError)):
            emulator.script(lambda _: "not picklable")
        emulator.respond_with(answer_from_a_module)
        assert message_of(httpx.post(url, headers=headers, json=body_of()))["content"] == "module"
    with pytest.raises(RuntimeError, match="not been started"):
        _ = emulator.base_url


def test_failure_in_the_other_process_is_raised_in_this_one() -> None:
    with EmulatorProcess() as emulator, pytest.raises(AttributeError, match="no_such_name"):
        emulator._ask("no_such_name")


def answer_from_a_module(request: ReceivedRequest) -> Step:
    """A step that another process can find."""
    return RawReply(body=orjson.dumps({"choices": [{"message": {"content": "module"}}]}))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no signal for Ctrl-C.")
def test_command_line() -> None:
    command = [sys.executable, "-m", "langchain_scaleway.testing", "--port", "0"]
    options = ["--requests-per-minute", "2", "--fault", "HtmlError", "--fault-rate", "1"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        head = [program.stdout.readline() for _ in range(4)]
        shown = dict(line.split() for line in head[1:])
        url, key = f"{shown['base_url']}/chat/completions", shown["api_key"]
        headers = {"Authorization": f"Bearer {key}"}
        answers = [httpx.post(url, headers=headers, json=body_of()) for _ in range(3)]
        program.send_signal(signal.SIGINT)
        rest = program.stdout.read()
    assert "no model" in head[0]
    assert [answer.status_code for answer in answers] == [502, 502, 429]
    assert rest == "Answers by status: {502: 2, 429: 1}\n"
    assert program.returncode == 0


def run_program(*options: str) -> subprocess.CompletedProcess[str]:
    """Run the program, which must end with a message and no traceback."""
    result = subprocess.run([sys.executable, *options], capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    return result


def test_command_line_with_a_port_that_is_taken(emulator: ScalewayEmulator) -> None:
    port = str(httpx.URL(emulator.base_url).port)
    told = run_program("-m", "langchain_scaleway.testing", "--port", port).stderr
    assert f"Cannot listen on 127.0.0.1:{port}: " in told
    assert "`--port 0` finds a free port" in told


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--fault", "Gzip", "--fault-rate", "2"], "probability must be from 0 to 1, got 2.0."),
        (["--time-scale", "0"], "time_scale must be positive, got 0.0."),
    ],
)
def test_command_line_with_values_out_of_range(options: list[str], said: str) -> None:
    told = run_program("-m", "langchain_scaleway.testing", "--port", "0", *options).stderr
    assert told == f"{said}\n"


def test_command_line_without_the_extra() -> None:
    start = "import runpy; runpy.run_module('langchain_scaleway.testing', run_name='__main__')"
    told = run_program("-c", f"import sys; sys.modules['aiohttp'] = None; {start}").stderr
    assert 'pip install "langchain-scaleway[testing]"' in told


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


def test_fixture_in_a_users_own_tests(tmp_path: Path) -> None:
    """Pytest in a directory of its own, as a user of the package runs it."""
    (tmp_path / "test_app.py").write_text(
        """
import httpx, pytest

def ask(emulator):
    headers = {"Authorization": f"Bearer {emulator.api_key}"}
    body = {"model": "glm-5.2", "messages": [{"role": "user", "content": "Hello"}]}
    return httpx.post(f"{emulator.base_url}/chat/completions", headers=headers, json=body)

def test_plain(scaleway_emulator):
    scaleway_emulator.script("Bonjour")
    assert ask(scaleway_emulator).json()["choices"][0]["message"]["content"] == "Bonjour"

@pytest.mark.scaleway_emulator(reasoning_field="reasoning_content")
class TestMarked:
    def test_class(self, scaleway_emulator):
        assert "reasoning_content" in ask(scaleway_emulator).text

    @pytest.mark.scaleway_emulator(api_key="k")
    def test_nearest_marker(self, scaleway_emulator):
        assert scaleway_emulator.api_key == "k"
        assert "reasoning_content" in ask(scaleway_emulator).text
""",
        "utf-8",
    )
    root = Path(__file__).parents[2]
    options = ["-W", "error", "-m", "pytest", "-q", "--strict-markers"]
    plugins = ["-p", "langchain_scaleway.testing.plugin", "-p", "no:cacheprovider"]
    result = subprocess.run(
        [sys.executable, *options, *plugins],
        cwd=tmp_path,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "3 passed" in result.stdout, result.stdout + result.stderr


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
    assert dir(testing) == testing.__all__
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = testing.Nothing
