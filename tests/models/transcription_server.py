"""A server that transcribes as OpenAI's does, on a free port: it says what it is told to.

It reads the form as such servers do, keeps what it was asked, and can fail in each of their ways.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import UploadFile

from models.audio import decode

KEY = "sk-right"


@dataclass
class TranscriptionServer:
    url: str = ""
    answer: dict[str, Any] = field(default_factory=dict)
    """What it answers where segments are asked for."""
    knows_segments: bool = True
    failures: list[int] = field(default_factory=list)
    """Status codes of the next answers; 0 breaks off in the middle."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    heard: list[np.ndarray] = field(default_factory=list)

    def app(self) -> FastAPI:
        app = FastAPI()

        @app.get("/v1/models")
        async def models(request: Request) -> Response:
            return self._refused(request) or JSONResponse({"object": "list", "data": []})

        @app.post("/v1/audio/transcriptions")
        async def transcriptions(request: Request) -> Response:
            if refused := self._refused(request):
                return refused
            form = await request.form()
            self.asked.append({k: v for k, v in form.multi_items() if k != "file"})
            if self.failures:
                status = self.failures.pop(0)
                if not status:
                    # Half of what was announced.
                    return Response('{"text": "Wo i', media_type="application/json")
                headers = {"retry-after": "0"}
                return JSONResponse({"error": {"message": "no"}}, status, headers)
            file = form["file"]
            assert isinstance(file, UploadFile)
            self.heard.append(decode(BytesIO(await file.read()).read(), limit_s=60))
            if form["response_format"] == "verbose_json":
                if not self.knows_segments:
                    return JSONResponse({"error": {"message": "response_format"}}, 400)
                return JSONResponse(self.answer)
            return JSONResponse({"text": self.answer["text"]})

        return app

    def _refused(self, request: Request) -> Response | None:
        if request.headers["authorization"] == f"Bearer {KEY}":
            return None
        return JSONResponse({"error": {"message": "Incorrect API key"}}, 401)


@contextmanager
def transcription_server() -> Iterator[TranscriptionServer]:
    server = TranscriptionServer()
    config = uvicorn.Config(server.app(), host="127.0.0.1", port=0, log_level="error")
    running = uvicorn.Server(config)
    socket = config.bind_socket()
    thread = threading.Thread(target=running.run, args=([socket],), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{socket.getsockname()[1]}/v1"
    try:
        yield server
    finally:
        running.should_exit = True
        thread.join()
