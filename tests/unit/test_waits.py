"""Breaking off a read of a thread."""

import time

import pytest

from langchain_scaleway.client.waits import broken_off_after


class Connection:
    """What httpx gives as a network stream, and as its socket."""

    def __init__(self) -> None:
        self.is_shut = False

    def get_extra_info(self, name: str) -> "Connection":
        assert name == "socket"
        return self

    def shutdown(self, _how: int) -> None:
        time.sleep(0.0005)  # For the block to end meanwhile.
        self.is_shut = True


def test_a_connection_is_shut_if_and_only_if_the_time_is_said_to_have_run_out() -> None:
    """Afterwards it may belong to another request."""
    for number in range(300):
        connection, has_run_out = Connection(), False
        try:
            with broken_off_after(0.001, {"network_stream": connection}):
                time.sleep(0.0008 + 0.000002 * number)
        except TimeoutError:
            has_run_out = True
        at_the_end = connection.is_shut
        time.sleep(0.001)
        assert (at_the_end, connection.is_shut) == (has_run_out, has_run_out)


def test_without_a_connection_nothing_is_broken_off() -> None:
    with broken_off_after(0.001, {}):
        time.sleep(0.005)


def test_what_the_block_raises_is_raised() -> None:
    with pytest.raises(KeyError), broken_off_after(5, {"network_stream": Connection()}):
        raise KeyError
