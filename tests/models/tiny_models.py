"""Models of a few kilobytes with random weights, written as transformers writes them."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer
from tokenizers.models import BPE, Unigram, WordLevel
from tokenizers.normalizers import NFKC
from tokenizers.pre_tokenizers import BertPreTokenizer, ByteLevel, Metaspace
from tokenizers.processors import TemplateProcessing
from tokenizers.trainers import BpeTrainer, UnigramTrainer
from transformers import (
    AutoConfig,
    AutoModel,
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPVisionModelWithProjection,
    ConvNextImageProcessor,
    PreTrainedTokenizerFast,
    ResNetConfig,
    ResNetModel,
    SiglipConfig,
    SiglipImageProcessor,
    SiglipModel,
)

SIDE = 32
_BERT_LIKE = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "hidden_dropout_prob": 0.0,
    "attention_probs_dropout_prob": 0.0,
}
_DISTILBERT = {
    "dim": 32,
    "n_layers": 2,
    "n_heads": 4,
    "hidden_dim": 64,
    "dropout": 0.0,
    "attention_dropout": 0.0,
}
_POSITIONS = 64
TEXT_KINDS = ("bert", "distilbert", "roberta", "xlm-roberta")


def tiny_text_encoder(folder: Path, kind: str, texts: Sequence[str]) -> Path:
    """An encoder that knows the words of `texts`; with the special tokens of its kind, in their
    places."""
    torch.manual_seed(5)
    begin, pad, end, unknown = (
        ("<s>", "<pad>", "</s>", "<unk>")
        if "roberta" in kind
        else ("[CLS]", "[PAD]", "[SEP]", "[UNK]")
    )
    special = [begin, pad, end, unknown] if "roberta" in kind else [pad, unknown, begin, end]
    words = [*special, *sorted(set(re.findall(r"\w+|[^\w\s]", " ".join(texts))))]
    place = {word: at for at, word in enumerate(words)}
    raw = Tokenizer(WordLevel(place, unk_token=unknown))
    raw.pre_tokenizer = BertPreTokenizer()
    raw.post_processor = TemplateProcessing(
        single=f"{begin} $A {end}", special_tokens=[(begin, place[begin]), (end, place[end])]
    )
    PreTrainedTokenizerFast(
        tokenizer_object=raw, pad_token=pad, unk_token=unknown, cls_token=begin, sep_token=end
    ).save_pretrained(folder)
    behind_padding = place[pad] + 1 if "roberta" in kind else 0
    config = AutoConfig.for_model(
        kind,
        vocab_size=len(words),
        max_position_embeddings=_POSITIONS + behind_padding,
        pad_token_id=place[pad],
        **(_DISTILBERT if kind == "distilbert" else _BERT_LIKE),
    )
    AutoModel.from_config(config).save_pretrained(folder)
    return folder


def tiny_multilingual(folder: Path, kind: str, texts: Sequence[str]) -> Path:
    """An encoder whose words are pieces of `texts`: of XLM-RoBERTa (E5, BGE-M3), with SentencePiece
    behind spaces, or of Qwen 3, with bytes, whose last token ends a text."""
    torch.manual_seed(5)
    if kind == "qwen3":
        raw = Tokenizer(BPE())
        raw.pre_tokenizer = ByteLevel(add_prefix_space=False)
        trainer: Any = BpeTrainer(
            vocab_size=400, special_tokens=["<pad>", "<end>"], initial_alphabet=ByteLevel.alphabet()
        )
        single, special = "$A <end>", ["<end>"]
    else:
        raw = Tokenizer(Unigram())
        raw.normalizer = NFKC()
        raw.pre_tokenizer = Metaspace()
        trainer = UnigramTrainer(
            vocab_size=400, special_tokens=["<s>", "<pad>", "</s>", "<unk>"], unk_token="<unk>"
        )
        single, special = "<s> $A </s>", ["<s>", "</s>"]
    raw.train_from_iterator(texts, trainer)
    raw.post_processor = TemplateProcessing(
        single=single, special_tokens=[(each, raw.token_to_id(each)) for each in special]
    )
    PreTrainedTokenizerFast(tokenizer_object=raw, pad_token="<pad>").save_pretrained(folder)
    pad = raw.token_to_id("<pad>")
    shape = {"num_key_value_heads": 2, "head_dim": 8} if kind == "qwen3" else {}
    sizes = {key: size for key, size in _BERT_LIKE.items() if "prob" not in key}
    config = AutoConfig.for_model(
        kind,
        vocab_size=raw.get_vocab_size(),
        max_position_embeddings=_POSITIONS + pad + 1,
        pad_token_id=pad,
        **sizes,
        **shape,
    )
    AutoModel.from_config(config).save_pretrained(folder)
    return folder


def tiny_clip(folder: Path) -> Path:
    torch.manual_seed(5)
    CLIPModel(_pictures_and_texts(CLIPConfig, projection_dim=24)).save_pretrained(folder)
    _clip_processor(folder)
    return folder


def tiny_clip_vision(whole: Path, folder: Path) -> Path:
    """The picture's half of a CLIP, by itself."""
    config = CLIPConfig.from_pretrained(whole)
    config.vision_config.projection_dim = config.projection_dim
    half = CLIPVisionModelWithProjection.from_pretrained(whole, config=config.vision_config)
    half.save_pretrained(folder)
    _clip_processor(folder)
    return folder


def tiny_siglip(folder: Path) -> Path:
    torch.manual_seed(5)
    SiglipModel(_pictures_and_texts(SiglipConfig)).save_pretrained(folder)
    SiglipImageProcessor(size={"height": SIDE, "width": SIDE}).save_pretrained(folder)
    return folder


def tiny_resnet(folder: Path) -> Path:
    torch.manual_seed(5)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 20], depths=[1, 1])
    ResNetModel(config).save_pretrained(folder)
    ConvNextImageProcessor(size={"shortest_edge": SIDE}).save_pretrained(folder)
    return folder


def _clip_processor(folder: Path) -> None:
    CLIPImageProcessor(
        size={"shortest_edge": SIDE}, crop_size={"height": SIDE, "width": SIDE}
    ).save_pretrained(folder)


def _pictures_and_texts(kind: Any, **more: int) -> Any:
    small = {
        "hidden_size": 16,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
    return kind(
        text_config={**small, "vocab_size": 50, "bos_token_id": 1, "eos_token_id": 2},
        vision_config={**small, "image_size": SIDE, "patch_size": 8},
        **more,
    )
