"""A chat model of transformers that takes pictures, and says one text whatever they show."""

from pathlib import Path

from transformers import (
    AutoTokenizer,
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaForCausalLM,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
)

from tests.models.tiny_chat import TEMPLATE, write_chat_model

PICTURE_TOKENS = 4
_PICTURE = "<image>"


def write_seeing_model(folder: Path, says: list[str]) -> Path:
    """`says`: as `write_chat_model` takes it. A picture counts `PICTURE_TOKENS` tokens."""
    words = write_chat_model(folder / "words", says)
    tokenizer = AutoTokenizer.from_pretrained(words)
    tokenizer.add_special_tokens(
        {"additional_special_tokens": [_PICTURE]}, replace_extra_special_tokens=False
    )
    text = LlamaForCausalLM.from_pretrained(words)
    text.resize_token_embeddings(len(tokenizer))
    sight = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        image_size=32,
        patch_size=16,
        projection_dim=16,
    )
    model = LlavaForConditionalGeneration(
        LlavaConfig(
            text_config=text.config.to_dict(),
            vision_config=sight.to_dict(),
            image_token_index=tokenizer.convert_tokens_to_ids(_PICTURE),
            image_seq_length=PICTURE_TOKENS,
            vision_feature_layer=-1,
        )
    )
    model.model.language_model.load_state_dict(text.model.state_dict())
    model.lm_head.load_state_dict(text.lm_head.state_dict())
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    part = "{{ part['text'] }}"
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessor(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
        tokenizer=tokenizer,
        patch_size=16,
        vision_feature_select_strategy="default",
        chat_template=TEMPLATE.replace(
            part, f"{{% if part['type'] == 'image' %}}{_PICTURE}{{% else %}}{part}{{% endif %}}"
        ),
        num_additional_image_tokens=1,
    )
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
