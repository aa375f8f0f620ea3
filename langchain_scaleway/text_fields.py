"""`TextFields`: what the components that send lists of texts share."""

from collections.abc import Callable, Mapping
from typing import Any

from langchain_core.messages.ai import UsageMetadata
from pydantic import Field

from langchain_scaleway.client_fields import ClientFields
from langchain_scaleway.convert.metadata import usage_metadata
from langchain_scaleway.rate_limiter import ScalewayRateLimiter


class TextFields(ClientFields):
    """A model of Scaleway's that reads texts and writes none."""

    model: str = Field(default="qwen3-embedding-8b", min_length=1)
    """The model's id."""

    rate_limiter: ScalewayRateLimiter | None = Field(default=None, exclude=True)
    """Keeps requests and tokens below the model's quotas."""

    on_usage: Callable[[UsageMetadata], object] | None = Field(
        default=None, repr=False, exclude=True
    )
    """Called with the tokens of each answer, since LangChain's callbacks have no place for them:
    `[].append`, or what adds them up. Synchronous calls have threads, which call it at once.
    `usage_cost(usage, model=…)` gives their price."""

    def _ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        return self._counted(self._client().request(path, body, model=self.model).body)

    async def _aask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        reply = await self._client().arequest(path, body, model=self.model)
        return self._counted(reply.body)

    def _counted(self, body: dict[str, Any]) -> dict[str, Any]:
        usage = usage_metadata(body.get("usage"))
        if self.on_usage and usage:
            read = usage["total_tokens"]  # An answer with scores names no other.
            self.on_usage(UsageMetadata(input_tokens=read, output_tokens=0, total_tokens=read))
        return body
