"""The tokenizer of an encoder that transformers loads: is it whole, and how much does it take."""

import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import EngineMissing
from models.transformers_folder import AGAIN, LOCAL, loading

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

log = logging.getLogger(__name__)

MOST_TOKENS = 512
"""Longer texts are cut off, even where a model could take them: the time grows with the square."""


def load_tokenizer(folder: Path, model: "PreTrainedModel") -> "PreTrainedTokenizerBase":
    """Raises `EngineMissing` if there is none, or it belongs to another model."""
    from transformers import AutoTokenizer

    with loading(folder):
        tokenizer: Any = AutoTokenizer.from_pretrained(folder, **LOCAL)
    with loading(folder, f"used as a text encoder, for it is a {model.config.model_type}"):
        embeddings: Any = model.get_input_embeddings()
        words: int = embeddings.weight.shape[0]
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise EngineMissing(
            f"the tokenizer in {folder} has no tokenizer.json",
            remedy="save it once with `AutoTokenizer.from_pretrained(…).save_pretrained(…)`",
        )
    if not set(tokenizer.get_vocab()) - set(tokenizer.all_special_tokens):
        # Without its files, transformers makes an empty one.
        raise EngineMissing(f"{folder} has no tokenizer", remedy=AGAIN)
    if len(tokenizer) > words:
        raise EngineMissing(
            f"the tokenizer in {folder} is of another model: it has {len(tokenizer)} pieces of "
            f"words, and the model {words}",
            remedy=AGAIN,
        )
    loaded: PreTrainedTokenizerBase = tokenizer
    return loaded


def longest_text(
    model: "PreTrainedModel", tokenizer: "PreTrainedTokenizerBase", folder: Path
) -> int:
    """Tokens that a text may have: what model, tokenizer and the folder's own settings allow."""
    limits = [MOST_TOKENS, tokenizer.model_max_length]
    positions = getattr(model.config, "max_position_embeddings", None)
    if isinstance(positions, int) and positions > 0:
        # RoBERTa and its kin count positions from behind the one of padding.
        table = getattr(getattr(model, "embeddings", None), "position_embeddings", None)
        before = getattr(table, "padding_idx", None)
        limits.append(positions if before is None else positions - before - 1)
    limits += said_length(folder)
    return min(int(limit) for limit in limits if limit > 0)


def said_length(folder: Path) -> list[int]:
    """Tokens of a text by a folder of sentence-transformers; nothing where it does not say."""
    try:
        said = json.loads((folder / "sentence_bert_config.json").read_text("utf-8"))
        length = said.get("max_seq_length")
        return [] if length is None else [int(length)]
    except FileNotFoundError:
        return []  # it is no folder of sentence-transformers
    except (OSError, ValueError, AttributeError, TypeError) as error:
        log.warning("text_encoder.length_unknown", extra={"reason": str(error)})
        return []
