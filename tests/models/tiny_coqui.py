"""A VITS of Coqui TTS with random weights, as its own trainer saves one. Needs coqui-tts."""

from pathlib import Path

import torch
from TTS.tts.configs.vits_config import VitsConfig
from TTS.tts.models.vits import Vits, VitsArgs


def tiny_coqui(folder: Path, speakers: tuple[str, ...] = ()) -> Path:
    torch.manual_seed(5)
    folder.mkdir(parents=True, exist_ok=True)
    arguments = VitsArgs(
        hidden_channels=16,
        hidden_channels_ffn_text_encoder=16,
        num_heads_text_encoder=2,
        num_layers_text_encoder=1,
        num_layers_posterior_encoder=1,
        num_layers_flow=1,
        upsample_initial_channel_decoder=16,
        init_discriminator=False,
        use_speaker_embedding=bool(speakers),
    )
    model = Vits.init_from_config(
        VitsConfig(
            model_args=arguments,
            text_cleaner="basic_cleaners",
            use_phonemes=False,
            speakers=list(speakers) or None,
        )
    )
    model.config.save_json(str(folder / "config.json"))
    torch.save({"model": model.state_dict()}, folder / "model.pth")
    return folder
