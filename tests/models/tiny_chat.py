"""A chat model of transformers that says one text, whatever it is asked: made, not trained.

Each piece of the text is a token of its own, and the weights say which token follows which. It is
saved and loaded as any other.
"""

from itertools import pairwise
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

BEGIN, END = "<|assistant|>", "<|end|>"
TEMPLATE = (
    "{% for message in messages %}<|{{ message['role'] }}|>"
    "{% if message['content'] is string %}{{ message['content'] }}"
    "{% else %}{% for part in message['content'] %}{{ part['text'] }}{% endfor %}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


def write_chat_model(folder: Path, says: list[str], *, longest: int = 32_768) -> Path:
    """`says`: pieces of a text, no two the same, none of them within another. `longest`: tokens
    that it takes in."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    core = Tokenizer(models.BPE(vocab={char: n for n, char in enumerate(alphabet)}, merges=[]))
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core, eos_token=END, pad_token=END, chat_template=TEMPLATE
    )
    tokenizer.add_special_tokens({"additional_special_tokens": [BEGIN, "<|user|>", "<|system|>"]})
    tokenizer.add_tokens(says)
    size = len(tokenizer)
    config = LlamaConfig(
        vocab_size=size,
        hidden_size=size + size % 2,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        max_position_embeddings=longest,
        tie_word_embeddings=False,
        eos_token_id=tokenizer.convert_tokens_to_ids(END),
        bos_token_id=None,
        pad_token_id=tokenizer.convert_tokens_to_ids(END),
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        # What stands nowhere else decides: attention and its neighbour add nothing.
        model.model.layers[0].self_attn.o_proj.weight.zero_()
        model.model.layers[0].mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(size, config.hidden_size))
        model.lm_head.weight.zero_()
        chain = tokenizer.convert_tokens_to_ids([BEGIN, *says, END])
        for current, following in pairwise(chain):
            model.lm_head.weight[following, current] = 100.0
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
