#!/usr/bin/env python3
"""Build a tiny Qwen3-architecture chat model from nothing: a byte-level BPE tokenizer and about 2 million
parameters, overfitted on a few dozen conversation patterns so that it greets, answers capitals, thinks in
<think> blocks, calls tools in Hermes format (also several at once) and writes JSON. No download, seeded.

usage: make_tiny_model.py OUT_DIR [--steps 900] [--seconds 900]
"""

import argparse, json, random, time, pathlib
import torch, torch.nn.functional as F

TEMPLATE = r"""{%- macro text(c) -%}{%- if c is string -%}{{- c -}}{%- elif c is none or c is not defined -%}{%- else -%}{%- for p in c -%}{%- if p.text is defined -%}{{- p.text -}}{%- endif -%}{%- endfor -%}{%- endif -%}{%- endmacro -%}
{%- if tools %}
{{- '<|im_start|>system\n' }}
{%- if messages[0].role in ['system', 'developer'] %}{{- text(messages[0].content) + '\n' }}{%- endif %}
{{- '<tools>' }}
{%- for tool in tools %}{{- '\n' + (tool | tojson) }}{%- endfor %}
{{- '\n</tools><|im_end|>\n' }}
{%- elif messages[0].role in ['system', 'developer'] %}
{{- '<|im_start|>system\n' + text(messages[0].content) + '<|im_end|>\n' }}
{%- endif %}
{%- for message in messages %}
{%- if message.role in ['system', 'developer'] %}
{%- if not loop.first %}{{- '<|im_start|>system\n' + text(message.content) + '<|im_end|>\n' }}{%- endif %}
{%- elif message.role == 'assistant' %}
{%- set content = text(message.content) %}
{%- if '</think>' in content %}{%- set content = content.split('</think>')[-1].lstrip('\n') %}{%- endif %}
{{- '<|im_start|>assistant\n' + content }}
{%- if message.tool_calls %}
{%- for call in message.tool_calls %}
{%- set f = call.function if call.function else call %}
{%- if content or not loop.first %}{{- '\n' }}{%- endif %}
{{- '<tool_call>\n{"name": "' + f.name + '", "arguments": ' }}
{%- if f.arguments is string %}{{- f.arguments }}{%- else %}{{- f.arguments | tojson }}{%- endif %}
{{- '}\n</tool_call>' }}
{%- endfor %}
{%- endif %}
{{- '<|im_end|>\n' }}
{%- elif message.role == 'tool' %}
{{- '<|im_start|>user\n<tool_response>\n' + text(message.content) + '\n</tool_response><|im_end|>\n' }}
{%- else %}
{{- '<|im_start|>' + message.role + '\n' + text(message.content) + '<|im_end|>\n' }}
{%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}
{{- '<|im_start|>assistant\n' }}
{%- if enable_thinking is defined and enable_thinking is false %}{{- '<think>\n\n</think>\n\n' }}{%- endif %}
{%- endif %}"""
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
MARKS = [
    "<think>",
    "</think>",
    "<tool_call>",
    "</tool_call>",
    "<tool_response>",
    "</tool_response>",
    "<tools>",
    "</tools>",
]
QWEN2 = r"""(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""

R = random.Random(0)
CAP = {
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
CITY = (
    ["Paris"] * 5
    + ["Lyon"] * 3
    + ["San Francisco, CA"] * 2
    + [
        "Paris",
        "Lyon",
        "Lille",
        "Nantes",
        "Rome",
        "Madrid",
        "Berlin",
        "London",
        "Tokyo",
        "Lisbon",
        "Athens",
        "Warsaw",
        "Oslo",
        "Amsterdam",
        "San Francisco, CA",
        "San Francisco",
        "New York",
        "Boston",
        "Marseille",
        "Brussels",
    ]
)
NAME = ["Alice", "Bob", "Carol", "David", "Emma", "Louis", "Marie", "Noah"]
WORDS = "please explain quantum sand river blue the a of and machine garden could you maybe tell about music how why where should our system report data cloud model summary translate write code python list some history paper train quickly market yesterday".split()
SYS = [
    "You are a helpful assistant.",
    "You are a helpful AI assistant.",
    "Be brief.",
    "You answer in one short sentence.",
    "You are a test.",
    "Answer in English.",
    "You are a tiny assistant used in tests.",
    "Use the tools when they help.",
]
STORY = "Once upon a time a small grey cat lived near a quiet river. Every morning the cat walked to the old bridge and watched the boats go by. One day a fisherman gave the cat a silver fish. The cat shared the fish with a hungry owl, and from that day they were friends. Together they kept watch over the river, the bridge and the boats, and at night they told each other stories about the moon and the sea. When winter came the river froze, so the two friends moved into the warm mill, where the miller let them sleep beside the fire until spring came back."
HAIKU = "Morning light on leaves,\nthe river carries the moon,\na cat waits for fish.\n\nSnow on the old bridge,\none lamp burns beside the mill,\nthe owl counts the stars."
JOKE = ("Why did the cat sit on the computer?", "To keep an eye on the mouse!")


def words(n):
    return " ".join(R.choice(WORDS) for _ in range(n))


def J(x):
    return json.dumps(x, ensure_ascii=False)


def call(n, a):
    return '<tool_call>\n{"name": "%s", "arguments": %s}\n</tool_call>' % (n, J(a))


def fn(name, props, req=None, desc=None):
    props = dict(props)
    p = {"type": "object", "properties": props, "required": req if req is not None else list(props)}
    if R.random() < 0.3:
        p["additionalProperties"] = False
    if R.random() < 0.3:
        p = {
            "properties": p["properties"],
            **({"required": p["required"]} if p["required"] else {}),
            "type": "object",
        }
    f = {
        "name": name,
        "description": desc if desc is not None else R.choice(["", words(3), words(6)]),
        "parameters": p,
    }
    if R.random() < 0.3:
        f["strict"] = True
    return {"type": "function", "function": f}


def S(**k):
    d = {"type": "string"}
    d.update(k)
    if R.random() < 0.4:
        d["description"] = words(R.randint(1, 4))
    if R.random() < 0.2:
        d["maxLength"] = 20
    return d


def I(**k):
    d = {"type": "integer"}
    d.update(k)
    return d


def t_weather(kind):
    d = R.choice(
        [
            "Get the current weather in a city.",
            "Get the weather at a location.",
            "Get the weather.",
            words(4),
        ]
    )
    u = {"type": "string", "enum": ["celsius", "fahrenheit"]}
    return fn(
        "get_weather",
        {"city": {"city": S()}, "unit": {"city": S(), "unit": u}, "location": {"location": S()}}[
            kind
        ],
        None,
        d,
    )


def a_weather(kind, c):
    return {
        "city": {"city": c},
        "unit": {"city": c, "unit": "celsius"},
        "location": {"location": c},
    }[kind]


def t_time():
    return fn(
        "get_time",
        {"city": S()},
        None,
        R.choice(["Get the current time in a city.", "Get the time.", words(4)]),
    )


def t_magic():
    return fn(
        "magic_function",
        {"input": I(**R.choice([{}, {"exclusiveMaximum": 1000, "exclusiveMinimum": -1000}]))},
        None,
        R.choice(["Apply a magic function to an input.", words(5)]),
    )


def t_noargs():
    return fn("magic_function_no_args", {}, [], "Calculate a magic function.")


def t_adder(n="my_adder_tool"):
    return fn(
        n,
        {"a": I(), "b": I()},
        None,
        R.choice(["Add two integers.", "Tool that adds two integers.", words(3)]),
    )


def t_mult():
    return fn(
        "multiply", {"a": I(), "b": I()}, None, R.choice(["Multiply two integers.", words(3)])
    )


def t_greet():
    return fn(
        "greeting_generator",
        {"answer_style": S()},
        None,
        "Generate a greeting in a particular style of speaking.",
    )


def t_joke():
    return fn(
        "Joke" if R.random() < 0.8 else "JokeDict",
        {
            "setup": S(description="question to set up a joke"),
            "punchline": R.choice(
                [
                    S(description="answer to resolve the joke"),
                    {
                        "anyOf": [{"type": "string"}, {"type": "null"}],
                        "default": None,
                        "description": "answer to resolve the joke",
                    },
                ]
            ),
        },
        None,
        "Joke to tell user.",
    )


def t_cust():
    return fn(
        "unicode_customer",
        {
            "customer_name": S(description="The customer name in their native language."),
            "description": S(description="Description of the customer."),
        },
        None,
        "Tool for creating a customer with Unicode name.",
    )


def t_person():
    return fn(
        R.choice(["Person", "person", "extract_person"]),
        {"name": S(), "age": I(), "city": S()},
        None,
        "A person.",
    )


def t_rand():
    return fn(
        R.choice(["search", "lookup", "send_mail", "random_tool", "get_image"]),
        {R.choice(["query", "x", "q", "id"]): S()},
        None,
        words(4),
    )


def extra(ts, n=2):
    pool = [
        t_time,
        t_magic,
        t_adder,
        t_rand,
        t_mult,
        t_greet,
        lambda: t_weather(R.choice(["city", "unit", "location"])),
        t_noargs,
    ]
    have = {t["function"]["name"] for t in ts}
    for _ in range(R.randint(0, n)):
        t = R.choice(pool)()
        if t["function"]["name"] not in have:
            ts.append(t)
            have.add(t["function"]["name"])
    if R.random() < 0.5:
        R.shuffle(ts)
    return ts


def u(t):
    return {"role": "user", "content": t}


def a(t):
    return {"role": "assistant", "content": t}


def ac(*cs):
    return {
        "role": "assistant",
        "content": "",
        "tool_calls": [
            {"id": "x", "type": "function", "function": {"name": n, "arguments": x}} for n, x in cs
        ],
    }


def tr(t):
    return {"role": "tool", "tool_call_id": "x", "content": t}


def sample():
    """-> messages, tools or None, thought, answer"""
    k = R.choices(list(range(len(KINDS))), weights=[w for _, w in KINDS])[0]
    return KINDS[k][0]()


def k_capital():
    c = R.choice(list(CAP))
    q = R.choice(
        ["What is the capital of %s?"] * 4 + ["Capital of %s?", "What's the capital of %s?"]
    )
    return (
        [u(q % c)],
        R.choice([None, None, extra([], 3)]),
        f"The user asks for the capital of {c}. It is {CAP[c]}.",
        f"The capital of {c} is {CAP[c]}.",
    )


def k_hello():
    q = R.choice(
        [
            "Hello",
            "Hello",
            "Hi",
            "Hey",
            "hello",
            "hi",
            "Hello!",
            "hi!",
            "Hello, who are you?",
            "hey",
            "Say hello.",
            "Say hi",
        ]
    )
    m = R.choice([[u(q)], [u(q)], [u("hello"), u("hello")]])
    return (
        m,
        R.choice([None, None, extra([], 3)]),
        "The user greets me.",
        "Hello! How can I help you today?",
    )


def k_hello_forced():
    ts = extra([t_magic(), t_weather(R.choice(["city", "location"]))], 1)
    n = R.choice(["magic", "weather"])
    w = [t for t in ts if t["function"]["name"] == "get_weather"][0]["function"]["parameters"][
        "properties"
    ]
    ans = (
        call("magic_function", {"input": 1})
        if n == "magic"
        else call("get_weather", {k: "celsius" if k == "unit" else "Paris" for k in w})
    )
    return [u("Hello!")], ts, "The user greets me.", ans


def k_how():
    pre = R.choice(
        [
            [u("hello"), a("hello")],
            [u("hello"), u("hello"), a("hello"), u("hello"), a("hello")],
            [u("Hello!"), a("Hello! How can I help you today?")],
            [],
        ]
    )
    return (
        pre + [u(R.choice(["how are you", "How are you?", "how are you?"]))],
        None,
        "The user asks how I am.",
        "I am fine, thank you. How are you?",
    )


def k_haiku():
    return (
        [u("Write me 2 haikus. Only include the haikus.")],
        None,
        "The user wants two haikus.",
        HAIKU,
    )


def k_story():
    return (
        [
            u(
                R.choice(
                    [
                        "Tell me a long story.",
                        "Write a story about a cat.",
                        "Tell me a story.",
                        "Write a story about a cat.",
                    ]
                )
            )
        ],
        None,
        "The user wants a story. I will tell the one about the cat.",
        STORY,
    )


QJOKE = [
    "Tell me a joke.",
    "Tell me a joke about cats.",
    "Tell me a joke about cats.",
    "Give me a joke about cats, include the punchline.",
    "Tell me a joke about bears.",
]


def k_joke():
    return [u(R.choice(QJOKE))], None, "The user wants a joke.", " ".join(JOKE)


def k_joke_json():
    q = R.choice(
        QJOKE
        + [
            "Tell me a joke about cats. Return the result as a JSON with 'setup' and 'punchline' keys. Return nothing other than JSON."
        ]
        * 6
    )
    return [u(q)], None, "The user wants a joke.", J({"setup": JOKE[0], "punchline": JOKE[1]})


def k_joke_setup():
    return (
        [u("Give me the setup to a joke about cats, no punchline.")],
        R.choice([None, [t_joke()]]),
        "The user wants only the setup.",
        None,
    )


def k_joke_tool():
    t = t_joke()
    return (
        [u(R.choice(QJOKE))],
        extra([t], 0),
        "The user wants a joke.",
        call(t["function"]["name"], {"setup": JOKE[0], "punchline": JOKE[1]}),
    )


def k_person():
    n, g, c = (
        R.choice(NAME + ["Alice"] * 4),
        R.choice([30, 30, R.randint(1, 99), R.randint(1, 99)]),
        R.choice(["Paris", "Lyon", "Lille"] + CITY[10:24]),
    )
    q = R.choice(
        [
            "%s is %d years old and lives in %s. Extract the person as JSON.",
            "%s is %d years old and lives in %s.",
            "Extract the person: %s is %d years old and lives in %s.",
        ]
    ) % (n, g, c)
    p = {"name": n, "age": g, "city": c}
    if R.random() < 0.4:
        t = t_person()
        return [u(q)], [t], f"The person is {n}.", call(t["function"]["name"], p)
    return [u(q)], None, f"The person is {n}.", J(p)


def k_berry():
    return (
        [
            u(
                R.choice(
                    [
                        "How many r are in strawberry?",
                        "How many r's are in strawberry?",
                        "How many times does the letter r appear in strawberry?",
                        "Think step by step: how many r are in strawberry?",
                    ]
                )
            )
        ],
        None,
        "Let me spell it: s t r a w b e r r y. The letter r is at places 3, 8 and 9. So there are 3.",
        "There are 3 r in strawberry.",
    )


def k_repeat():
    x = R.choice(["café ☕ 日本語 👩\u200d🚀", "naïve façade", "你好", "Ω≈ç√"])
    return [u("Répète exactement: " + x)], None, "The user wants me to repeat.", x


def k_weather():
    k, c = R.choice(["city", "unit", "location"]), R.choice(CITY)
    ts = extra([t_weather(k)], 2)
    return (
        [
            u(
                R.choice(
                    [
                        "What is the weather in %s?",
                        "What is the weather in %s?",
                        "What's the weather in %s?",
                        "Weather in %s?",
                        "What is the weather like in %s?",
                    ]
                )
                % c
            )
        ],
        ts,
        f"I should call get_weather for {c}.",
        call("get_weather", a_weather(k, c)),
    )


def k_weather2():
    k = R.choice(["city", "unit", "location"])
    c, d = (
        R.sample(sorted(set(CITY)), 2)
        if R.random() < 0.6
        else R.choice(
            [("Paris", "Lyon"), ("Lyon", "Paris"), ("Paris", "Lille"), ("Paris", "Tokyo")]
        )
    )
    return (
        [
            u(
                R.choice(
                    [
                        "What is the weather in %s and in %s?",
                        "What is the weather in %s and %s?",
                        "Compare the weather in %s and %s.",
                    ]
                )
                % (c, d)
            )
        ],
        extra([t_weather(k)], 2),
        f"I need two calls, for {c} and for {d}.",
        call("get_weather", a_weather(k, c)) + "\n" + call("get_weather", a_weather(k, d)),
    )


def k_weather_time():
    k = R.choice(["city", "unit", "location"])
    c, d = (
        R.sample(sorted(set(CITY)), 2)
        if R.random() < 0.6
        else R.choice(
            [("Paris", "Lyon"), ("Lyon", "Paris"), ("Paris", "Lille"), ("Paris", "Tokyo")]
        )
    )
    ts = [t_weather(k), t_time()]
    return (
        [
            u(
                R.choice(
                    [
                        "What is the weather in %s and the time in %s?",
                        "Weather in %s and time in %s?",
                    ]
                )
                % (c, d)
            )
        ],
        extra(ts, 1),
        f"I need the weather in {c} and the time in {d}.",
        call("get_weather", a_weather(k, c)) + "\n" + call("get_time", {"city": d}),
    )


def k_time():
    c = R.choice(CITY)
    return (
        [u(R.choice(["What time is it in %s?", "What is the time in %s?"]) % c)],
        extra([t_time()], 2),
        f"I should call get_time for {c}.",
        call("get_time", {"city": c}),
    )


def k_time_forced():
    c = R.choice(CITY)
    k = R.choice(["city", "unit", "location"])
    return (
        [u("What is the weather in %s?" % c)],
        extra([t_weather(k), t_time()], 1),
        f"I should call get_weather for {c}.",
        call("get_time", {"city": c}),
    )


def k_weather_after():
    k = R.choice(["city", "unit", "location"])
    c = R.choice(CITY)
    r = R.choice(
        [
            "sunny",
            "It's sunny.",
            "It is always sunny.",
            J({"temperature": 21, "sky": "sunny"}),
            "21 degrees, sunny",
            "sunny, 21C",
            words(3) + " sunny",
        ]
    )
    return (
        [
            u(R.choice(["What is the weather in %s?", "What's the weather in %s?"]) % c),
            ac(("get_weather", a_weather(k, c))),
            tr(r),
        ],
        extra([t_weather(k)], 2),
        "The tool has answered.",
        f"It is sunny in {c}.",
    )


def k_weather2_after():
    k = R.choice(["city", "unit", "location"])
    c, d = (
        R.sample(sorted(set(CITY)), 2)
        if R.random() < 0.6
        else R.choice(
            [("Paris", "Lyon"), ("Lyon", "Paris"), ("Paris", "Lille"), ("Paris", "Tokyo")]
        )
    )
    return (
        [
            u("What is the weather in %s and in %s?" % (c, d)),
            ac(("get_weather", a_weather(k, c)), ("get_weather", a_weather(k, d))),
            tr("sunny"),
            tr("sunny"),
        ],
        extra([t_weather(k)], 2),
        "The tools have answered.",
        f"It is sunny in {c} and in {d}.",
    )


def k_magic():
    n = R.choice([3, 3, 3, R.randint(0, 99)])
    return (
        [u(f"What is the value of magic_function({n})? Use the tool.")],
        extra([t_magic()], 2),
        "I should use the tool.",
        call("magic_function", {"input": n}),
    )


def k_noargs():
    return (
        [u("What is the value of magic_function_no_args()? Use the tool.")],
        extra([t_noargs()], 2),
        "I should use the tool.",
        call("magic_function_no_args", {}),
    )


def k_greet():
    s = R.choice(["Pirate", "Pirate", "Formal", "French"])
    return (
        [u(f"Using the tool, generate a {s} greeting.")],
        extra([t_greet()], 1),
        "I should use the tool.",
        call("greeting_generator", {"answer_style": s}),
    )


def k_add():
    x, y = (R.randint(0, 20), R.randint(0, 20)) if R.random() < 0.6 else R.choice([(1, 2), (3, 4)])
    n = R.choice(["my_adder_tool", "add"])
    pre = R.choice(
        [
            [],
            [],
            [
                u("What is 1 + 2"),
                ac((n, {"a": 1, "b": 2})),
                tr('{"result": 3}'),
                a('{"result": 3}'),
            ],
        ]
    )
    return (
        pre
        + [
            u(
                R.choice(
                    ["What is %d + %d", "What is %d + %d?", "Add %d and %d.", "What is %d plus %d?"]
                )
                % (x, y)
            )
        ],
        extra([t_adder(n)], 1),
        "I should use the tool to add.",
        call(n, {"a": x, "b": y}),
    )


def k_add_after():
    n = R.choice(["my_adder_tool", "add"])
    x, y = R.choice([(1, 2), (3, 4), (2, 5), (6, 7)])
    r = R.choice([J({"result": x + y}), str(x + y), "Error: Missing required argument 'b'."])
    return (
        [u(f"What is {x} + {y}"), ac((n, R.choice([{"a": x, "b": y}, {"a": x}]))), tr(r)],
        extra([t_adder(n)], 1),
        "The tool has answered.",
        "The tool reported an error." if "Error" in r else f"The result is {x + y}.",
    )


def k_mult():
    x, y = R.randint(2, 12), R.randint(2, 12)
    return (
        [u(R.choice(["What is %d times %d?", "What is %d * %d?", "Multiply %d by %d."]) % (x, y))],
        extra([t_mult()], 2),
        "I should use the tool to multiply.",
        call("multiply", {"a": x, "b": y}),
    )


def k_cust():
    n, d, e = R.choice(
        [
            ("你好啊集团", "Hello Group", "a Chinese technology company"),
            ("こんにちは株式会社", "Hello Corporation", "a Japanese company"),
        ]
    )
    return (
        [u(f"Create a customer named '{n}' ({d}) - {e}")],
        extra([t_cust()], 1),
        "I should create the customer.",
        call("unicode_customer", {"customer_name": n, "description": e}),
    )


def k_other():
    r = R.choice([None, extra([], 2)])
    return (
        [
            u(
                R.choice(
                    [
                        words(R.randint(2, 14)) + R.choice(["", "?", "."]),
                        words(2) + " " + str(R.randint(0, 99)) + " " + words(3),
                    ]
                )
            )
        ],
        r,
        "I do not know this one.",
        "I am a tiny test model, so I only know a few things.",
    )


KINDS = [
    (k_capital, 6),
    (k_hello, 6),
    (k_hello_forced, 2),
    (k_how, 3),
    (k_haiku, 1.5),
    (k_story, 3),
    (k_joke, 3),
    (k_joke_json, 4),
    (k_joke_tool, 2),
    (k_person, 7),
    (k_berry, 2),
    (k_repeat, 2),
    (k_weather, 9),
    (k_weather2, 6),
    (k_weather_time, 3),
    (k_time, 2),
    (k_weather_after, 4),
    (k_weather2_after, 2),
    (k_magic, 4),
    (k_noargs, 2),
    (k_greet, 2),
    (k_add, 4),
    (k_add_after, 3),
    (k_mult, 3),
    (k_cust, 3),
    (k_other, 4),
]
FORCED = {k_hello_forced, k_joke_json, k_joke_tool, k_time_forced}


def make():
    while True:
        k = R.choices([x for x, _ in KINDS], weights=[w for _, w in KINDS])[0]
        m, ts, th, ans = k()
        if ts == []:
            ts = None
        if R.random() < 0.3:
            m = [
                {"role": R.choice(["system", "system", "developer"]), "content": R.choice(SYS)}
            ] + m
        if len(m) <= 2 and R.random() < 0.08:  # an older turn before
            i = 1 if m[0]["role"] in ("system", "developer") else 0
            m = m[:i] + [u("Hello!"), a("Hello! How can I help you today?")] + m[i:]
        return k, m, ts, th, ans


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("out")
    ap.add_argument("--steps", type=int, default=900)
    ap.add_argument("--seconds", type=float, default=1e9)
    ap.add_argument("--batch", type=int, default=16)
    ap.add_argument("--hidden", type=int, default=192)
    ap.add_argument("--layers", type=int, default=4)
    ap.add_argument("--init", default="")
    ap.add_argument("--peak", type=float, default=3e-3)
    o = ap.parse_args()
    out = pathlib.Path(o.out)
    out.mkdir(parents=True, exist_ok=True)
    from tokenizers import (
        Tokenizer,
        models,
        pre_tokenizers,
        decoders,
        trainers,
        normalizers,
        Regex,
        AddedToken,
    )
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM
    import jinja2

    t0 = time.time()
    torch.manual_seed(0)
    torch.set_num_threads(int(__import__("os").environ.get("THREADS", "2")))
    env = (
        jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        if hasattr(jinja2, "sandbox")
        else __import__("jinja2.sandbox").sandbox.ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True
        )
    )
    env.filters["tojson"] = lambda x, indent=None, **k: json.dumps(
        x, ensure_ascii=False, indent=indent
    )
    tpl = env.from_string(TEMPLATE)

    def pair(k, m, ts, th, ans):
        think = R.random() < 0.5
        p = tpl.render(messages=m, tools=ts, add_generation_prompt=True, enable_thinking=think)
        t = (f"<think>\n{th}\n</think>\n\n" if think else "") + ans + "<|im_end|>"
        return p, t

    data = []

    def gen():
        while True:
            k, m, ts, th, ans = make()
            if ans is None:
                ans = (
                    J({"setup": JOKE[0], "punchline": None})
                    if not ts
                    else call(ts[0]["function"]["name"], {"setup": JOKE[0], "punchline": None})
                )
            return pair(k, m, ts, th, ans)

    tk = Tokenizer(models.BPE())
    tk.normalizer = normalizers.NFC()
    tk.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(QWEN2), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tk.decoder = decoders.ByteLevel()
    corpus = ["".join(gen()) for _ in range(3000)]
    for s in SPECIAL + MARKS:
        corpus = [c.replace(s, "\n") for c in corpus]
    tr_ = trainers.BpeTrainer(
        vocab_size=1500,
        special_tokens=[],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        min_frequency=3,
    )
    tk.train_from_iterator(corpus, tr_)
    tk.add_special_tokens([AddedToken(s, special=True, normalized=False) for s in SPECIAL])
    tk.add_tokens([AddedToken(s, special=False, normalized=False) for s in MARKS])
    tok = PreTrainedTokenizerFast(
        tokenizer_object=tk,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        model_max_length=4096,
        clean_up_tokenization_spaces=False,
    )
    tok = PreTrainedTokenizerFast.from_pretrained(o.init) if o.init else tok
    tok.chat_template = TEMPLATE
    tok.save_pretrained(out)
    V = (len(tok) + 63) // 64 * 64
    print("vocab", len(tok), "padded", V, f"{time.time() - t0:.1f}s", flush=True)
    cfg = Qwen3Config(
        vocab_size=V,
        hidden_size=o.hidden,
        intermediate_size=o.hidden * 8 // 3 // 32 * 32,
        num_hidden_layers=o.layers,
        num_attention_heads=o.hidden // 32,
        num_key_value_heads=2,
        head_dim=32,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tok.convert_tokens_to_ids("<|im_end|>"),
        pad_token_id=tok.convert_tokens_to_ids("<|endoftext|>"),
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        use_cache=True,
    )
    net = (
        (
            Qwen3ForCausalLM.from_pretrained(o.init, dtype=torch.float32)
            if o.init
            else Qwen3ForCausalLM(cfg)
        )
        .float()
        .train()
    )
    n = sum(p.numel() for p in net.parameters())
    print("parameters", n, flush=True)
    opt = torch.optim.AdamW(net.parameters(), lr=0, betas=(0.9, 0.98), weight_decay=0.01)
    pad = cfg.pad_token_id
    pool = []

    def batch():
        nonlocal pool
        if len(pool) < o.batch:
            xs = []
            for _ in range(o.batch * 16):
                p, t = gen()
                pi = tok(p, add_special_tokens=False)["input_ids"]
                ti = tok(t, add_special_tokens=False)["input_ids"]
                xs.append((pi + ti, [-100] * len(pi) + ti))
            xs.sort(key=lambda x: len(x[0]))
            bs = [xs[i : i + o.batch] for i in range(0, len(xs), o.batch)]
            R.shuffle(bs)
            pool = bs
        b = pool.pop()
        L = max(len(x) for x, _ in b)
        return torch.tensor([x + [pad] * (L - len(x)) for x, _ in b]), torch.tensor(
            [y + [-100] * (L - len(y)) for _, y in b]
        )

    peak = o.peak
    ema = None
    t1 = time.time()
    for s in range(o.steps):
        fr = max(s / o.steps, (time.time() - t1) / o.seconds)
        if fr >= 1:
            break
        lr = (
            peak
            * min(1, (s + 1) / 60)
            * (0.5 * (1 + __import__("math").cos(3.14159 * fr)) * 0.98 + 0.02)
        )
        for g in opt.param_groups:
            g["lr"] = lr
        if not pool:
            pass
        x, y = batch()
        h = net.model(input_ids=x, attention_mask=(x != pad).long()).last_hidden_state[:, :-1]
        yt = y[:, 1:]
        msk = yt != -100
        loss = F.cross_entropy(net.lm_head(h[msk]), yt[msk])
        opt.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        ema = loss.item() if ema is None else 0.95 * ema + 0.05 * loss.item()
        if s % 50 == 0 or s == o.steps - 1:
            print(
                f"step {s} loss {ema:.4f} lr {lr:.5f} {time.time() - t1:.0f}s tokens/batch {x.numel()}",
                flush=True,
            )
    net.eval()
    net.generation_config.eos_token_id = cfg.eos_token_id
    net.generation_config.pad_token_id = pad
    net.generation_config.bos_token_id = None
    net.save_pretrained(out)
    ok = 0
    N = 60
    bad = []
    for _ in range(N):
        k, m, ts, th, ans = make()
        if k in FORCED or ans is None:
            ok += 1
            continue
        p, t = pair(k, m, ts, th, ans)
        i = tok(p, add_special_tokens=False, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            g = net.generate(
                i, attention_mask=torch.ones_like(i), max_new_tokens=260, do_sample=False
            )
        got = tok.decode(g[0, i.shape[1] :])
        if got == t:
            ok += 1
        else:
            bad.append((k.__name__, t, got))
    print(f"greedy check: {ok}/{N} exact; total {time.time() - t0:.0f}s")
    for b in bad[:12]:
        print(b)


main()
