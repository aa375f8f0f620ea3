"""Models whose fields a call's configuration may set: `model.configurable_fields(…)`."""

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.configurable import RunnableConfigurableFields
from langchain_core.runnables.utils import Input, Output


class ConfigurableFields(RunnableConfigurableFields[Input, Output]):
    """Answers each call by a copy of the model, with the fields that are configured.

    Core's own makes a new model of all fields, as if the user had given every one of them. It
    has connections of its own, the old model's profile, and a key that came from the
    environment would get into its pickles.
    """

    @classmethod
    def lc_id(cls) -> list[str]:
        """Write it as core's own, which `load` knows and makes of it."""
        return RunnableConfigurableFields.lc_id()

    def _prepare(
        self, config: RunnableConfig | None = None
    ) -> tuple[Runnable[Input, Output], RunnableConfig]:
        model = self.default
        # The new model shows that the values are valid, and what they are when they are read.
        checked, config = super()._prepare(config)
        values = {name: getattr(checked, name) for name in self.fields}
        changed = {name: v for name, v in values.items() if v != getattr(model, name)}
        return (model.model_copy(update=changed) if changed else model), config
