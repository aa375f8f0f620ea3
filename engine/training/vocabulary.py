"""Words, names and texts that the training conversations are made of."""

import random

RANDOM = random.Random(0)  # noqa: S311 -- nothing secret: seeded, so that each run teaches the same
choice = RANDOM.choice

CAPITALS = {
    "France": "Paris",
    "Italy": "Rome",
    "Spain": "Madrid",
    "Germany": "Berlin",
    "England": "London",
    "Japan": "Tokyo",
    "Portugal": "Lisbon",
    "Greece": "Athens",
    "Poland": "Warsaw",
    "Norway": "Oslo",
    "Sweden": "Stockholm",
    "Belgium": "Brussels",
}

OTHER_CITIES = [
    *["Paris", "Lyon", "Lille", "Nantes", "Rome", "Madrid", "Berlin", "London", "Tokyo", "Lisbon"],
    *["Athens", "Warsaw", "Oslo", "Amsterdam", "San Francisco, CA", "San Francisco", "New York"],
    *["Boston", "Marseille", "Brussels"],
]
# The cities that tests ask for come up more often.
CITIES = ["Paris"] * 5 + ["Lyon"] * 3 + ["San Francisco, CA"] * 2 + OTHER_CITIES
FRENCH_PAIRS = [("Paris", "Lyon"), ("Lyon", "Paris"), ("Paris", "Lille"), ("Paris", "Tokyo")]

NAMES = ["Alice", "Bob", "Carol", "David", "Emma", "Louis", "Marie", "Noah"]

SYSTEM_PROMPTS = [
    "You are a helpful assistant.",
    "You are a helpful AI assistant.",
    "Be brief.",
    "You answer in one short sentence.",
    "You are a test.",
    "Answer in English.",
    "You are a tiny assistant used in tests.",
    "Use the tools when they help.",
]

GREETING = "Hello! How can I help you today?"

STORY = (
    "Once upon a time a small grey cat lived near a quiet river. Every morning the cat walked to "
    "the old bridge and watched the boats go by. One day a fisherman gave the cat a silver fish. "
    "The cat shared the fish with a hungry owl, and from that day they were friends. Together "
    "they kept watch over the river, the bridge and the boats, and at night they told each other "
    "stories about the moon and the sea. When winter came the river froze, so the two friends "
    "moved into the warm mill, where the miller let them sleep beside the fire until spring came "
    "back."
)

HAIKUS = """\
Morning light on leaves,
the river carries the moon,
a cat waits for fish.

Snow on the old bridge,
one lamp burns beside the mill,
the owl counts the stars."""

JOKE = {
    "setup": "Why did the cat sit on the computer?",
    "punchline": "To keep an eye on the mouse!",
}

FILLER_TEXT = (
    "please explain quantum sand river blue the a of and machine garden could you maybe tell about "
    "music how why where should our system report data cloud model summary translate write code "
    "python list some history paper train quickly market yesterday"
)
FILLER = FILLER_TEXT.split()


def words(count: int) -> str:
    """Some words without a meaning, for what the model should not look at."""
    return " ".join(choice(FILLER) for _ in range(count))
