"""Patterns in which the model calls tools, or reads what they answered."""

from engine.training import tools
from engine.training.conversation import (
    Conversation,
    assistant,
    assistant_calls,
    call,
    to_json,
    tool_result,
    user,
)
from engine.training.tools import WEATHER_ARGUMENTS, among_others, weather_call
from engine.training.vocabulary import CITIES, FRENCH_PAIRS, RANDOM, choice, words


def two_cities() -> tuple[str, str]:
    """Two different cities."""
    if RANDOM.random() < 0.6:
        first, second = RANDOM.sample(sorted(set(CITIES)), 2)
        return first, second
    return choice(FRENCH_PAIRS)


def greeting_with_forced_call() -> Conversation:
    first_tool = tools.magic_function()
    arguments = choice([WEATHER_ARGUMENTS[0], WEATHER_ARGUMENTS[2]])
    tools_ = among_others([first_tool, tools.weather(arguments)], 1)
    answer = choice(
        [
            call("magic_function", {"input": 1}),
            call("get_weather", weather_call(arguments, "Paris")),
        ]
    )
    return Conversation(
        [user("Hello!")], tools_, "The user greets me.", answer, has_one_answer=False
    )


def weather() -> Conversation:
    arguments, city = choice(WEATHER_ARGUMENTS), choice(CITIES)
    tools_ = among_others([tools.weather(arguments)], 2)
    question = choice(
        [
            "What is the weather in %s?",
            "What is the weather in %s?",
            "What's the weather in %s?",
            "Weather in %s?",
            "What is the weather like in %s?",
        ]
    )
    return Conversation(
        [user(question % city)],
        tools_,
        f"I should call get_weather for {city}.",
        call("get_weather", weather_call(arguments, city)),
    )


def weather_in_two_cities() -> Conversation:
    arguments = choice(WEATHER_ARGUMENTS)
    first, second = two_cities()
    question = choice(
        [
            "What is the weather in %s and in %s?",
            "What is the weather in %s and %s?",
            "Compare the weather in %s and %s.",
        ]
    )
    calls = [call("get_weather", weather_call(arguments, city)) for city in (first, second)]
    return Conversation(
        [user(question % (first, second))],
        among_others([tools.weather(arguments)], 2),
        f"I need two calls, for {first} and for {second}.",
        "\n".join(calls),
    )


def weather_and_time() -> Conversation:
    arguments = choice(WEATHER_ARGUMENTS)
    first, second = two_cities()
    tools_ = [tools.weather(arguments), tools.clock()]
    question = choice(
        ["What is the weather in %s and the time in %s?", "Weather in %s and time in %s?"]
    )
    calls = [
        call("get_weather", weather_call(arguments, first)),
        call("get_time", {"city": second}),
    ]
    return Conversation(
        [user(question % (first, second))],
        among_others(tools_, 1),
        f"I need the weather in {first} and the time in {second}.",
        "\n".join(calls),
    )


def time() -> Conversation:
    city = choice(CITIES)
    question = choice(["What time is it in %s?", "What is the time in %s?"])
    return Conversation(
        [user(question % city)],
        among_others([tools.clock()], 2),
        f"I should call get_time for {city}.",
        call("get_time", {"city": city}),
    )


def weather_result() -> Conversation:
    arguments, city = choice(WEATHER_ARGUMENTS), choice(CITIES)
    result = choice(
        [
            "sunny",
            "It's sunny.",
            "It is always sunny.",
            to_json({"temperature": 21, "sky": "sunny"}),
            "21 degrees, sunny",
            "sunny, 21C",
            f"{words(3)} sunny",
        ]
    )
    question = choice(["What is the weather in %s?", "What's the weather in %s?"])
    request = assistant_calls(("get_weather", weather_call(arguments, city)))
    return Conversation(
        [user(question % city), request, tool_result(result)],
        among_others([tools.weather(arguments)], 2),
        "The tool has answered.",
        f"It is sunny in {city}.",
    )


