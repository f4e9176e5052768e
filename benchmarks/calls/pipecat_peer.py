"""Pipecat at its defaults, with the desk's Moonshine and espeak as its services; runs in a virtual
environment of its own (see `peer.py`). Prints the URL when it is ready, and before it that of its
sound.

Its Silero VAD and Smart Turn v3 are as they come, and so are its WebSocket transport, its user
aggregator and its base classes of services. In place of a language model, a processor answers
whatever was said with one short sentence: it does less than a desk, which understands, looks up and
writes down. Frames are raw PCM of 16 bits at 16 kHz, both ways; what the measuring caller needs to
know of turns is told in frames of text.
"""

import asyncio
import json
import signal
import socket
import sys
from collections.abc import AsyncGenerator, AsyncIterator

import numpy as np
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    MetricsFrame,
    OutputAudioRawFrame,
    OutputTransportMessageUrgentFrame,
    TranscriptionFrame,
    TTSSpeakFrame,
)
from pipecat.metrics.metrics import TurnMetricsData
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transcriptions.language import Language
from pipecat.transports.websocket.server import (
    SingleClientWebsocketServerParams,
    SingleClientWebsocketServerTransport,
)
from pipecat.utils.time import time_now_iso8601
from pipecat.workers.runner import WorkerRunner

from models.espeak import Espeak
from models.moonshine_decoder import MoonshineDecoder
from models.published import published_file

RATE_HZ = 16_000
GREETING = "Hello, how can I help you?"
ANSWER = "Let me look into that."
_DECODER = "assets/tiny-en/decoder_model_merged.ort"


class Pcm(FrameSerializer):
    async def serialize(self, frame: Frame) -> str | bytes | None:
        match frame:
            case OutputAudioRawFrame():
                return frame.audio
            case InterruptionFrame():
                return '{"type":"clear"}'
            case OutputTransportMessageUrgentFrame():
                return json.dumps(frame.message)
        return None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        return InputAudioRawFrame(data, RATE_HZ, 1) if isinstance(data, bytes) else None


class Moonshine(SegmentedSTTService):
    """As Pipecat's own service for Moonshine, which fetches other files of the same model."""

    def __init__(self) -> None:
        super().__init__(settings=STTSettings(model=None, language=Language.EN))
        self._decoder = MoonshineDecoder(
            published_file("moonshine_voice", _DECODER, remedy="").parent, threads=1
        )
        self._decoder.hear(np.zeros(RATE_HZ, np.float32))

    @property
    def wants_wav_segments(self) -> bool:
        return False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        samples = np.frombuffer(audio, np.int16).astype(np.float32) / np.float32(32768)
        heard = await asyncio.to_thread(self._decoder.hear, samples)
        if text := heard.text.strip():
            yield TranscriptionFrame(text, self._user_id, time_now_iso8601(), Language.EN)


class EspeakVoice(TTSService):
    def __init__(self) -> None:
        settings = TTSSettings(model=None, voice=None, language=None)
        super().__init__(push_start_frame=True, push_stop_frames=True, settings=settings)
        self._espeak = Espeak()
        list(self._espeak.synthesize(GREETING, "en"))

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        made = await asyncio.to_thread(lambda: list(self._espeak.synthesize(text, "en")))

        async def pieces() -> AsyncIterator[bytes]:
            for speech in made:
                yield (np.clip(speech.samples, -1, 1) * 32767).astype(np.int16).tobytes()

        async for frame in self._stream_audio_frames_from_iterator(
            pieces(), in_sample_rate=made[0].sample_rate_hz, context_id=context_id
        ):
            yield frame


class Answering(FrameProcessor):
    """In a language model's place."""

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self._tell({"type": "turn", "text": str(frame.context.messages[-1]["content"])})
            await self.push_frame(LLMFullResponseStartFrame())
            await self.push_frame(LLMTextFrame(ANSWER))
            await self.push_frame(LLMFullResponseEndFrame())
            return
        if isinstance(frame, MetricsFrame):
            for data in frame.data:
                if isinstance(data, TurnMetricsData):
                    await self._tell({"type": "judged", "complete": bool(data.is_complete)})
        await self.push_frame(frame, direction)

    async def _tell(self, message: dict[str, object]) -> None:
        await self.push_frame(OutputTransportMessageUrgentFrame(message=message))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


async def healthy(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
    await writer.drain()
    writer.close()


async def serve() -> None:
    port = free_port()
    transport = SingleClientWebsocketServerTransport(
        SingleClientWebsocketServerParams(
            serializer=Pcm(), audio_in_enabled=True, audio_out_enabled=True
        ),
        host="127.0.0.1",
        port=port,
    )
    user, assistant = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    worker = PipelineWorker(
        Pipeline(
            [
                transport.input(),
                Moonshine(),
                user,
                Answering(),
                EspeakVoice(),
                transport.output(),
                assistant,
            ]
        ),
        params=PipelineParams(audio_in_sample_rate=RATE_HZ, audio_out_sample_rate=RATE_HZ),
        enable_rtvi=False,
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_client_connected")
    async def greet(*_: object) -> None:
        await worker.queue_frames([TTSSpeakFrame(GREETING)])

    @transport.event_handler("on_websocket_ready")
    async def ready(*_: object) -> None:
        health = await asyncio.start_server(healthy, "127.0.0.1", 0)
        print(f"sound ws://127.0.0.1:{port}")
        print("http://{}:{}".format(*health.sockets[0].getsockname()), flush=True)

    runner = WorkerRunner(handle_sigint=False)
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, lambda: asyncio.create_task(runner.cancel())
    )
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    logger.remove()
    logger.add(sys.stdout, level="WARNING")
    asyncio.run(serve())
