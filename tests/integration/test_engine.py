"""The local engine as a process: it answers, it stops, and it does not outlive its user."""

import socket
import subprocess
import sys
import time
from urllib.parse import urlsplit

import pytest

from engine.serve import LocalEngine
from langchain_scaleway import ChatScaleway

PROGRAM = """
from engine.serve import LocalEngine
engine = LocalEngine()
engine.start()
print(engine.base_url, flush=True)
input()
"""


def is_listening(base_url: str) -> bool:
    """Whether something accepts connections at the URL."""
    address = urlsplit(base_url)
    try:
        socket.create_connection((address.hostname, address.port), timeout=5).close()
    except ConnectionError:  # refused, or reset in the moment in which it dies
        return False
    return True


def wait_until_gone(base_url: str) -> None:
    """Return when nothing listens at the URL any more; the test's own timeout bounds it."""
    while is_listening(base_url):
        time.sleep(0.05)


def test_engine_lives_as_long_as_its_block() -> None:
    with LocalEngine() as engine:
        assert is_listening(engine.base_url)
    assert not is_listening(engine.base_url)


def test_engine_is_started_once() -> None:
    with LocalEngine() as engine, pytest.raises(RuntimeError, match="running already"):
        engine.start()


def test_engine_can_be_started_again() -> None:
    engine = LocalEngine()
    for _ in range(2):
        with engine:
            assert is_listening(engine.base_url)


def test_engine_says_when_it_cannot_start(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="did not start"):
        LocalEngine(thinking="perhaps").start()  # type: ignore[arg-type]  # on purpose
    assert "invalid choice: 'perhaps'" in capfd.readouterr().err


def test_engine_dies_with_its_user() -> None:
    user = subprocess.Popen(
        [sys.executable, "-c", PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert user.stdout
    base_url = user.stdout.readline().strip()
    assert is_listening(base_url)

    user.kill()
    user.communicate()

    wait_until_gone(base_url)


def test_engine_thinks_when_told(model: ChatScaleway, thinking_model: ChatScaleway) -> None:
    question = "How many r are in strawberry?"
    silent = model.invoke(question)
    thinking = thinking_model.invoke(question)
    on_request = model.invoke(
        question, extra_body={"chat_template_kwargs": {"enable_thinking": True}}
    )

    assert "reasoning_content" not in silent.additional_kwargs
    assert "s t r a w b e r r y" in thinking.additional_kwargs["reasoning_content"]
    assert "s t r a w b e r r y" in on_request.additional_kwargs["reasoning_content"]
