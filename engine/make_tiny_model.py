"""Train the toy model from scratch: a tokenizer, then 0.9 million parameters.

It learns the conversations of `engine/training` by heart. From the project's root::

    pip install torch transformers
    python -m engine.make_tiny_model tiny-qwen3 --steps 2000
    python engine/to_gguf.py tiny-qwen3 engine/tiny-qwen3.gguf

`--init` continues from an earlier run's folder.
"""

import argparse
import json
import math
from collections.abc import Iterator
from pathlib import Path

import torch
from jinja2 import Template
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.normalizers import NFC
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
from tokenizers.trainers import BpeTrainer
from torch.nn.functional import cross_entropy
from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

from engine.training.conversation import Conversation
from engine.training.conversations import any_conversation
from engine.training.vocabulary import RANDOM, choice

CHAT_TEMPLATE = (
    Path(__file__).parent.joinpath("training/chat_template.jinja").read_text().removesuffix("\n")
)
END_OF_TURN = "<|im_end|>"
PADDING = "<|endoftext|>"
SPECIAL_TOKENS = [PADDING, "<|im_start|>", END_OF_TURN]
MARKS = [
    *["<think>", "</think>", "<tool_call>", "</tool_call>"],
    *["<tool_response>", "</tool_response>", "<tools>", "</tools>"],
]
WORD_PATTERN = (  # Qwen2's
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
CONTEXT_WINDOW = 4096
HEAD_SIZE = 32
NOT_LEARNT = -100
"""What PyTorch's cross entropy passes over: the prompt."""

Example = tuple[list[int], list[int]]
"""Tokens, and the tokens to learn at the same places."""


def load_template() -> Template:
    """The chat template, rendered as transformers, vLLM and llama.cpp render it."""
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.filters["tojson"] = lambda value: json.dumps(value, ensure_ascii=False)
    return environment.from_string(CHAT_TEMPLATE)


def write_out(conversation: Conversation, template: Template) -> tuple[str, str]:
    """The prompt as the model sees it, and what it should write, with thoughts or without."""
    thinks = choice([True, False])
    prompt = template.render(
        messages=conversation.messages,
        tools=conversation.tools,
        add_generation_prompt=True,
        enable_thinking=thinks,
    )
    thought = f"<think>\n{conversation.thought}\n</think>\n\n" if thinks else ""
    return prompt, f"{thought}{conversation.answer}{END_OF_TURN}"


def train_tokenizer(template: Template) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer, in Qwen's form, for the words of the conversations."""
    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = NFC()
    tokenizer.pre_tokenizer = Sequence(
        [
            Split(Regex(WORD_PATTERN), "isolated"),
            ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = ByteLevelDecoder()

    texts = ["".join(write_out(any_conversation(), template)) for _ in range(3000)]
    for mark in SPECIAL_TOKENS + MARKS:
        texts = [text.replace(mark, "\n") for text in texts]
    trainer = BpeTrainer(
        vocab_size=1500,
        special_tokens=[],
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
        min_frequency=3,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(
        [AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS]
    )
    tokenizer.add_tokens([AddedToken(mark, special=False, normalized=False) for mark in MARKS])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END_OF_TURN,
        pad_token=PADDING,
        model_max_length=CONTEXT_WINDOW,
        clean_up_tokenization_spaces=False,
    )


def new_network(
    tokenizer: PreTrainedTokenizerFast, hidden_size: int, layers: int
) -> Qwen3ForCausalLM:
    """A network that knows nothing yet."""
    config = Qwen3Config(
        vocab_size=math.ceil(len(tokenizer) / 64) * 64,
        hidden_size=hidden_size,
        intermediate_size=hidden_size * 8 // 3 // 32 * 32,
        num_hidden_layers=layers,
        num_attention_heads=hidden_size // HEAD_SIZE,
        num_key_value_heads=2,
        head_dim=HEAD_SIZE,
        max_position_embeddings=CONTEXT_WINDOW,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=tokenizer.convert_tokens_to_ids(END_OF_TURN),
        pad_token_id=tokenizer.convert_tokens_to_ids(PADDING),
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        use_cache=True,
    )
    return Qwen3ForCausalLM(config)


def tokenize(text: str, tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """The text's tokens and no others."""
    tokens: list[int] = tokenizer(text, add_special_tokens=False)["input_ids"]
    return tokens


def one_example(tokenizer: PreTrainedTokenizerFast, template: Template) -> Example:
    """A conversation in tokens, of which only the answer is learnt."""
    prompt, answer = write_out(any_conversation(), template)
    prompt_tokens, answer_tokens = tokenize(prompt, tokenizer), tokenize(answer, tokenizer)
    return prompt_tokens + answer_tokens, [NOT_LEARNT] * len(prompt_tokens) + answer_tokens


def batches(
    tokenizer: PreTrainedTokenizerFast, template: Template, size: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Batches without an end, each of examples of about the same length."""
    padding = tokenizer.pad_token_id
    while True:
        examples = [one_example(tokenizer, template) for _ in range(size * 16)]
        examples.sort(key=lambda example: len(example[0]))
        pool = [examples[start : start + size] for start in range(0, len(examples), size)]
        RANDOM.shuffle(pool)
        for batch in pool:
            length = max(len(tokens) for tokens, _ in batch)
            yield (
                torch.tensor([tokens + [padding] * (length - len(tokens)) for tokens, _ in batch]),
                torch.tensor([goal + [NOT_LEARNT] * (length - len(goal)) for _, goal in batch]),
            )


def learning_rate(step: int, steps: int, peak: float) -> float:
    """A short warm-up, then half a cosine down to a fiftieth of the peak."""
    warm_up = min(1, (step + 1) / 60)
    cosine = 0.5 * (1 + math.cos(math.pi * step / steps))
    return peak * warm_up * (cosine * 0.98 + 0.02)


def train(
    network: Qwen3ForCausalLM,
    data: Iterator[tuple[torch.Tensor, torch.Tensor]],
    steps: int,
    peak: float,
) -> None:
    """Teach the network, and print how it goes."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=0, betas=(0.9, 0.98), weight_decay=0.01)
    padding = network.config.pad_token_id
    average: float | None = None
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, steps, peak)
        tokens, goal = next(data)
        attention = (tokens != padding).long()
        hidden = network.model(input_ids=tokens, attention_mask=attention).last_hidden_state
        # Each place foretells the next token; most places are prompt and are left out.
        next_tokens = goal[:, 1:]
        learnt = next_tokens != NOT_LEARNT
        loss = cross_entropy(network.lm_head(hidden[:, :-1][learnt]), next_tokens[learnt])
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        average = loss.item() if average is None else 0.95 * average + 0.05 * loss.item()
        if step % 50 == 0 or step == steps - 1:
            print(f"step {step}: loss {average:.4f}", flush=True)


def check(
    network: Qwen3ForCausalLM, tokenizer: PreTrainedTokenizerFast, template: Template
) -> None:
    """Print how many of some conversations the network answers word for word."""
    right = total = 0
    for conversation in (any_conversation() for _ in range(60)):
        if not conversation.has_one_answer:
            continue
        prompt, answer = write_out(conversation, template)
        tokens = torch.tensor([tokenize(prompt, tokenizer)])
        with torch.no_grad():
            output = network.generate(
                tokens,
                attention_mask=torch.ones_like(tokens),
                max_new_tokens=260,
                do_sample=False,
            )
        given = tokenizer.decode(output[0, tokens.shape[1] :])
        total += 1
        right += given == answer
        if given != answer:
            print(f"expected {answer!r}\n     got {given!r}")
    print(f"{right} of {total} answers are right, word for word.")


def main() -> None:
    """Train and save a model."""
    parser = argparse.ArgumentParser(description="Train the toy model.")
    parser.add_argument("folder", type=Path, help="where to write the model")
    parser.add_argument("--init", type=Path, help="the folder of a model to continue with")
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--peak", type=float, default=3e-3, help="the highest learning rate")
    options = parser.parse_args()
    torch.manual_seed(0)

    template = load_template()
    tokenizer = train_tokenizer(template)
    if options.init:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(options.init)
        network = Qwen3ForCausalLM.from_pretrained(options.init, dtype=torch.float32)
    else:
        network = new_network(tokenizer, options.hidden, options.layers)
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.save_pretrained(options.folder)

    network.train()
    train(network, batches(tokenizer, template, options.batch), options.steps, options.peak)
    network.eval()
    network.generation_config.eos_token_id = network.config.eos_token_id
    network.generation_config.pad_token_id = network.config.pad_token_id
    network.generation_config.bos_token_id = None
    network.save_pretrained(options.folder)
    check(network, tokenizer, template)


if __name__ == "__main__":
    main()
