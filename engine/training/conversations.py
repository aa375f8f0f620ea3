"""The conversations that the toy model learns: a few dozen patterns, each with variations.

Many are taken from LangChain's standard tests, so that the model passes them.
"""

from collections.abc import Callable

from engine.training import structure, talk, tool_use
from engine.training.conversation import Conversation, assistant, user
from engine.training.vocabulary import GREETING, RANDOM, SYSTEM_PROMPTS, choice

PATTERNS: dict[Callable[[], Conversation], float] = {
    talk.capital: 6,
    talk.greeting: 6,
    tool_use.greeting_with_forced_call: 2,
    talk.how_are_you: 3,
    talk.haikus: 1.5,
    talk.story: 3,
    structure.joke: 3,
    structure.joke_as_json: 4,
    structure.joke_as_call: 2,
    structure.person: 7,
    talk.strawberry: 2,
    talk.repeat: 2,
    tool_use.weather: 9,
    tool_use.weather_in_two_cities: 6,
    tool_use.weather_and_time: 3,
    tool_use.time: 2,
    tool_use.weather_result: 4,
    tool_use.weather_results_of_two_cities: 2,
    tool_use.magic_function: 4,
    tool_use.magic_function_no_args: 2,
    tool_use.greeting_in_a_style: 2,
    tool_use.sum_of_two: 4,
    tool_use.result_of_a_sum: 3,
    tool_use.product: 3,
    tool_use.customer: 3,
    talk.something_else: 4,
}
"""Each pattern with how often it comes up."""


def any_conversation() -> Conversation:
    """A conversation of any pattern, at times with a system prompt or an earlier turn."""
    [pattern] = RANDOM.choices(list(PATTERNS), weights=list(PATTERNS.values()))
    conversation = pattern()
    conversation.tools = conversation.tools or None
    if RANDOM.random() < 0.3:
        role = choice(["system", "system", "developer"])
        conversation.messages.insert(0, {"role": role, "content": choice(SYSTEM_PROMPTS)})
    if len(conversation.messages) <= 2 and RANDOM.random() < 0.08:
        start = 0 if conversation.messages[0]["role"] == "user" else 1
        conversation.messages[start:start] = [user("Hello!"), assistant(GREETING)]
    return conversation
