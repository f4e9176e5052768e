"""Whispers of a few megabytes, in each format that the real ones come in.

Either their weights are random, so that what they write depends on the sound and on every step of
the computation; or they say what they are told to, in spite of the sound: then the positions of
the decoder stand so near to the tokens of the text that these are the likeliest.
"""

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast, WhisperConfig, WhisperForConditionalGeneration
from transformers.models.whisper.tokenization_whisper import LANGUAGES

WIDTH = 64
END = 50257
BEGIN = END + 1
LANGUAGE_IDS = {code: BEGIN + 1 + at for at, code in enumerate(list(LANGUAGES)[:99])}
NO_SPEECH = 50362
TIMES = 50364
"""The identifier of 0.00 s; each further one is 0.02 s later."""
VOCABULARY = 51865

LAST = 60
"""Tokens that a random one writes, its prompt among them."""

Said = tuple[float, str, float]
"""From when, what, until when."""


@cache
def tokenizer() -> Tokenizer:
    """Whisper's identifiers, but with bytes for words: those come first in the real one, too."""
    vocabulary = {letter: at for at, letter in enumerate(_letters())}
    # Signs and notes are never written, nor what a space and one of them begin with: it must not be
    # the space alone.
    pairs = [("Ġ", letter) for letter in "-'â"]
    vocabulary |= {"".join(pair): 256 + at for at, pair in enumerate(pairs)}
    vocabulary |= {f"Ġ{at:x}": at for at in range(len(vocabulary), END - 1)}
    vocabulary[""] = END - 1  # by which CTranslate2 knows one of many languages
    special = ["<|endoftext|>", "<|startoftranscript|>"]
    special += [f"<|{code}|>" for code in LANGUAGE_IDS]
    special += [f"<|{name}|>" for name in (
        "translate", "transcribe", "startoflm", "startofprev", "nospeech", "notimestamps"
    )]  # fmt: skip
    special += [f"<|{at * 0.02:.2f}|>" for at in range(1501)]
    vocabulary |= {token: END + at for at, token in enumerate(special)}
    assert len(vocabulary) == VOCABULARY
    made = Tokenizer(models.BPE(vocab=vocabulary, merges=pairs))
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    made.add_special_tokens([AddedToken(token, special=True) for token in special[: TIMES - END]])
    return made


def _letters() -> list[str]:
    """The 256 letters that stand for bytes, in the order of the real vocabulary."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    return [chr(each) for each in shown] + [chr(256 + at) for at in range(256 - len(shown))]


def random_whisper(seed: int = 3) -> WhisperForConditionalGeneration:
    """What it writes, nobody foresees; but it is sure of it, and does not repeat itself, so that no
    rule of Whisper's has it tried again by chance."""
    torch.manual_seed(seed)
    model = WhisperForConditionalGeneration(_config())
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.ndim > 1 and "embed" not in name:
                weight.mul_(10.0)
        decoder = model.model.decoder
        decoder.layer_norm.weight.mul_(30.0)
        tokens = torch.nn.functional.normalize(torch.randn(VOCABULARY, WIDTH), dim=1)
        decoder.embed_tokens.weight.copy_(tokens)
        decoder.embed_positions.weight.copy_(torch.randn(448, WIDTH))
        decoder.embed_positions.weight[LAST:] = 1000.0 * tokens[END]
    return model.eval()


def speaking_whisper(
    said: Sequence[Said],
    language: str = "en",
    *,
    sure: float = 10.0,
    width: int = WIDTH,
    layers: int = 2,
    heads: int = 2,
) -> WhisperForConditionalGeneration:
    """Says this in every window, without a prompt. `sure`: 10 is very, 0.5 is a guess. The rest is
    its shape."""
    torch.manual_seed(3)
    model = WhisperForConditionalGeneration(_config(width, layers, heads))
    targets = [LANGUAGE_IDS[language] if language else NO_SPEECH, BEGIN, *_tokens(said), END]
    with torch.no_grad():
        decoder = model.model.decoder
        tokens = torch.nn.functional.normalize(torch.randn(VOCABULARY, width), dim=1)
        decoder.embed_tokens.weight.copy_(tokens)
        decoder.embed_positions.weight.copy_(4 * tokens[END])
        decoder.embed_positions.weight[: len(targets)] = 4 * tokens[targets]
        decoder.layer_norm.weight.fill_(sure)
        for layer in decoder.layers:
            for part in (layer.self_attn.out_proj, layer.encoder_attn.out_proj, layer.fc2):
                part.weight.mul_(0.01)
    return model.eval()


