"""A speech server that speaks OpenAI's protocol, on a real port: its voices hum."""

import json
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

import numpy as np

from models.audio import encode
from models.synthesizer import Speech

RATE_HZ = 24_000
VOICES = ("alloy", "nova", "shimmer")
SAMPLES_PER_LETTER = 800


class SpeechServer:
    """Answers until it is left. What it does wrong is set while it runs."""

    def __init__(self, voices: tuple[str, ...] | None = VOICES) -> None:
        self.voices = voices
        self.key = ""
        """The one that it takes; empty: any."""
        self.asked: list[dict[str, Any]] = []
        self.fault = ""
        """`silent`, `pauses`, `half`, `odd`, `json`, `empty`, or a status as `503`."""
        self.form = "pcm"
        """What it sends whatever is asked for: `pcm`, `wav`, `mp3`."""
        self.rate_hz = RATE_HZ
        self.go_on = threading.Event()
        """Where `fault` is `pauses`, the second half waits for this."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.go_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def spoken(text: str, voice: str, speed: float = 1.0, rate_hz: int = RATE_HZ) -> np.ndarray:
    """What the server says: float32 from -1 to 1."""
    length = int(len(text) * SAMPLES_PER_LETTER * rate_hz / RATE_HZ / speed)
    pitch_hz = 120 + 60 * VOICES.index(voice)
    turning = np.arange(length) * 2 * np.pi * pitch_hz / rate_hz
    whole: np.ndarray = (0.5 * np.sin(turning)).astype(np.float32)
    return whole


def _handler(server: SpeechServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            if not self._allowed():
                return
            if self.path == "/v1/audio/voices" and server.voices is not None:
                self._json(200, {"voices": list(server.voices)})
            else:
                self._json(404, {"error": {"message": "no such path"}})

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if not self._allowed():
                return
            server.asked.append(asked)
            if self.path != "/v1/audio/speech" or asked["model"] != "tts":
                self._json(404, {"error": {"message": "no such model"}})
            elif asked["voice"] not in VOICES:
                self._json(400, {"error": {"message": f"no voice {asked['voice']}"}})
            elif server.fault.isdigit():
                self._json(int(server.fault), {"error": {"message": f"no: {asked['input']}"}})
            elif server.fault == "silent":
                server.go_on.wait(30)
            elif server.fault == "json":
                self._json(200, {"status": "queued"})
            else:
                self._speak(asked)

        def _allowed(self) -> bool:
            given = self.headers.get("authorization", "").removeprefix("Bearer ")
            if server.key and given != server.key:
                self._json(401, {"error": {"message": f"wrong key {given}"}})
                return False
            return True

        def _speak(self, asked: dict[str, Any]) -> None:
            samples = spoken(
                asked["input"], asked["voice"], asked.get("speed", 1.0), server.rate_hz
            )
            kind, data = self._formed(samples)
            if server.fault == "empty":
                data = b""
            if server.fault == "odd":
                data += b"\0"
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            half = len(data) // 2 // 2 * 2
            self._chunk(data[:half])
            if server.fault == "half":
                self.close_connection = True
                return
            if server.fault == "pauses":
                server.go_on.wait(30)
            with suppress(ConnectionError):  # whoever asked may have left
                self._chunk(data[half:])
                self.wfile.write(b"0\r\n\r\n")

        def _formed(self, samples: np.ndarray) -> tuple[str, bytes]:
            speech = Speech(samples, server.rate_hz)
            match server.form:
                case "wav":
                    return "audio/wav", encode(speech, "wav", "pcm_s16le", server.rate_hz)
                case "mp3":
                    return "audio/mpeg", encode(speech, "mp3", "libmp3lame", server.rate_hz)
                case _:
                    return "audio/pcm", (samples * 32767).astype("<i2").tobytes()

        def _chunk(self, data: bytes) -> None:
            if data:
                self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
                self.wfile.flush()

        def _json(self, status: int, said: object) -> None:
            data = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler
