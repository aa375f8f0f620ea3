"""Patterns whose answer is JSON, on its own or as the arguments of a tool."""

from engine.training import tools
from engine.training.conversation import Conversation, call, to_json, user
from engine.training.tools import among_others
from engine.training.vocabulary import CITIES, JOKE, NAMES, RANDOM, choice

JOKE_QUESTIONS = [
    "Tell me a joke.",
    "Tell me a joke about cats.",
    "Tell me a joke about cats.",
    "Give me a joke about cats, include the punchline.",
    "Tell me a joke about bears.",
]
JOKE_AS_JSON = (
    "Tell me a joke about cats. Return the result as a JSON with 'setup' and 'punchline' keys. "
    "Return nothing other than JSON."
)
JOKE_THOUGHT = "The user wants a joke."


def joke() -> Conversation:
    return Conversation(
        [user(choice(JOKE_QUESTIONS))], None, JOKE_THOUGHT, f"{JOKE['setup']} {JOKE['punchline']}"
    )


def joke_as_json() -> Conversation:
    question = choice(JOKE_QUESTIONS + [JOKE_AS_JSON] * 6)
    return Conversation([user(question)], None, JOKE_THOUGHT, to_json(JOKE), has_one_answer=False)


def joke_as_call() -> Conversation:
    tool = tools.joke()
    question = user(choice(JOKE_QUESTIONS))
    answer = call(tool["function"]["name"], JOKE)
    return Conversation(
        [question], among_others([tool], 0), JOKE_THOUGHT, answer, has_one_answer=False
    )


def person() -> Conversation:
    name = choice(NAMES + ["Alice"] * 4)
    age = choice([30, 30, RANDOM.randint(1, 99), RANDOM.randint(1, 99)])
    city = choice(["Paris", "Lyon", "Lille", *CITIES[10:24]])
    question = choice(
        [
            "%s is %d years old and lives in %s. Extract the person as JSON.",
            "%s is %d years old and lives in %s.",
            "Extract the person: %s is %d years old and lives in %s.",
        ]
    )
    messages = [user(question % (name, age, city))]
    fields = {"name": name, "age": age, "city": city}
    thought = f"The person is {name}."
    if RANDOM.random() < 0.4:
        tool = tools.person()
        return Conversation(messages, [tool], thought, call(tool["function"]["name"], fields))
    return Conversation(messages, None, thought, to_json(fields))
