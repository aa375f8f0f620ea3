"""Turn the folder that `make_tiny_model.py` writes into the one file that llama.cpp reads.

The name of the folder becomes the name of the model, so the committed file came from::

    pip install gguf safetensors
    python engine/to_gguf.py tiny-qwen3 engine/tiny-qwen3.gguf
"""

import argparse
import json
from pathlib import Path
from typing import Any

import gguf
import numpy as np
from safetensors.numpy import load_file

WEIGHTS_AROUND_LAYERS = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
WEIGHTS_OF_A_LAYER = {
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
FLOAT16_FILE_TYPE = 1


def add_architecture(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    """Describe the network, from Hugging Face's `config.json`."""
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_freq_base(config["rope_parameters"]["rope_theta"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_file_type(FLOAT16_FILE_TYPE)


def add_tokenizer(
    writer: gguf.GGUFWriter, tokenizer: dict[str, Any], config: dict[str, Any]
) -> None:
    """Add vocabulary, merges and special tokens, from Hugging Face's `tokenizer.json`."""
    size = config["vocab_size"]
    # The vocabulary is padded to a round size; the padding is never produced.
    tokens = [f"[PAD{number}]" for number in range(size)]
    types = [int(gguf.TokenType.UNUSED)] * size
    for token, number in tokenizer["model"]["vocab"].items():
        tokens[number] = token
        types[number] = int(gguf.TokenType.NORMAL)
    for added in tokenizer["added_tokens"]:
        kind = gguf.TokenType.CONTROL if added["special"] else gguf.TokenType.USER_DEFINED
        tokens[added["id"]] = added["content"]
        types[added["id"]] = int(kind)
    merges = tokenizer["model"]["merges"]

    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    writer.add_token_merges(
        [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
    )
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_pad_token_id(config["pad_token_id"])
    # Some readers want one; it is never put before a prompt.
    writer.add_bos_token_id(config["pad_token_id"])
    writer.add_add_bos_token(value=False)


def gguf_name(name: str) -> str:
    """llama.cpp's name of a weight that Hugging Face calls `name`."""
    if name in WEIGHTS_AROUND_LAYERS:
        return WEIGHTS_AROUND_LAYERS[name]
    layer, _, weight = name.removeprefix("model.layers.").removesuffix(".weight").partition(".")
    return f"blk.{layer}.{WEIGHTS_OF_A_LAYER[weight]}.weight"


def add_weights(writer: gguf.GGUFWriter, weights: dict[str, np.ndarray]) -> None:
    """Add the weights: matrices as 16-bit floats, vectors as 32-bit ones."""
    for name, weight in sorted(weights.items()):
        is_matrix = weight.ndim == 2  # noqa: PLR2004 -- two dimensions are what makes a matrix
        writer.add_tensor(gguf_name(name), weight.astype(np.float16 if is_matrix else np.float32))


def convert(folder: Path, target: Path) -> None:
    """Write the model in `folder` to the file `target`."""
    config = json.loads((folder / "config.json").read_text())
    tokenizer = json.loads((folder / "tokenizer.json").read_text())

    writer = gguf.GGUFWriter(target, "qwen3")
    writer.add_name(folder.name)
    add_architecture(writer, config)
    add_tokenizer(writer, tokenizer, config)
    writer.add_chat_template((folder / "chat_template.jinja").read_text())
    add_weights(writer, load_file(folder / "model.safetensors"))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Convert the toy model for llama.cpp.")
    parser.add_argument("folder", type=Path, help="what make_tiny_model.py wrote")
    parser.add_argument("target", type=Path, help="the .gguf file to write")
    options = parser.parse_args()
    convert(options.folder, options.target)
