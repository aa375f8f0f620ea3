"""100,000 documents to embed against a quota of tokens per minute, on the emulator.

What `ScalewayEmbeddings` with a `ScalewayRateLimiter` takes for it, as a multiple of the shortest
time that the quota allows, and what is refused; beside it `OpenAIEmbeddings`, which knows no quota.
Run `python -m benchmarks.embeddings`; it takes four minutes. The vectors are short and the
emulator's time is sped up only a little, because its own work is not what is measured.
"""

import argparse
import asyncio
import time

from langchain_core.embeddings import Embeddings
from pydantic import SecretStr

from langchain_scaleway import ScalewayEmbeddings, ScalewayRateLimiter
from langchain_scaleway.testing import EmulatorProcess, Quotas, ServedModel
from langchain_scaleway.tokens import text_tokens

MODEL = ServedModel(id="qwen3-embedding-8b", kinds=("embedding",), dimensions=16)
TOKENS_PER_MINUTE = 400_000
WORDS = 14
"""In a document: about thirty tokens."""


def scaleway(emulator: EmulatorProcess, time_scale: float) -> Embeddings:
    """`ScalewayEmbeddings` as its page recommends it for many documents."""
    return ScalewayEmbeddings(
        model=MODEL.id,
        base_url=emulator.base_url,
        api_key=emulator.api_key,
        rate_limiter=ScalewayRateLimiter(time_scale=time_scale),
    )


def openai(emulator: EmulatorProcess, _: float) -> Embeddings:
    """`OpenAIEmbeddings` as it works with other engines: it sends texts, not token ids."""
    from langchain_openai import OpenAIEmbeddings  # noqa: PLC0415 -- may be missing

    return OpenAIEmbeddings(
        model=MODEL.id,
        openai_api_base=emulator.base_url,
        openai_api_key=SecretStr(str(emulator.api_key)),
        check_embedding_ctx_length=False,
    )


async def embed(embeddings: Embeddings, documents: list[str]) -> tuple[object, float]:
    """How many vectors there are in the end, or which error, and after how many seconds."""
    await embeddings.aembed_query("The first connection is slow.")
    began = time.monotonic()
    try:
        vectors: object = len(await embeddings.aembed_documents(documents))
    except Exception as error:  # noqa: BLE001 -- whatever another package raises
        vectors = type(error).__name__
    return vectors, time.monotonic() - began


def main() -> None:
    """Embed the documents with each, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.embeddings", description=__doc__)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--time-scale", type=float, default=4.0, help="of the emulator (4)")
    options = parser.parse_args()
    documents = [
        " ".join(f"word{(n * 31 + w) % 5_000:04}" for w in range(WORDS))
        for n in range(options.documents)
    ]
    tokens = sum(map(text_tokens, documents))  # As the emulator counts them.
    shortest = 60 * (tokens / TOKENS_PER_MINUTE - 1)
    print(
        f"{tokens:,} tokens at {TOKENS_PER_MINUTE:,} a minute: {shortest:.0f} s at the shortest\n"
    )
    print("| | vectors | time | of the shortest | refused (429) |\n|---|---:|---:|---:|---:|")
    for make in (scaleway, openai):
        with EmulatorProcess(
            models=(MODEL,),
            quotas=Quotas(tokens_per_minute=TOKENS_PER_MINUTE),
            time_scale=options.time_scale,
            keep_requests=0,
        ) as emulator:
            embeddings = make(emulator, options.time_scale)
            vectors, real_seconds = asyncio.run(embed(embeddings, documents))
            seconds = real_seconds * options.time_scale
            statuses = emulator.statuses
        print(
            f"| {type(embeddings).__name__} | {vectors} | {seconds:.0f} s "
            f"| {seconds / shortest:.2f} | {statuses.get(429, 0)} of {sum(statuses.values())} |"
        )


if __name__ == "__main__":
    main()