def _tokens(said: Sequence[Said]) -> list[int]:
    tokens: list[int] = []
    for start_s, text, end_s in said:
        words = tokenizer().encode(text, add_special_tokens=False).ids
        tokens += [TIMES + round(start_s * 50), *words, TIMES + round(end_s * 50)]
    return tokens


def _config(width: int = WIDTH, layers: int = 2, heads: int = 2) -> WhisperConfig:
    return WhisperConfig(
        vocab_size=VOCABULARY,
        d_model=width,
        encoder_layers=layers,
        decoder_layers=layers,
        encoder_attention_heads=heads,
        decoder_attention_heads=heads,
        encoder_ffn_dim=4 * width,
        decoder_ffn_dim=4 * width,
        decoder_start_token_id=BEGIN,
        bos_token_id=END,
        eos_token_id=END,
        pad_token_id=END,
        suppress_tokens=None,
        begin_suppress_tokens=None,
    )


def for_transformers(model: WhisperForConditionalGeneration, folder: Path) -> Path:
    """As `save_pretrained` writes it, with its tokenizer."""
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer(), eos_token="<|endoftext|>", bos_token="<|endoftext|>"
    ).save_pretrained(folder)
    about = {"feature_size": 80, "sampling_rate": 16_000, "hop_length": 160, "chunk_length": 30}
    (folder / "preprocessor_config.json").write_text(json.dumps({**about, "n_fft": 400}))
    return folder


def for_ctranslate2(
    model: WhisperForConditionalGeneration, folder: Path, numbers: str = "float32"
) -> Path:
    """As the library's converter writes it: `numbers` may be int8."""
    from ctranslate2.converters import TransformersConverter

    saved = for_transformers(model, folder.with_name(f"{folder.name}-transformers"))
    copied = ["tokenizer.json", "preprocessor_config.json"]
    converter = TransformersConverter(str(saved), copy_files=copied)
    converter.convert(str(folder), quantization=numbers, force=True)
    about = json.loads((folder / "config.json").read_text())
    about["lang_ids"] = sorted(LANGUAGE_IDS.values())
    (folder / "config.json").write_text(json.dumps(about))
    return folder


_ORIGINAL = (
    (r"^model\.", ""),
    (r"\.layers\.", ".blocks."),
    (r"self_attn_layer_norm", "attn_ln"),
    (r"encoder_attn_layer_norm", "cross_attn_ln"),
    (r"final_layer_norm", "mlp_ln"),
    (r"^encoder\.layer_norm", "encoder.ln_post"),
    (r"^decoder\.layer_norm", "decoder.ln"),
    (r"self_attn", "attn"),
    (r"encoder_attn", "cross_attn"),
    (r"q_proj", "query"),
    (r"k_proj", "key"),
    (r"v_proj", "value"),
    (r"out_proj", "out"),
    (r"fc1", "mlp.0"),
    (r"fc2", "mlp.2"),
    (r"embed_positions\.weight", "positional_embedding"),
    (r"embed_tokens", "token_embedding"),
)
"""Names in transformers, and in the original."""


def for_openai(model: WhisperForConditionalGeneration, path: Path) -> Path:
    """As the original's checkpoints are: dimensions and weights, pickled."""
    weights: dict[str, Any] = {}
    for name, tensor in model.state_dict().items():
        if name == "proj_out.weight":
            continue
        for ours, theirs in _ORIGINAL:
            name = re.sub(ours, theirs, name)
        weights[name] = tensor.clone()
    config = model.config
    dimensions = {
        "n_mels": config.num_mel_bins,
        "n_audio_ctx": config.max_source_positions,
        "n_audio_state": config.d_model,
        "n_audio_head": config.encoder_attention_heads,
        "n_audio_layer": config.encoder_layers,
        "n_vocab": config.vocab_size,
        "n_text_ctx": config.max_target_positions,
        "n_text_state": config.d_model,
        "n_text_head": config.decoder_attention_heads,
        "n_text_layer": config.decoder_layers,
    }
    torch.save({"dims": dimensions, "model_state_dict": weights}, path)
    return path
