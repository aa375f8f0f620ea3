"""`list_models` and `alist_models`: what the key can use now."""

import json
from typing import Any

import pytest

from langchain_scaleway import ChatScaleway, errors
from langchain_scaleway.testing import ScalewayEmulator, ServedModel
from tests.support.models import model_on
from tests.support.raw_server import RawServer, sends
from tests.support.recordings import FOLDERS, Recording
from tests.support.replay import ReplayServer

SERVED = (ServedModel(id="zebra"), ServedModel(id="apple"), ServedModel(id="vendor/model:fp8"))


async def test_all_that_is_served_is_named() -> None:
    with ScalewayEmulator(models=SERVED) as emulator, model_on(emulator, "zebra") as model:
        assert model.list_models() == ["apple", "vendor/model:fp8", "zebra"]
        assert await model.alist_models() == model.list_models()
        await model.aclose()
        assert {request.path for request in emulator.requests} == {"/v1/models"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_lists_of_other_engines_are_read(folder: str) -> None:
    recording = Recording(folder, "models_list")
    with ReplayServer() as server, at(server.base_url(recording)) as model:
        assert model.list_models() == [recording.requested_model]


async def test_a_refused_key_is_an_error() -> None:
    with ScalewayEmulator() as emulator, model_on(emulator, api_key="another") as model:
        with pytest.raises(errors.ScalewayPermissionDeniedError):
            model.list_models()
        with pytest.raises(errors.ScalewayPermissionDeniedError):
            await model.alist_models()
        await model.aclose()


def at(base_url: str) -> ChatScaleway:
    return ChatScaleway(model="m", base_url=base_url, api_key="test", max_retries=0)


def answer_with(body: Any) -> bytes:
    content = json.dumps(body).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(content) + content


@pytest.mark.parametrize("body", [{}, {"data": None}, {"data": {"id": "m"}}, {"data": ["m"]}])
async def test_an_answer_that_lists_no_models_is_an_error(body: Any) -> None:
    with RawServer(sends(answer_with(body))) as server, at(server.base_url) as model:
        with pytest.raises(errors.ScalewayResponseError, match="no list of models"):
            model.list_models()
        with pytest.raises(errors.ScalewayResponseError, match="no list of models"):
            await model.alist_models()
        await model.aclose()


def test_no_models_are_an_empty_list() -> None:
    body = {"object": "list", "data": []}
    with RawServer(sends(answer_with(body))) as server, at(server.base_url) as model:
        assert model.list_models() == []
