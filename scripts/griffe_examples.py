"""For the API reference: docstrings say `Example:` for one example, Griffe knows `Examples:`."""

from typing import Any

import griffe


class ExamplesExtension(griffe.Extension):
    """Shows examples as code."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Rename the section of an object's docstring."""
        if obj.docstring is not None:
            obj.docstring.value = obj.docstring.value.replace("\nExample:\n", "\nExamples:\n")
