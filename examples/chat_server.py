"""A small web page to chat on: FastAPI hands on the tokens as the model writes them.

    pip install "langchain-scaleway[demo]" fastapi uvicorn
    python -m examples.chat_server --port 8000

With SCW_SECRET_KEY it runs on Scaleway, without on this repository's toy model.
"""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, StreamingResponse
from pydantic import BaseModel

from examples.without_a_key import Arguments, scaleway_or_toy
from langchain_scaleway import ChatScaleway, ScalewayError

MODEL = "mistral-small-3.2-24b-instruct-2506"
PAGE = Path(__file__).with_name("chat_server.html")


class Message(BaseModel):
    """One message of the conversation, which the page keeps."""

    role: Literal["user", "assistant"]
    content: str


def make_app(arguments: Arguments) -> FastAPI:
    """Make the app.

    Args:
        arguments: Arguments of `ChatScaleway`.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # One model for all requests: it keeps connections open for them.
        async with ChatScaleway(**arguments) as app.state.model:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/")
    def page() -> FileResponse:
        return FileResponse(PAGE)

    @app.post("/chat")
    def chat(messages: list[Message], request: Request) -> StreamingResponse:
        answer = write(request.app.state.model, messages)
        return StreamingResponse(answer, media_type="text/plain; charset=utf-8")

    return app


async def write(model: ChatScaleway, messages: list[Message]) -> AsyncIterator[str]:
    """Give the pieces of an answer.

    When the reader leaves, Starlette closes this generator, and so the connection to the model.
    """
    try:
        async for chunk in model.astream([message.model_dump() for message in messages]):
            if chunk.text:
                yield chunk.text
    except ScalewayError as error:
        # The status has been sent already, so the page can only be told in words.
        yield f"\n[{type(error).__name__}: the answer could not be finished]"


def main() -> None:
    """Serve until Ctrl-C."""
    parser = argparse.ArgumentParser(description="A small web page to chat on.")
    parser.add_argument("--port", type=int, default=8000, help="0 for a free one")
    port: int = parser.parse_args().port
    with scaleway_or_toy(MODEL) as arguments:
        uvicorn.run(make_app(arguments), host="127.0.0.1", port=port)


if __name__ == "__main__":
    main()
