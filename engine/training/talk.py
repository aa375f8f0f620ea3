"""Patterns of conversation that need no tool, though some may be in sight."""

from engine.training.conversation import Conversation, assistant, user
from engine.training.tools import among_others
from engine.training.vocabulary import CAPITALS, GREETING, HAIKUS, RANDOM, STORY, choice, words


def capital() -> Conversation:
    country = choice(list(CAPITALS))
    wordings = ["What is the capital of %s?"] * 4 + ["Capital of %s?", "What's the capital of %s?"]
    return Conversation(
        [user(choice(wordings) % country)],
        choice([None, None, among_others([], 3)]),
        f"The user asks for the capital of {country}. It is {CAPITALS[country]}.",
        f"The capital of {country} is {CAPITALS[country]}.",
    )


def greeting() -> Conversation:
    wording = choice(
        [
            *["Hello", "Hello", "Hi", "Hey", "hello", "hi", "Hello!", "hi!"],
            *["Hello, who are you?", "hey", "Say hello.", "Say hi"],
        ]
    )
    messages = choice([[user(wording)], [user(wording)], [user("hello"), user("hello")]])
    tools_ = choice([None, None, among_others([], 3)])
    return Conversation(messages, tools_, "The user greets me.", GREETING)


def how_are_you() -> Conversation:
    before = choice(
        [
            [user("hello"), assistant("hello")],
            [
                *[user("hello"), user("hello"), assistant("hello")],
                *[user("hello"), assistant("hello")],
            ],
            [user("Hello!"), assistant(GREETING)],
            [],
        ]
    )
    question = choice(["how are you", "How are you?", "how are you?"])
    return Conversation(
        [*before, user(question)],
        None,
        "The user asks how I am.",
        "I am fine, thank you. How are you?",
    )


def haikus() -> Conversation:
    question = "Write me 2 haikus. Only include the haikus."
    return Conversation([user(question)], None, "The user wants two haikus.", HAIKUS)


def story() -> Conversation:
    about_a_cat = "Write a story about a cat."
    question = choice(["Tell me a long story.", about_a_cat, "Tell me a story.", about_a_cat])
    thought = "The user wants a story. I will tell the one about the cat."
    return Conversation([user(question)], None, thought, STORY)


def strawberry() -> Conversation:
    question = choice(
        [
            "How many r are in strawberry?",
            "How many r's are in strawberry?",
            "How many times does the letter r appear in strawberry?",
            "Think step by step: how many r are in strawberry?",
        ]
    )
    spelling = "Let me spell it: s t r a w b e r r y."
    thought = f"{spelling} The letter r is at places 3, 8 and 9. So there are 3."
    return Conversation([user(question)], None, thought, "There are 3 r in strawberry.")


def repeat() -> Conversation:
    text = choice(["café ☕ 日本語 👩\u200d🚀", "naïve façade", "你好", "Ω≈ç√"])
    question = f"Répète exactement: {text}"
    return Conversation([user(question)], None, "The user wants me to repeat.", text)


def something_else() -> Conversation:
    tools_ = choice([None, among_others([], 2)])
    sentence = words(RANDOM.randint(2, 14)) + choice(["", "?", "."])
    with_a_number = f"{words(2)} {RANDOM.randint(0, 99)} {words(3)}"
    return Conversation(
        [user(choice([sentence, with_a_number]))],
        tools_,
        "I do not know this one.",
        "I am a tiny test model, so I only know a few things.",
    )