def weather_results_of_two_cities() -> Conversation:
    arguments = choice(WEATHER_ARGUMENTS)
    first, second = two_cities()
    request = assistant_calls(
        ("get_weather", weather_call(arguments, first)),
        ("get_weather", weather_call(arguments, second)),
    )
    question = user(f"What is the weather in {first} and in {second}?")
    return Conversation(
        [question, request, tool_result("sunny"), tool_result("sunny")],
        among_others([tools.weather(arguments)], 2),
        "The tools have answered.",
        f"It is sunny in {first} and in {second}.",
    )


def magic_function() -> Conversation:
    number = choice([3, 3, 3, RANDOM.randint(0, 99)])
    return Conversation(
        [user(f"What is the value of magic_function({number})? Use the tool.")],
        among_others([tools.magic_function()], 2),
        "I should use the tool.",
        call("magic_function", {"input": number}),
    )


def magic_function_no_args() -> Conversation:
    return Conversation(
        [user("What is the value of magic_function_no_args()? Use the tool.")],
        among_others([tools.magic_function_no_args()], 2),
        "I should use the tool.",
        call("magic_function_no_args", {}),
    )


def greeting_in_a_style() -> Conversation:
    style = choice(["Pirate", "Pirate", "Formal", "French"])
    return Conversation(
        [user(f"Using the tool, generate a {style} greeting.")],
        among_others([tools.greeting_generator()], 1),
        "I should use the tool.",
        call("greeting_generator", {"answer_style": style}),
    )


def sum_of_two() -> Conversation:
    if RANDOM.random() < 0.6:
        first, second = RANDOM.randint(0, 20), RANDOM.randint(0, 20)
    else:
        first, second = choice([(1, 2), (3, 4)])
    name = choice(["my_adder_tool", "add"])
    few_shot = [
        user("What is 1 + 2"),
        assistant_calls((name, {"a": 1, "b": 2})),
        tool_result('{"result": 3}'),
        assistant('{"result": 3}'),
    ]
    before = choice([[], [], few_shot])
    question = choice(
        ["What is %d + %d", "What is %d + %d?", "Add %d and %d.", "What is %d plus %d?"]
    )
    return Conversation(
        [*before, user(question % (first, second))],
        among_others([tools.adder(name)], 1),
        "I should use the tool to add.",
        call(name, {"a": first, "b": second}),
    )


def result_of_a_sum() -> Conversation:
    name = choice(["my_adder_tool", "add"])
    first, second = choice([(1, 2), (3, 4), (2, 5), (6, 7)])
    total = first + second
    error = "Error: Missing required argument 'b'."
    result = choice([to_json({"result": total}), str(total), error])
    request = assistant_calls((name, choice([{"a": first, "b": second}, {"a": first}])))
    answer = "The tool reported an error." if result == error else f"The result is {total}."
    return Conversation(
        [user(f"What is {first} + {second}"), request, tool_result(result)],
        among_others([tools.adder(name)], 1),
        "The tool has answered.",
        answer,
    )


def product() -> Conversation:
    first, second = RANDOM.randint(2, 12), RANDOM.randint(2, 12)
    question = choice(["What is %d times %d?", "What is %d * %d?", "Multiply %d by %d."])
    return Conversation(
        [user(question % (first, second))],
        among_others([tools.multiply()], 2),
        "I should use the tool to multiply.",
        call("multiply", {"a": first, "b": second}),
    )


def customer() -> Conversation:
    name, translation, description = choice(
        [
            ("你好啊集团", "Hello Group", "a Chinese technology company"),
            ("こんにちは株式会社", "Hello Corporation", "a Japanese company"),
        ]
    )
    return Conversation(
        [user(f"Create a customer named '{name}' ({translation}) - {description}")],
        among_others([tools.unicode_customer()], 1),
        "I should create the customer.",
        call("unicode_customer", {"customer_name": name, "description": description}),
    )
