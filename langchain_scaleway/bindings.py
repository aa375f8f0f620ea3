"""A model with arguments or a configuration for every call, as `bind` and `with_config` make it."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableBinding, RunnableSequence

from langchain_scaleway.arguments import checked_headers

_Bind = TypeVar("_Bind", bound=Callable[..., Any])

_OF_CONFIG = ("config", "callbacks", "metadata", "run_id", "run_name", "tags")
"""What each call has beside its arguments; core would fail over two of a name."""


class ModelBinding(RunnableBinding[LanguageModelInput, AIMessage]):  # type: ignore[no-redef]  # Pydantic's plugin for mypy trips over the field `kwargs`; core has the same remark.
    """LangChain's binding, which stays where tools or a schema are bound after it.

    LangChain's own hands `bind_tools` and `with_structured_output` to the bare model, and what was
    bound before is lost in silence. Here only what they say anew takes the place of the old.
    """

    def bind(self, **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind more arguments; see `binding`."""
        return super().bind(**_bindable(kwargs))

    def bind_tools(self, *args: Any, **kwargs: Any) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools as well; see `ChatScaleway.bind_tools`."""
        bound = self._but("tools", "tool_choice")
        return self.around(cast("Any", self.bound).bind_tools(*args, **{**bound, **kwargs}))

    def with_structured_output(
        self, *args: Any, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Ask for objects; see `ChatScaleway.with_structured_output`."""
        bound = self._but("tools", "tool_choice", "response_format")
        model = cast("Any", self.bound)
        return self.around(model.with_structured_output(*args, **{**bound, **kwargs}))

    def _but(self, *names: str) -> dict[str, Any]:
        return {name: value for name, value in self.kwargs.items() if name not in names}

    def around(self, made: Runnable[Any, Any]) -> Runnable[Any, Any]:
        """What the model has made, of the model and in the configuration that are bound here."""
        if isinstance(made, RunnableSequence):
            first, *others = made.steps
            return RunnableSequence(self.around(first), *others)
        if isinstance(made, RunnableBinding):
            return self.model_copy(update={"kwargs": made.kwargs})
        return made

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
        return ModelBinding(bound=self, kwargs=_bindable(kwargs), config={})

    return cast("_Bind", bind_model)


def _bindable(arguments: dict[str, Any]) -> dict[str, Any]:
    if wrong := next((name for name in (*_OF_CONFIG, "input") if name in arguments), None):
        raise ValueError(
            f"`{wrong}` is given to each call: `model.invoke(input, config)`. "
            "`model.with_config(…)` binds a configuration."
        )
    if headers := arguments.get("extra_headers"):
        return {**arguments, "extra_headers": checked_headers(headers)}
    return arguments
