"""Smart Turn: how likely somebody has finished, by the sound of the last eight seconds.

The model hears intonation, pace and fillers in 23 languages, and no words. Its weights come in the
`pipecat-ai` wheel (BSD 2-Clause); only that file is used. It sees Whisper's features (Radford et
al., https://arxiv.org/abs/2212.04356).
Model: https://github.com/pipecat-ai/smart-turn
"""

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import EngineMissing
from models.published import open_session, published_file

Samples = NDArray[np.float32]

PACKAGE = "pipecat"
FILE = "audio/turn/smart_turn/data/smart-turn-v3*.onnx"
REMEDY = "pip install --no-deps pipecat-ai==1.14.0"
"""Without what it depends on: of the package, a file is wanted and no code."""

SAMPLE_RATE_HZ = 16_000
HEARD_S = 8
_SAMPLES = HEARD_S * SAMPLE_RATE_HZ
_FFT, _HOP, _BANDS = 400, 160, 80
_RANGE = 8.0
"""Powers of ten below the loudest, which is as far as the features go."""
_LEAST = 1e-10


class SmartTurn:
    """Thread-safe; some 60 ms on one core, however long it has been spoken.

    Raises `EngineMissing` where there is no such file, or it is another model.
    """

    def __init__(self, file: Path | None = None, threads: int = 1) -> None:
        """`file`: the model in ONNX; None: the installed package's."""
        path = file or published_file(PACKAGE, FILE, remedy=REMEDY)
        self._session = open_session(path, threads)
        wanted = [each.shape[1:] for each in self._session.get_inputs()]
        if wanted != [[_BANDS, _SAMPLES // _HOP]]:
            raise EngineMissing(f"{path} is no Smart Turn of version 3", remedy=REMEDY)

    def complete(self, samples: Samples) -> float:
        """Probability that the turn is over. `samples`: all of it so far, mono at 16 kHz, with the
        beginning of the pause; what is before the last `HEARD_S` is not heard."""
        (found,) = self._session.run(None, {"input_features": features(samples)[None]})
        return float(found[0, 0])


def features(samples: Samples) -> Samples:
    """Whisper's: the logarithm of the power in `_BANDS` bands of the mel scale, every 10 ms.
    Silence stands before what is shorter."""
    heard = samples[-_SAMPLES:]
    whole = np.pad(heard, (_SAMPLES - len(heard), 0))
    whole = (whole - whole.mean()) / np.sqrt(whole.var() + 1e-7)
    # In double precision: the weights are quantized by the range of what they see, and a rounding
    # of the fifth digit here has moved the probability by 0.2.
    padded = np.pad(whole.astype(np.float64), _FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP][: _SAMPLES // _HOP]
    power = np.abs(np.fft.rfft(frames * _window(), axis=1)) ** 2
    tones = np.log10(np.maximum(power @ _bands(), _LEAST)).T
    scaled = (np.maximum(tones, tones.max() - _RANGE) + 4) / 4
    return np.asarray(scaled, np.float32)


@cache
def _window() -> NDArray[np.float64]:
    return np.hanning(_FFT + 1)[:-1]


@cache
def _bands() -> NDArray[np.float64]:
    """Power of each frequency to power of each band, shape (frequencies, bands)."""
    from transformers.audio_utils import mel_filter_bank

    bands = mel_filter_bank(
        _FFT // 2 + 1, _BANDS, 0.0, 8_000.0, SAMPLE_RATE_HZ, norm="slaney", mel_scale="slaney"
    )
    return np.asarray(bands, np.float64)
