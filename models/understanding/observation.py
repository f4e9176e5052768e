"""What is known of one turn before anything is encoded, and what it was meant to mean."""

import math
from dataclasses import dataclass, field

OUT_OF_SCOPE = "out_of_scope"
"""The name under which examples are given of what no intent covers."""


@dataclass(frozen=True)
class Line:
    """A line of text in a picture; its edges as shares of the picture's width and height."""

    text: str
    left: float = 0.0
    top: float = 0.0
    right: float = 1.0
    bottom: float = 1.0


@dataclass(frozen=True)
class Prosody:
    """How something was said, whatever the words. See `models.understanding.prosody`."""

    pace: float
    """Syllable nuclei for each second of speech."""
    loudness_db: float
    """Mean level of the speech, in dB below full scale (negative)."""
    loudness_range_db: float
    """Standard deviation of the level."""
    pitch_hz: float
    """Median fundamental frequency of the voiced parts; 0 where none is voiced."""
    pitch_range: float
    """Standard deviation of the fundamental frequency, in semitones."""
    pauses: float
    """Share of the recording that is silent, 0 to 1, the ends left out."""


@dataclass(frozen=True)
class Observation:
    """One turn as the model sees it. Every part may be missing."""

    text: str = ""
    """Typed and transcribed words of the customer."""
    lines: tuple[Line, ...] = ()
    """What was read in pictures."""
    image: tuple[float, ...] = ()
    """The picture itself, as the image encoder's vector."""
    prosody: Prosody | None = None
    history: tuple[str, ...] = ()
    """Texts of the customer's turns before, oldest first."""

    @property
    def empty(self) -> bool:
        return not (self.text or self.lines or self.image or self.prosody)


@dataclass(frozen=True)
class Labels:
    """What a turn means. A task without a label (nan, None) teaches and is judged nothing."""

    intents: tuple[str, ...] = ()
    """The main one first, then those said as well; `(OUT_OF_SCOPE,)` for none of them."""
    urgency: float = math.nan
    """0 (whenever) to 1 (at once)."""
    sentiment: float = math.nan
    """-1 (angry) to 1 (happy)."""
    wants_person: bool | None = None


@dataclass(frozen=True)
class Example:
    """An observation with its labels, and where it was written down."""

    observation: Observation
    labels: Labels
    place: str = ""
    """`returns.yaml:12`, for messages and reports."""
    weight: float = field(default=1.0)
    """How much it counts in training."""
