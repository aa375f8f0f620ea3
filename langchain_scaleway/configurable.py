"""Models whose fields a call's configuration may set: `model.configurable_fields(…)`."""

from collections.abc import Iterator
from typing import Any, ClassVar

from langchain_core.runnables import ConfigurableField, Runnable, RunnableConfig, ensure_config
from langchain_core.runnables.configurable import RunnableConfigurableFields
from langchain_core.runnables.utils import ConfigurableFieldSingleOption, Input, Output

from langchain_scaleway.bindings import ModelBinding, binding


class ConfigurableFields(RunnableConfigurableFields[Input, Output]):
    """Answers each call with a copy of the model that has the configured fields.

    LangChain's own class builds a new model from all fields of the old one, as if the user had
    given every one of them. Such a model has connections of its own and the old model's profile,
    and its pickles hold even a key that came from the environment.
    """

    bind: ClassVar = binding(RunnableConfigurableFields.bind)

    def bind_tools(self, *args: Any, **kwargs: Any) -> Runnable[Any, Any]:
        """Bind tools; LangChain's own has them answered by a model that is not configurable."""
        model: Any = self.default
        return ModelBinding(bound=self, config={}).around(model.bind_tools(*args, **kwargs))

    def with_structured_output(self, *args: Any, **kwargs: Any) -> Runnable[Any, Any]:
        """Ask for objects, in the same way."""
        model: Any = self.default
        made = model.with_structured_output(*args, **kwargs)
        return ModelBinding(bound=self, config={}).around(made)

    @classmethod
    def lc_id(cls) -> list[str]:
        """Serialize as LangChain's own class, because that is the one which `load` knows."""
        return RunnableConfigurableFields.lc_id()

    def _prepare(
        self, config: RunnableConfig | None = None
    ) -> tuple[Runnable[Input, Output], RunnableConfig]:
        config = ensure_config(config)
        values = dict(self._configured(config.get("configurable", {})))
        if not values:
            return self.default, config
        configured = self.default.model_copy(update=values)
        # Pydantic documents this attribute, and has nothing else that checks some of the fields. A
        # new model would look for a key and a project again, in files, while an event loop waits.
        for name, value in values.items():
            type(configured).__pydantic_validator__.validate_assignment(configured, name, value)
        return configured, config

    def _configured(self, configurable: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        """Each field that is configured, with its value."""
        for name, spec in self.fields.items():
            if isinstance(spec, ConfigurableField):
                if spec.id in configurable:
                    yield name, configurable[spec.id]
            elif isinstance(spec, ConfigurableFieldSingleOption):
                yield name, spec.options[configurable.get(spec.id) or spec.default]
            else:
                yield name, [spec.options[key] for key in configurable.get(spec.id, spec.default)]
