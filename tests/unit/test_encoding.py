"""JSON goes out as it was meant or not at all, and comes in whatever the server wrote."""

import json
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from langchain_scaleway import ChatScaleway
from langchain_scaleway.client.encoding import decode, encode
from tests.support.replay import ReplayServer
from tests.support.wire import MODEL, http_reply, whole
from tests.unit.conftest import ModelFactory

NAN, INFINITY = math.nan, math.inf

PADDING = "x" * 1_000_000
"""As long as an image."""


def json_of(body: Any) -> bytes:
    """What the standard library writes."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def nested(depth: int) -> list[Any]:
    """A list in a list, and so on."""
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


INTEGERS = st.integers() | st.integers(2**63 - 2, 2**63 + 2) | st.integers(2**64 - 2, 2**64 + 2)


def values(
    floats: st.SearchStrategy[Any],
    keys: st.SearchStrategy[Any],
    integers: st.SearchStrategy[Any] = INTEGERS,
) -> st.SearchStrategy[Any]:
    """What a request may hold."""
    leaves = st.none() | st.booleans() | integers | floats | st.text()
    return st.recursive(
        leaves,
        lambda inner: (
            st.lists(inner)
            | st.tuples(inner, inner)
            | st.dictionaries(keys, inner, dict_class=dict)
        ),
        max_leaves=10,
    )


FINITE = st.floats(allow_nan=False, allow_infinity=False)
PLAIN = values(FINITE, st.text())
IN_64_BITS = values(FINITE, st.text(), st.integers(-(2**63), 2**64 - 1))


class TestEncode:
    @given(PLAIN)
    def test_it_says_what_the_standard_library_says(self, body: Any) -> None:
        assert json.loads(encode(body)) == json.loads(json.dumps(body))

    @given(values(FINITE, st.text() | st.integers() | st.booleans() | st.none() | FINITE))
    def test_keys_are_what_the_standard_library_makes_of_them(self, body: Any) -> None:
        assert json.loads(encode(body)) == json.loads(json.dumps(body))

    @given(values(st.floats(), st.text()))
    def test_it_refuses_what_the_standard_library_refuses(self, body: Any) -> None:
        try:
            expected = json.loads(json.dumps(body, allow_nan=False))
        except ValueError:
            with pytest.raises(ValueError, match="which JSON cannot express"):
                encode(body)
        else:
            assert json.loads(encode(body)) == expected

    @pytest.mark.parametrize("number", [1, 2**64])
    def test_unicode_is_kept_and_white_space_is_not(self, number: int) -> None:
        body = {"content": "café ☕ 日本語 \U0001f469\u200d\U0001f680\u2028", "n": [number, 2]}
        sent = '{"content":"café ☕ 日本語 \U0001f469\u200d\U0001f680\u2028","n":[%d,2]}'
        assert encode(body) == (sent % number).encode()

    @pytest.mark.parametrize(
        ("body", "path"),
        [
            (
                {"tools": [{"function": {"default": INFINITY}}]},
                "inf at `tools[0].function.default`",
            ),
            ({"a": [[0.5], (1, -INFINITY)]}, "-inf at `a[1][1]`"),
            ({"a": 2**64, "b": {1: NAN}}, "nan at `b.1`"),
            ({"image": PADDING, "b": {"c": [NAN]}}, "nan at `b.c[0]`"),
            ([INFINITY], "inf at `[0]`"),
        ],
    )
    def test_a_number_that_is_none_is_refused_and_found(self, body: Any, path: str) -> None:
        with pytest.raises(ValueError, match="which JSON cannot express") as caught:
            encode(body)
        assert path in str(caught.value)
        assert len(str(caught.value)) < 200

    @pytest.mark.parametrize(
        ("body", "place"),
        [
            ({"content": "How are you \ud83d?"}, "How are you "),
            ({"content": "\udc00"}, '{"content":"'),
            ({"a": {"k\ud83d": 1}}, '{"a":{"k'),
            ({"messages": [{"content": [PADDING + " Hi \ud83d"]}]}, " Hi "),
        ],
    )
    def test_half_a_character_is_refused_and_found(self, body: Any, place: str) -> None:
        with pytest.raises(ValueError, match="half of a surrogate pair") as caught:
            encode(body)
        assert place in str(caught.value)
        assert len(str(caught.value)) < 400

    def test_the_advised_repair_works(self) -> None:
        text = "\ud83d\ude00 and \ud83d"
        with pytest.raises(ValueError, match="Repair") as caught:
            encode(text)
        repair = str(caught.value).split("`")[1]
        assert repair == 'text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")'
        repaired = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        assert encode(repaired) == '"\U0001f600 and \ufffd"'.encode()

    @pytest.mark.parametrize(
        ("value", "kind"),
        [(object(), "object"), ({1, 2}, "set"), (b"bytes", "bytes"), (1j, "complex")],
    )
    def test_what_json_does_not_know_is_refused(self, value: Any, kind: str) -> None:
        with pytest.raises(ValueError, match=f"cannot be written as JSON: .*{kind}"):
            encode({"a": [value]})

    @pytest.mark.parametrize(
        ("key", "said"),
        [((1, 2), r"keys must be .* not tuple"), *((one, "not JSON") for one in (NAN, -INFINITY))],
    )
    def test_keys_that_json_does_not_know_are_refused(self, key: Any, said: str) -> None:
        with pytest.raises(ValueError, match=said):
            encode({"logit_bias": {key: 1}})

    def test_deep_nesting_is_written_and_deeper_nesting_is_refused(self) -> None:
        for depth in (100, 253, 254, 255, 300):
            assert encode(nested(depth)) == b"[" * (depth + 1) + b"]" * (depth + 1)
        for body in (nested(100_000), {"messages": [{"content": nested(100_000)}]}):
            with pytest.raises(ValueError, match="nested too deeply"):
                encode(body)

    def test_a_body_that_contains_itself_is_refused(self) -> None:
        body: dict[str, Any] = {"messages": []}
        body["messages"].append(body)
        with pytest.raises(ValueError, match="or contains itself"):
            encode(body)


class TestDecode:
    @given(IN_64_BITS, st.booleans(), st.sampled_from([None, 2]))
    def test_it_reads_what_the_standard_library_reads(
        self, value: Any, ascii_only: bool, indent: int | None
    ) -> None:
        text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
        assert repr(decode(text.encode())) == repr(json.loads(text))

    @given(st.binary() | st.text('{}[]",:\\u0123456789abcdefntrul.e-+ ').map(str.encode))
    def test_anything_else_is_a_value_error(self, text: bytes) -> None:
        assume(not re.search(rb"\d{19}", text))  # An integer beyond 64 bits is a float.
        try:
            expected = json.loads(text)
        except ValueError:
            with pytest.raises(ValueError, match=r"."):
                decode(text)
        else:
            assert repr(decode(text)) == repr(expected)

    def test_an_integer_beyond_64_bits_is_a_float(self) -> None:
        assert decode(b"[18446744073709551615, 1e3]") == [2**64 - 1, 1_000.0]
        assert decode(b"123456789012345678901234567890") == 1.2345678901234568e29

    def test_digits_in_texts_are_texts(self) -> None:
        digits = "3.14159265358979323846264338327950288 12345678901234567890"
        assert decode(f'["{digits}", 1]'.encode()) == [digits, 1]

    def test_numbers_that_are_none(self) -> None:
        nan, *others = decode(b'[NaN, Infinity, -Infinity, "caf\xc3\xa9"]')
        assert math.isnan(nan)
        assert others == [INFINITY, -INFINITY, "café"]

    def test_half_a_character_is_replaced(self) -> None:
        """A message that holds one can be neither written to a file nor sent again."""
        assert decode(b'"\\ud83d"') == "\ufffd"
        assert decode(b'["\\ude00", "caf\xc3\xa9", NaN]')[:2] == ["\ufffd", "café"]
        assert decode(b'{"\\ud83d": "a\\ud83db \\ud83d\\ude00"}') == {
            "\ufffd": "a\ufffdb \U0001f600"
        }

    @given(values(FINITE, st.text(st.characters(codec=None))))
    def test_any_answer_can_be_encoded(self, body: Any) -> None:
        found = decode(json.dumps(body).encode())
        json.dumps(found, ensure_ascii=False).encode()

    @pytest.mark.parametrize(
        "text",
        [
            *(b"", b" ", b"nul", b'{"a": 1', b'{"a": 1}{"b": 2}', b'"\xff\xfe"', b"<html></html>"),
            *(b'{"a": "caf\xe9"}', b"\x1f\x8b\x08\x00", b'{"a": NaN, "b": "\xff"}', b"1" * 5_000),
        ],
    )
    def test_what_is_no_json(self, text: bytes) -> None:
        with pytest.raises(ValueError, match=r"."):
            decode(text)

    def test_a_byte_order_mark_is_skipped(self) -> None:
        assert decode(b"\xef\xbb\xbf{}") == {}

    def test_deep_nesting(self) -> None:
        assert decode(b"[" * 301 + b"]" * 301) == nested(300)
        with pytest.raises(ValueError, match="nested too deeply"):
            decode(b"[" * 100_000 + b"]" * 100_000)


Answer = Callable[[dict[str, Any]], ChatScaleway]


@pytest.fixture
def answered(replay_server: ReplayServer, model_at: ModelFactory) -> Answer:
    """Makes a model that is answered with a message."""

    def make(message: dict[str, Any]) -> ChatScaleway:
        return model_at(replay_server.base_url_of(http_reply(whole(message))), MODEL)

    return make


class TestCalls:
    """The same over a connection."""

    def test_the_sent_body(self, answered: Answer, replay_server: ReplayServer) -> None:
        answered({"content": "Oui"}).invoke("café ☕ \U0001f469\u200d\U0001f680", seed=2**70)
        request = replay_server.received[-1]
        assert "café ☕ \U0001f469\u200d\U0001f680".encode() in request.body
        assert request.json()["seed"] == 2**70

    @pytest.mark.parametrize(
        ("prompt", "arguments", "reason"),
        [
            ("Hello", {"temperature": NAN}, "nan at `temperature`"),
            ("Hello", {"extra_body": {"logit_bias": {"50256": -INFINITY}}}, "`logit_bias.50256`"),
            ("Hello", {"extra_body": {"top_k": object()}}, "cannot be written as JSON"),
            ("Hello \ud83d", {}, "half of a surrogate pair"),
        ],
    )
    async def test_what_cannot_be_sent_is_not(
        self,
        answered: Answer,
        replay_server: ReplayServer,
        prompt: str,
        arguments: dict[str, Any],
        reason: str,
    ) -> None:
        model = answered({"content": "Oui"})
        before = len(replay_server.received)
        for call in (model.invoke, lambda *a, **k: list(model.stream(*a, **k))):
            with pytest.raises(ValueError, match=re.escape(reason)):
                call(prompt, **arguments)
        with pytest.raises(ValueError, match=re.escape(reason)):
            await model.ainvoke(prompt, **arguments)
        assert len(replay_server.received) == before
