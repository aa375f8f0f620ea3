"""Tools as an API lists them, with wordings and details that vary as they do in the wild."""

from typing import Any, Literal

from engine.training.vocabulary import RANDOM, choice, words

Tool = dict[str, Any]
Schema = dict[str, Any]

WeatherArguments = Literal["city", "city and unit", "location"]
WEATHER_ARGUMENTS: list[WeatherArguments] = ["city", "city and unit", "location"]


def tool(
    name: str,
    properties: dict[str, Schema],
    required: list[str] | None = None,
    description: str | None = None,
) -> Tool:
    """A tool; all its properties are required where `required` does not say otherwise."""
    if required is None:
        required = list(properties)
    parameters: Schema = {"type": "object", "properties": properties, "required": required}
    if RANDOM.random() < 0.3:
        parameters["additionalProperties"] = False
    if RANDOM.random() < 0.3:  # the order that Pydantic writes
        parameters = {"properties": properties}
        if required:
            parameters["required"] = required
        parameters["type"] = "object"
    if description is None:
        description = choice(["", words(3), words(6)])
    function: Schema = {"name": name, "description": description, "parameters": parameters}
    if RANDOM.random() < 0.3:
        function["strict"] = True
    return {"type": "function", "function": function}


def string(**details: Any) -> Schema:
    """The schema of a text."""
    schema = {"type": "string", **details}
    if RANDOM.random() < 0.4:
        schema["description"] = words(RANDOM.randint(1, 4))
    if RANDOM.random() < 0.2:
        schema["maxLength"] = 20
    return schema


def integer(**details: Any) -> Schema:
    """The schema of an integer."""
    return {"type": "integer", **details}


def weather(arguments: WeatherArguments) -> Tool:
    """The tool `get_weather`, in one of three forms."""
    description = choice(
        [
            "Get the current weather in a city.",
            "Get the weather at a location.",
            "Get the weather.",
            words(4),
        ]
    )
    unit = {"type": "string", "enum": ["celsius", "fahrenheit"]}
    # All three are made each time: the order of random numbers is part of the seed.
    forms: dict[WeatherArguments, dict[str, Schema]] = {
        "city": {"city": string()},
        "city and unit": {"city": string(), "unit": unit},
        "location": {"location": string()},
    }
    return tool("get_weather", forms[arguments], None, description)


def weather_call(arguments: WeatherArguments, city: str) -> dict[str, str]:
    """The arguments to call `get_weather` with."""
    if arguments == "city and unit":
        return {"city": city, "unit": "celsius"}
    return {arguments: city}


def clock() -> Tool:
    """The tool `get_time`."""
    city = string()
    description = choice(["Get the current time in a city.", "Get the time.", words(4)])
    return tool("get_time", {"city": city}, None, description)


def magic_function() -> Tool:
    """The tool of LangChain's standard tests."""
    bounds = choice([{}, {"exclusiveMaximum": 1000, "exclusiveMinimum": -1000}])
    description = choice(["Apply a magic function to an input.", words(5)])
    return tool("magic_function", {"input": integer(**bounds)}, None, description)


def magic_function_no_args() -> Tool:
    """The tool without arguments of LangChain's standard tests."""
    return tool("magic_function_no_args", {}, [], "Calculate a magic function.")


def adder(name: str = "my_adder_tool") -> Tool:
    """A tool that adds."""
    description = choice(["Add two integers.", "Tool that adds two integers.", words(3)])
    return tool(name, {"a": integer(), "b": integer()}, None, description)


def multiply() -> Tool:
    """A tool that multiplies."""
    description = choice(["Multiply two integers.", words(3)])
    return tool("multiply", {"a": integer(), "b": integer()}, None, description)


def greeting_generator() -> Tool:
    """The tool of LangChain's standard tests that greets."""
    description = "Generate a greeting in a particular style of speaking."
    return tool("greeting_generator", {"answer_style": string()}, None, description)


def joke() -> Tool:
    """The schema of LangChain's standard tests for a joke, as a tool."""
    name = "Joke" if RANDOM.random() < 0.8 else "JokeDict"
    setup = string(description="question to set up a joke")
    punchline = choice(
        [
            string(description="answer to resolve the joke"),
            {
                "anyOf": [{"type": "string"}, {"type": "null"}],
                "default": None,
                "description": "answer to resolve the joke",
            },
        ]
    )
    return tool(name, {"setup": setup, "punchline": punchline}, None, "Joke to tell user.")


def unicode_customer() -> Tool:
    """The tool of LangChain's standard tests whose arguments are not ASCII."""
    name = string(description="The customer name in their native language.")
    description = string(description="Description of the customer.")
    return tool(
        "unicode_customer",
        {"customer_name": name, "description": description},
        None,
        "Tool for creating a customer with Unicode name.",
    )


def person() -> Tool:
    """A schema for a person, as a tool."""
    name = choice(["Person", "person", "extract_person"])
    return tool(name, {"name": string(), "age": integer(), "city": string()}, None, "A person.")


def unknown_tool() -> Tool:
    """A tool that is never called."""
    name = choice(["search", "lookup", "send_mail", "random_tool", "get_image"])
    argument = choice(["query", "x", "q", "id"])
    return tool(name, {argument: string()}, None, words(4))


def among_others(tools: list[Tool], at_most: int = 2) -> list[Tool]:
    """The tools among up to `at_most` others, in any order."""
    others = [
        clock,
        magic_function,
        adder,
        unknown_tool,
        multiply,
        greeting_generator,
        lambda: weather(choice(WEATHER_ARGUMENTS)),
        magic_function_no_args,
    ]
    names = {tool["function"]["name"] for tool in tools}
    for _ in range(RANDOM.randint(0, at_most)):
        other = choice(others)()
        if other["function"]["name"] not in names:
            tools.append(other)
            names.add(other["function"]["name"])
    if RANDOM.random() < 0.5:
        RANDOM.shuffle(tools)
    return tools
