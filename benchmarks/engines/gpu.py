"""Large models on a graphics card: Whisper large-v3's shape, CLIP's two usual ones, a text encoder.

Their weights are random: what a model computes does not change how long it takes, only where it
stops, so each stretch of sound is given as many tokens as speech usually has. Without a card
nothing is measured, and that is told.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from benchmarks.figures import Figure

BATCH = 16
WINDOW_S = 30
"""What Whisper hears at once, in seconds."""
TOKENS = 100
"""For each window: people who speak say about three in a second."""
IMAGES = 512
SENTENCES = 4_096


def measure(folder: Path) -> list[Figure]:
    """`folder`: for checkpoints that are made."""
    if not torch.cuda.is_available():
        return [Figure("graphics cards that torch can use", 0, "")]
    card = torch.cuda.get_device_name()
    return [*_whisper(card), *_clip(folder, card), *_sentences(folder, card)]


def _whisper(card: str) -> list[Figure]:
    """openai-whisper's own decoding, greedy, in float16."""
    from whisper.decoding import DecodingOptions
    from whisper.model import ModelDimensions, Whisper

    shape = ModelDimensions(
        n_mels=128,
        n_audio_ctx=1500,
        n_audio_state=1280,
        n_audio_head=20,
        n_audio_layer=32,
        n_vocab=51_866,
        n_text_ctx=448,
        n_text_state=1280,
        n_text_head=20,
        n_text_layer=32,
    )
    with torch.device("cuda"):
        model = Whisper(shape).eval()
    options = DecodingOptions(
        language="en", without_timestamps=True, sample_len=TOKENS, suppress_tokens=_ends(model)
    )
    figures = []
    for batch in (1, BATCH):
        sound = torch.randn(batch, 128, 3000, device="cuda", dtype=torch.float16)
        seconds = _fastest(partial(model.decode, sound, options))
        name = f"Whisper large-v3's shape, float16, batch {batch}, real-time factor, {card}"
        figures.append(Figure(name, round(seconds / (batch * WINDOW_S), 5), ""))
    return figures


def _ends(model: object) -> list[int]:
    """The token that ends a text: forbidden, so that all texts are of one length."""
    from whisper.tokenizer import get_tokenizer

    return [get_tokenizer(True, num_languages=100).eot]


def _clip(folder: Path, card: str) -> list[Figure]:
    from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

    from models.transformers_image_encoder import TransformersImageEncoder

    shapes = {
        "ViT-B/32": CLIPVisionConfig(patch_size=32),
        "ViT-L/14": CLIPVisionConfig(
            hidden_size=1024,
            intermediate_size=4096,
            num_hidden_layers=24,
            num_attention_heads=16,
            patch_size=14,
            projection_dim=768,
        ),
    }
    figures = []
    screen = Image.effect_mandelbrot((640, 400), (-2, -1.2, 1, 1.2), 40).convert("RGB")
    for name, config in shapes.items():
        place = folder / name.replace("/", "-")
        CLIPVisionModelWithProjection(config).save_pretrained(place)
        CLIPImageProcessor().save_pretrained(place)
        encoder = TransformersImageEncoder(str(place))
        whole = _fastest(partial(encoder.encode, [screen] * IMAGES))
        figures.append(
            Figure(f"CLIP {name}, screens of 640×400 a second, {card}", round(IMAGES / whole), "/s")
        )
        model: Any = CLIPVisionModelWithProjection(config)
        model = model.to("cuda").half().eval()
        pixels = torch.randn(IMAGES, 3, 224, 224, device="cuda", dtype=torch.float16)
        alone = _fastest(partial(model, pixel_values=pixels))
        figures.append(
            Figure(f"… the network alone, float16, batch {IMAGES}", round(IMAGES / alone), "/s")
        )
    return figures


def _sentences(folder: Path, card: str) -> list[Figure]:
    """multilingual-e5-base's layers, with a small vocabulary: looking words up takes no time."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    from models.transformers_text_encoder import TransformersTextEncoder

    words = ["[PAD]", "[UNK]", *(f"w{number}" for number in range(1000))]
    tokenizer = Tokenizer(models.WordLevel({w: n for n, w in enumerate(words)}, "[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    place = folder / "sentences"
    BertModel(BertConfig(vocab_size=len(words))).save_pretrained(place)
    fast: Any = PreTrainedTokenizerFast
    fast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", model_max_length=512
    ).save_pretrained(place)
    encoder = TransformersTextEncoder(str(place))
    texts = [" ".join(f"w{(n * 7 + k) % 1000}" for k in range(12)) for n in range(SENTENCES)]
    seconds = _fastest(partial(encoder.encode, texts))
    name = f"text encoder of BERT base's shape, sentences of 12 words a second, {card}"
    return [Figure(name, round(SENTENCES / seconds), "/s")]


def _fastest(work: Callable[[], object], times: int = 3) -> float:
    """Seconds, with the card's own work done; once before, to warm up."""
    spent = []
    for _ in range(times + 1):
        torch.cuda.synchronize()
        started = time.perf_counter()
        with torch.inference_mode():
            work()
        torch.cuda.synchronize()
        spent.append(time.perf_counter() - started)
    return min(spent[1:])
