"""Speech from a server that speaks OpenAI's protocol: `POST /audio/speech`.

OpenAI's own, or one of the many others: vLLM, Kokoro-FastAPI, Speaches, LocalAI. Sound is asked for
as raw 16-bit samples, which can be played while they come; a server that sends a file instead is
understood as well. What is spoken leaves the machine, unless the server is on it.
"""

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from typing import Any, NamedTuple, get_args

import httpx2
import numpy as np
import openai
from openai.types.audio.speech_create_params import Voice as OpenAIVoice

from models.audio import decode
from models.errors import EngineFailed, MediaError
from models.media_type import DEMUXERS, HEAD_BYTES
from models.openai_server import CONNECT_S, OpenAIServer
from models.sentences import sentences
from models.synthesizer import Speech, Voice
from models.voices import ANY_LANGUAGE, USUAL_WORDS_PER_MINUTE, Cast, listed

_OPENAI = "https://api.openai.com"
_DEFAULT_VOICE = "alloy"
_PIECE_S = 0.2
_HELD_S = 0.02
"""Kept back until more has come, so that the last piece is never empty."""
_LONGEST_S = 120.0
_SLOWEST, _FASTEST = 0.25, 4.0
_BYTES = 2
_SOUND = ("audio/", "application/octet-stream", "video/")


class OpenAISynthesizer:
    """Implements `models.synthesizer.Synthesizer`."""

    def __init__(
        self,
        model: str,
        voice: str | Sequence[str] = "",
        words_per_minute: int = USUAL_WORDS_PER_MINUTE,
        base_url: str = "",
        api_key: str = "",
        timeout_s: float = 20.0,
        sample_rate_hz: int = 24_000,
        instructions: str = "",
    ) -> None:
        """`model`: as the server calls it. `voice`: one or more of the server's. `base_url`: of a
        server that is not OpenAI's, up to `/v1`. `api_key`: `OPENAI_API_KEY` otherwise.
        `timeout_s`: how long the server may be silent. `sample_rate_hz`: of the raw samples that it
        sends. `instructions`: how to speak, for models that listen to it.

        Asks the server for its voices. Raises `EngineMissing` if it refuses the key, or has no such
        voice; a server that does not answer now may do so later.
        """
        self._timeout_s = timeout_s
        self._rate_hz = sample_rate_hz
        self._server = OpenAIServer(
            "speech server",
            "synthesizer",
            model=model,
            base_url=base_url,
            api_key=api_key,
            timeout_s=timeout_s,
            tries_more=1,
        )
        self._speed = min(_FASTEST, max(_SLOWEST, words_per_minute / USUAL_WORDS_PER_MINUTE))
        self._more: dict[str, Any] = {"instructions": instructions} if instructions else {}
        names = self._names()
        if not names:
            # Nobody says which there are: those that were chosen are taken at their word.
            names = [name for name in listed(voice) if name] or [_DEFAULT_VOICE]
        self._voices = [Voice(name, ANY_LANGUAGE, self._server.url) for name in names]
        self._cast = Cast(f"the server {self._server.url}", self._voices, voice)

    def voices(self) -> list[Voice]:
        return list(self._voices)

    def synthesize(self, text: str, language: str, listener: str = "") -> Iterator[Speech]:
        voice = self._cast.voice_for(language, listener)
        for sentence in sentences(text):
            with self._failures(sentence):
                yield from self._speak(sentence, voice.name)

    def _speak(self, sentence: str, voice: str) -> Iterator[Speech]:
        with self._server.client.audio.speech.with_streaming_response.create(
            input=sentence,
            model=self._server.model,
            voice=voice,
            response_format="pcm",
            speed=openai.omit if self._speed == 1 else self._speed,
            **self._more,
        ) as response:
            kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if kind and not kind.startswith(_SOUND):
                raise EngineFailed(f"the speech server sent {kind!r} in place of sound")
            yield from self._pieces(response.iter_bytes(), kind, sentence)

    def _pieces(self, parts: Iterator[bytes], kind: str, sentence: str) -> Iterator[Speech]:
        """The sound, a piece of it as soon as it has come."""
        head = _head(parts)
        if not head:
            raise EngineFailed("the speech server sent no sound")
        wav = _wav(head)
        streams = wav.plain and wav.rate_hz == self._rate_hz if wav else kind not in DEMUXERS
        if not streams:
            yield self._decoded(b"".join([head, *parts]), sentence)
            return
        waiting = bytearray()
        piece, held = (_BYTES * round(s * self._rate_hz) for s in (_PIECE_S, _HELD_S))
        for part in chain([head[wav.start if wav else 0 :]], parts):
            waiting += part
            if len(waiting) >= piece + held:
                whole = (len(waiting) - held) // _BYTES * _BYTES
                yield self._speech(waiting[:whole], sentence, ends=False)
                del waiting[:whole]
        if len(waiting) % _BYTES:
            raise EngineFailed("the speech server broke off in the middle of a sample")
        yield self._speech(waiting, sentence, ends=True)

    def _speech(self, data: bytearray, sentence: str, *, ends: bool) -> Speech:
        samples = np.frombuffer(bytes(data), "<i2").astype(np.float32) / np.float32(32768)
        return Speech(samples, self._rate_hz, sentence, ends)

    def _decoded(self, data: bytes, sentence: str) -> Speech:
        try:
            samples = decode(data, limit_s=_LONGEST_S, sample_rate_hz=self._rate_hz)
        except MediaError as error:
            raise EngineFailed(f"the speech server sent a damaged file: {error.code}") from error
        return Speech(samples, self._rate_hz, sentence)

    def _names(self) -> list[str]:
        """The server's voices, the best first; none where it does not tell.

        OpenAI's are known to its package, and asking for its models tells whether the key is good;
        others answer at `/audio/voices`, if they do.
        """
        return self._server.greeted(self._told_names, "speech.server_unreachable") or []

    def _told_names(self) -> list[str]:
        client = self._server.client
        if self._server.url.startswith(_OPENAI):
            client.models.list(timeout=CONNECT_S)
            return [*_own_voices()]
        found = client.get("/audio/voices", cast_to=object, options={"timeout": CONNECT_S})
        return _named(found)

    @contextmanager
    def _failures(self, sentence: str) -> Iterator[None]:
        """The server's errors in words; what it says itself only where it does not quote."""
        try:
            yield
        except openai.APITimeoutError as error:
            raise EngineFailed(
                f"{self._server.name} has not answered within {self._timeout_s:g} s"
            ) from error
        except openai.APIStatusError as error:
            said = error.message if sentence not in error.message else ""
            raise EngineFailed(self._server.refusal(error, said)) from error
        except openai.APIConnectionError as error:
            raise EngineFailed(f"{self._server.name} cannot be reached") from error
        except httpx2.TimeoutException as error:
            raise EngineFailed(
                f"{self._server.name} fell silent for {self._timeout_s:g} s"
            ) from error
        except (httpx2.HTTPError, openai.APIError) as error:
            raise EngineFailed(f"{self._server.name} broke off: {type(error).__name__}") from error


