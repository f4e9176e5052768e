import re
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from models.minilm import MiniLM
from models.understanding.training import Trained, train
from models.understanding.versions import Versions
from tests.models.understanding import shop
from tests.models.understanding.shop import setup_of


@pytest.fixture
def versions(tmp_path: Path) -> Versions:
    return Versions(tmp_path / "understanding")


@pytest.fixture(scope="session")
def shop_versions(minilm: MiniLM, tmp_path_factory: pytest.TempPathFactory) -> Versions:
    """One version of the small shop, trained once for all tests that only read it."""
    versions = Versions(tmp_path_factory.mktemp("shop"))
    examples = [*shop.said(), *shop.shown(), *shop.foreign()]
    made: Trained = train(setup_of(minilm, examples), versions)
    versions.serve(made.version)
    return versions


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT of two narrow layers with random weights, as wide as MiniLM's vectors."""
    folder = tmp_path_factory.mktemp("tiny-bert")
    texts = " ".join(each.observation.text for each in shop.said())
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *sorted(set(re.findall(r"\w+", texts)))]
    vocabulary = {word: at for at, word in enumerate(words)}
    raw = Tokenizer(WordLevel(vocabulary, unk_token="[UNK]"))
    raw.pre_tokenizer = BertPreTokenizer()
    raw.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
    )
    tokenizer.save_pretrained(folder)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=384,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=64,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder
