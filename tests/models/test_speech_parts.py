"""Long speech in parts that an engine can take at once."""

import numpy as np

from models.speech_parts import parts_to_hear
from models.voice_activity import PIECE, SAMPLE_RATE_HZ, Stretch


def test_speech_is_parted_at_its_pauses_and_complete() -> None:
    rng = np.random.default_rng(1)
    heard = rng.uniform(0.5, 1, 4000).astype(np.float32)
    stretches = [Stretch(0, 200 * PIECE), Stretch(230 * PIECE, 3000 * PIECE)]
    parts = parts_to_hear(stretches, heard, 15.0, 8.0)
    assert parts[0] == stretches[0]
    assert [part.start for part in parts[2:]] == [part.end for part in parts[1:-1]]
    assert (parts[1].start, parts[-1].end) == (230 * PIECE, 3000 * PIECE)
    assert all(part.end - part.start <= 15 * SAMPLE_RATE_HZ for part in parts)


def test_neighbours_are_heard_together() -> None:
    second = SAMPLE_RATE_HZ
    stretches = [Stretch(0, second), Stretch(2 * second, 3 * second)]
    assert parts_to_hear(stretches, np.ones(100, np.float32), 15.0, 8.0) == [Stretch(0, 3 * second)]