class _Wav(NamedTuple):
    rate_hz: int
    plain: bool
    """Whether its samples are 16-bit and mono."""
    start: int
    """Where they begin."""


def _head(parts: Iterator[bytes]) -> bytes:
    """Enough of the beginning to tell what it is."""
    head = b""
    for part in parts:
        head += part
        if len(head) >= HEAD_BYTES:
            break
    return head


def _wav(head: bytes) -> _Wav | None:
    """What the header of a WAV says; None where it is none."""
    data, form = head.find(b"data", 12), head.find(b"fmt ", 12)
    if not head.startswith(b"RIFF") or head[8:12] != b"WAVE" or min(data, form) < 0:
        return None
    coding, channels, rate_hz = struct.unpack_from("<HHI", head, form + 8)
    (bits,) = struct.unpack_from("<H", head, form + 22)
    return _Wav(rate_hz, (coding, channels, bits) == (1, 1, 8 * _BYTES), data + 8)


def _own_voices() -> Iterator[str]:
    """The names that OpenAI's package allows, in its order."""
    for kind in get_args(OpenAIVoice):
        yield from (name for name in get_args(kind) if isinstance(name, str))


def _named(found: object) -> list[str]:
    """`{"voices": ["a"]}`, `{"data": [{"id": "a"}]}`, or the list alone: servers differ."""
    if isinstance(found, dict):
        found = found.get("voices") or found.get("data")
    if not isinstance(found, list):
        return []
    names = [
        each if isinstance(each, str) else each.get("id") or each.get("name")
        for each in found
        if isinstance(each, str | dict)
    ]
    return [str(name) for name in names if name]
