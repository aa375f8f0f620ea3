"""A model with arguments for every call, as `bind` makes it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableBinding

from langchain_scaleway.arguments import checked_headers

_Bind = TypeVar("_Bind", bound=Callable[..., Any])


# Pydantic's plugin for mypy trips over the field `kwargs`; core has the same remark.
class ModelBinding(RunnableBinding[LanguageModelInput, AIMessage]):  # type: ignore[no-redef]
    """LangChain's binding, whose arguments stay where tools or a schema are bound after them.

    LangChain's own hands `bind_tools` and `with_structured_output` to the bare model, and what was
    bound before is lost in silence. Here only what they say anew takes the place of the old.
    """

    def bind_tools(self, *args: Any, **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools as well; see `ChatScaleway.bind_tools`."""
        model = cast("BaseChatModel", self.bound)
        return model.bind_tools(*args, **{**self._but("tools", "tool_choice"), **kwargs})

    def with_structured_output(
        self, *args: Any, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Ask for objects; see `ChatScaleway.with_structured_output`."""
        model = cast("BaseChatModel", self.bound)
        bound = self._but("tools", "tool_choice", "response_format")
        return model.with_structured_output(*args, **{**bound, **kwargs})

    def _but(self, *names: str) -> dict[str, Any]:
        return {name: value for name, value in self.kwargs.items() if name not in names}

    @classmethod
    def lc_id(cls) -> list[str]:
        """Serialize as LangChain's own class, because that is the one which `load` knows."""
        return RunnableBinding.lc_id()


def binding(bind: _Bind) -> _Bind:
    """Have a model's `bind` make a `ModelBinding`, under the type that LangChain promises.

    The values of `extra_headers` are wrapped, as `checked_headers` does: LangChain shows what is
    bound in `repr`, in `dumps` and in the traces of chains.
    """

    @wraps(bind)
    def bind_model(self: Any, **kwargs: Any) -> ModelBinding:
        if wrong := [name for name in ("config", "input") if name in kwargs]:
            raise ValueError(
                f"`{wrong[0]}` is given to each call: `model.invoke(input, config)`. "
                "`model.with_config(…)` binds a configuration."
            )
        if headers := kwargs.get("extra_headers"):
            kwargs["extra_headers"] = checked_headers(headers)
        return ModelBinding(bound=self, kwargs=kwargs, config={})

    return cast("_Bind", bind_model)
