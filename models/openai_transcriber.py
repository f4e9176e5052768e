"""The transcriber `openai`: a server that speaks OpenAI's protocol, `POST /audio/transcriptions`.

OpenAI's own, or one of the many others: Groq, vLLM, Speaches, LocalAI, whisper.cpp. It is asked for
segments, by which its words can be judged as any Whisper's; one that knows only plain text is taken
at its word. What is said leaves the machine, unless the server is on it.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import httpx2
import numpy as np
import openai
from transformers.models.whisper.tokenization_whisper import TO_LANGUAGE_CODE

from models.audio import encode
from models.errors import EngineFailed
from models.openai_server import CONNECT_S, OpenAIServer
from models.speech_parts import Samples
from models.synthesizer import Speech
from models.transcriber import Word
from models.voice_activity import SAMPLE_RATE_HZ
from models.whisper import Hearing, Segment, Whisper, compression_of, known_language

log = logging.getLogger(__name__)

_TRIES_MORE = 2
_UNTOLD = float(np.log(0.8))
"""Mean log probability of the words of a server that does not tell one."""
_UNKNOWN_FORMAT = (400, 422)


class OpenAITranscriber(Whisper):
    """Whatever the server understands. Thread-safe.

    `model`: as the server calls it. `base_url`: of a server that is not OpenAI's, up to `/v1`.
    `api_key`: `OPENAI_API_KEY` otherwise. `language`: ISO 639-1; detected where it is empty.
    `vocabulary`: names as they are to be spelt. `timeout_s`: how long the server may be silent.

    Asks the server for its models. Raises `EngineMissing` if it wants another key; a server that
    does not answer now may do so later.
    """

    languages = frozenset(TO_LANGUAGE_CODE.values())
    overhead_s = 2.0

    def __init__(
        self,
        model: str = "whisper-1",
        base_url: str = "",
        api_key: str = "",
        language: str = "",
        vocabulary: Sequence[str] = (),
        timeout_s: float = 20.0,
    ) -> None:
        super().__init__(vocabulary)
        self.name = f"openai-{model}"
        self._timeout_s = timeout_s
        self._language = known_language(language, self.languages, self.name)
        self._server = OpenAIServer(
            "transcription server",
            "transcriber",
            model=model,
            base_url=base_url,
            api_key=api_key,
            timeout_s=timeout_s,
            tries_more=_TRIES_MORE,
        )
        self._segments = True
        """Whether the server can tell them."""
        # One that has no list of its models may well have the model.
        client = self._server.client
        self._server.greeted(
            lambda: client.models.list(timeout=CONNECT_S), "transcriber.server_unreachable"
        )

    def hear_part(self, samples: Samples, draft: Hearing | None, *, final: bool) -> Hearing:
        """What is said in a part. Raises `EngineFailed`; but where it is not final, what was heard
        before stays."""
        speech = Speech(samples, SAMPLE_RATE_HZ)
        file = ("speech.wav", encode(speech, "wav", "pcm_s16le", SAMPLE_RATE_HZ), "audio/wav")
        seconds = len(samples) / SAMPLE_RATE_HZ
        try:
            return self._heard(file, seconds)
        except EngineFailed as error:
            if final:
                raise
            log.warning("transcriber.no_draft", extra={"reason": str(error)})
            return draft or Hearing((), self._language or "")

    def _heard(self, file: tuple[str, bytes, str], seconds: float) -> Hearing:
        if self._segments:
            try:
                return _judgeable(self._asked(file, _WITH_SEGMENTS), seconds, self._language)
            except openai.APIStatusError as error:
                # It may know the model, and no such answer.
                reason = self._server.refusal(error)
            found = _plain(self._asked(file, {}), seconds, self._language)
            log.info(
                "transcriber.no_segments", extra={"server": self._server.url, "reason": reason}
            )
            self._segments = False
            return found
        return _plain(self._asked(file, {}), seconds, self._language)

    def _asked(self, file: tuple[str, bytes, str], more: Mapping[str, Any]) -> Mapping[str, Any]:
        """The server's answer. Raises `EngineFailed`, and `openai.APIStatusError` if there may be
        an answer of another form."""
        with self._failures(formed=bool(more)):
            found = self._server.client.audio.transcriptions.with_raw_response.create(
                file=file,
                model=self._server.model,
                language=self._language or openai.omit,
                prompt=self._prompt or openai.omit,
                **({"response_format": "json"} | dict(more)),
            )
            answer = found.http_response.json()
        if not isinstance(answer, dict) or not isinstance(answer.get("text"), str):
            raise EngineFailed(f"{self._server.name} sent no transcript")
        return answer

    @contextmanager
    def _failures(self, *, formed: bool) -> Iterator[None]:
        """The server's errors in words; never what it says itself, which may quote."""
        server = self._server.name
        try:
            yield
        except openai.APITimeoutError as error:
            raise EngineFailed(f"{server} has not answered within {self._timeout_s:g} s") from error
        except openai.APIStatusError as error:
            if formed and error.status_code in _UNKNOWN_FORMAT:
                raise
            raise EngineFailed(self._server.refusal(error)) from error
        except openai.APIConnectionError as error:
            raise EngineFailed(f"{server} cannot be reached, or broke off") from error
        except (httpx2.HTTPError, openai.APIError) as error:
            raise EngineFailed(f"{server} broke off: {type(error).__name__}") from error
        except ValueError as error:
            raise EngineFailed(f"{server} sent half an answer, or none in JSON") from error


_WITH_SEGMENTS: Mapping[str, Any] = {
    "response_format": "verbose_json",
    "timestamp_granularities": ["word", "segment"],
}


def _judgeable(answer: Mapping[str, Any], seconds: float, language: str | None) -> Hearing:
    """What the answer tells of each segment; servers leave out what they do not know."""
    found = answer.get("segments")
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        return _plain(answer, seconds, language)
    words = [
        Word(str(each.get("word", "")).strip(), _number(each, "start"), _number(each, "end"))
        for each in answer.get("words") or ()
    ]
    segments: list[Segment] = []
    for each in found:
        text, end_s = str(each.get("text", "")), _number(each, "end", seconds)
        belonging = [word for word in words if word.start_s < end_s]
        words = words[len(belonging) :]
        segments.append(
            Segment(
                text if text.startswith(" ") or not segments else f" {text}",
                _number(each, "start"),
                end_s,
                _number(each, "avg_logprob", _UNTOLD),
                _number(each, "compression_ratio", compression_of(text)),
                _number(each, "no_speech_prob"),
                tuple(belonging),
            )
        )
    return Hearing(tuple(segments), _code(answer.get("language"), language))


def _plain(answer: Mapping[str, Any], seconds: float, language: str | None) -> Hearing:
    text = str(answer["text"])
    segment = Segment(f" {text}", 0.0, seconds, _UNTOLD, compression_of(text), 0.0)
    segments = (segment,) if text.strip() else ()
    return Hearing(segments, _code(answer.get("language"), language))


def _number(of: Mapping[str, Any], name: str, otherwise: float = 0.0) -> float:
    value = of.get(name)
    return float(value) if isinstance(value, int | float) else otherwise


def _code(told: object, asked: str | None) -> str:
    """ISO 639-1, of a code or of an English name."""
    named = str(told or "").lower()
    return TO_LANGUAGE_CODE.get(named, named if len(named) == 2 else asked or "")
