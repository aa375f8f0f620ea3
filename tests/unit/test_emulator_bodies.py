"""Whatever a body holds, the emulated service answers and does not break."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from langchain_scaleway.testing.answers import Ending
from langchain_scaleway.testing.endpoints.base import ModelEndpoint
from langchain_scaleway.testing.endpoints.chat import COMPLETIONS
from langchain_scaleway.testing.endpoints.embeddings import EMBEDDINGS, RERANK
from langchain_scaleway.testing.endpoints.responses import RESPONSES
from langchain_scaleway.testing.received import ReceivedRequest
from langchain_scaleway.testing.service import EmulatedService

SERVED: dict[ModelEndpoint[Any], str] = {
    COMPLETIONS: "qwen3-235b-a22b-instruct-2507",
    RESPONSES: "gpt-oss-120b",
    EMBEDDINGS: "qwen3-embedding-8b",
    RERANK: "qwen3-embedding-8b",
}

WORDS = """user assistant system tool message function function_call function_call_output reasoning
input_text output_text input_image text image_url json_schema object string none auto required x"""
KEYS = """type role content text name arguments call_id output summary tool_calls function
parameters properties schema json_schema id"""
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 10**10),
    st.floats(allow_nan=False),
    st.sampled_from(WORDS.split()),
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(KEYS.split()), inner, max_size=4)
    ),
    max_leaves=12,
)


def answered(endpoint: ModelEndpoint[Any], body: dict[str, Any]) -> int:
    """The status that a body is answered with; all of the answer is made."""
    service = EmulatedService(api_key=None)
    received = ReceivedRequest(method="POST", path="/v1/x", body=orjson.dumps(body))
    answer = service.serve(received, None, endpoint.serve)
    assert all(isinstance(piece, bytes | Ending) for piece in answer.pieces)
    assert service.scripts.failures == []
    return answer.status


@pytest.mark.parametrize("endpoint", SERVED)
@given(st.data())
def test_any_body_is_answered(endpoint: ModelEndpoint[Any], data: st.DataObject) -> None:
    names = st.sampled_from(sorted(endpoint.body.model_fields))
    fields = data.draw(st.dictionaries(names, VALUES, max_size=4))
    usual = {"messages": [{"role": "user", "content": "x"}], "input": "x"}
    usual |= {"query": "x", "documents": ["x"]}
    status = answered(endpoint, {**usual, **fields, "model": SERVED[endpoint]})
    assert status in {200, 400, 404}
