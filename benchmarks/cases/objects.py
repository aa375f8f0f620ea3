"""What it costs to make a model object and to give it tools."""

from collections.abc import Iterator

from langchain_core.tools import BaseTool, StructuredTool

from benchmarks.sampling import Setting, cpu_seconds_per_call

_TOOLS = 10


def construct(setting: Setting) -> Iterator[float]:
    """Make a model object, with key and base URL given."""
    return cpu_seconds_per_call(lambda: setting.model("short"), setting)


def bind_tools(setting: Setting) -> Iterator[float]:
    """Bind ten tools that have been bound before, as an agent does in every turn."""
    model = setting.model("short")
    tools = ten_tools()
    return cpu_seconds_per_call(lambda: model.bind_tools(tools), setting)


def ten_tools() -> list[BaseTool]:
    """Return ten tools, each with three arguments and a docstring."""

    def search(query: str, limit: int = 10, language: str | None = None) -> str:
        """Look up documents.

        Args:
            query: What to look for.
            limit: How many documents at most.
            language: Only documents in this language.
        """
        return f"{query} {limit} {language}"

    return [
        StructuredTool.from_function(search, name=f"search_{number}", parse_docstring=True)
        for number in range(_TOOLS)
    ]
