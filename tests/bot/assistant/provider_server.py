"""A server that speaks as Ollama, Anthropic or Google does, on a free port: it says what it is told
to, and fails in each of their ways.

Written from what the providers say of their streams and errors; it is read by their own packages:
https://docs.ollama.com/api/streaming, https://docs.ollama.com/api/errors,
https://platform.claude.com/docs/en/build-with-claude/streaming,
https://platform.claude.com/docs/en/api/errors,
https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent,
https://ai.google.dev/gemini-api/docs/troubleshooting
"""

import base64
import json
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

KEY = "sk-right"
GIVEN, WRITTEN = 900, 40
"""The tokens that it says an answer took."""
Body = dict[str, Any]


class Provider(ABC):
    """How one of them speaks. `how` it fails: `limited`, `overloaded`; or in the middle of an
    answer: `error inside`, `ends`, `hangs up`; empty where it does not."""

    line: str
    """What `assistant.model` names it by."""
    path: str
    media_type = "text/event-stream"

    def __init__(self) -> None:
        self.url = ""
        self.says = ""
        self.how = ""
        self.asked: list[Body] = []
        self.keys: list[str] = []

    @property
    def model(self) -> str:
        return self.line.partition(":")[2]

    @abstractmethod
    def key_in(self, request: web.Request) -> str: ...

    @abstractmethod
    def model_in(self, request: web.Request, body: Body) -> str: ...

    @abstractmethod
    def error(self, status: int) -> tuple[int, Body]:
        """The code and the body that it answers where others answer `status`."""

    @abstractmethod
    def frames(self, pieces: list[str]) -> Iterator[bytes]:
        """A whole answer as a stream; the last frame says how it ended."""

    @abstractmethod
    def error_inside(self) -> bytes:
        """What it says where it cannot go on."""

    def whole(self) -> Body | None:
        """The answer to a request that asked for no stream; None where all do."""
        return None

    @abstractmethod
    def images(self) -> list[bytes]:
        """What the last request showed."""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        self.keys.append(self.key_in(request))
        failing = {"limited": 429, "overloaded": 503}.get(self.how, 0)
        if self.keys[-1] != KEY:
            failing = 401
        elif self.model_in(request, body) != self.model:
            failing = 404
        if failing:
            status, told = self.error(failing)
            return web.json_response(told, status=status)
        whole = self.whole()
        if whole and "stream" not in request.path and not body.get("stream"):
            return web.json_response(whole)
        return await self._stream(request)

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        pieces = [self.says[at : at + 6] for at in range(0, len(self.says), 6)]
        frames = list(self.frames(pieces))
        if self.how in ("error inside", "ends", "hangs up"):
            frames = frames[: len(frames) // 2]
        if self.how == "error inside":
            frames.append(self.error_inside())
        answer = web.StreamResponse(headers={"content-type": self.media_type})
        await answer.prepare(request)
        for frame in frames:
            await answer.write(frame)
        if self.how == "hangs up":
            assert request.transport
            request.transport.abort()
        return answer


class Ollama(Provider):
    line = "ollama:qwen3"
    path = "/api/chat"
    media_type = "application/x-ndjson"

    def key_in(self, request: web.Request) -> str:
        return request.headers.get("authorization", "").removeprefix("Bearer ")

    def model_in(self, request: web.Request, body: Body) -> str:
        return str(body["model"])

    def error(self, status: int) -> tuple[int, Body]:
        said = {
            401: "unauthorized",
            404: "model 'gone' not found",
            429: "too many concurrent requests",
            503: "server busy, please try again. maximum pending requests exceeded",
        }
        return status, {"error": said[status]}

    def frames(self, pieces: list[str]) -> Iterator[bytes]:
        for piece in pieces:
            yield self._frame(piece, done=False)
        yield self._frame(
            "",
            done=True,
            done_reason="stop",
            total_duration=4_883_583_458,
            load_duration=1_334_875,
            prompt_eval_count=GIVEN,
            prompt_eval_duration=342_546_000,
            eval_count=WRITTEN,
            eval_duration=4_535_599_000,
        )

    def _frame(self, piece: str, **rest: Any) -> bytes:
        message = {"role": "assistant", "content": piece}
        made = "2026-11-27T12:00:00.097767Z"
        frame = {"model": self.model, "created_at": made, "message": message, **rest}
        return json.dumps(frame).encode() + b"\n"

    def error_inside(self) -> bytes:
        return b'{"error":"an error was encountered while running the model: CUDA error"}\n'

    def images(self) -> list[bytes]:
        return [
            base64.b64decode(image)
            for message in self.asked[-1]["messages"]
            for image in message.get("images") or ()
        ]


class Anthropic(Provider):
    line = "anthropic:claude-haiku-4-5"
    path = "/v1/messages"

    def __init__(self) -> None:
        super().__init__()
        self.counts_again = True
        """Whether the last event says once more what went in."""

    def key_in(self, request: web.Request) -> str:
        assert request.headers["anthropic-version"]
        own = request.headers.get("x-api-key", "")
        return own or request.headers.get("authorization", "").removeprefix("Bearer ")

    def model_in(self, request: web.Request, body: Body) -> str:
        return str(body["model"])

    def error(self, status: int) -> tuple[int, Body]:
        kind, said = {
            401: ("authentication_error", "invalid x-api-key"),
            404: ("not_found_error", "model: gone"),
            429: ("rate_limit_error", "This request would exceed your rate limit"),
            503: ("overloaded_error", "Overloaded"),
        }[status]
        body = {"type": "error", "error": {"type": kind, "message": said}, "request_id": "req_1"}
        return (529 if status == 503 else status), body

    def frames(self, pieces: list[str]) -> Iterator[bytes]:
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "content": [],
            "model": self.model,
            "stop_reason": None,
            "stop_sequence": None,
            "usage": {"input_tokens": GIVEN, "output_tokens": 1},
        }
        yield self._event("message_start", message=message)
        yield self._event(
            "content_block_start", index=0, content_block={"type": "text", "text": ""}
        )
        yield self._event("ping")
        for piece in pieces:
            delta = {"type": "text_delta", "text": piece}
            yield self._event("content_block_delta", index=0, delta=delta)
        yield self._event("content_block_stop", index=0)
        ended = {"stop_reason": "end_turn", "stop_sequence": None}
        usage = {"input_tokens": GIVEN, "output_tokens": WRITTEN}
        if not self.counts_again:
            del usage["input_tokens"]
        yield self._event("message_delta", delta=ended, usage=usage)
        yield self._event("message_stop")

    def _event(self, kind: str, **rest: Any) -> bytes:
        return f"event: {kind}\ndata: {json.dumps({'type': kind, **rest})}\n\n".encode()

    def error_inside(self) -> bytes:
        return self._event("error", error={"type": "overloaded_error", "message": "Overloaded"})

    def whole(self) -> Body:
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "content": [{"type": "text", "text": "yes"}],
            "model": self.model,
            "stop_reason": "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 1},
        }

    def images(self) -> list[bytes]:
        blocks = [block for each in self.asked[-1]["messages"] for block in each["content"]]
        sources = [block["source"] for block in blocks if block["type"] == "image"]
        assert all(source["type"] == "base64" for source in sources)
        return [base64.b64decode(source["data"]) for source in sources]


class Google(Provider):
    line = "google_genai:gemini-2.5-flash"
    path = "/v1beta/models/{call}"

    def key_in(self, request: web.Request) -> str:
        return request.headers.get("x-goog-api-key", "")

    def model_in(self, request: web.Request, body: Body) -> str:
        return request.match_info["call"].partition(":")[0]

    def error(self, status: int) -> tuple[int, Body]:
        code, kind, said = {
            401: (400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
            404: (404, "NOT_FOUND", "models/gone is not found for API version v1beta"),
            429: (429, "RESOURCE_EXHAUSTED", "You exceeded your current quota"),
            503: (503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        }[status]
        told: Body = {"code": code, "message": said, "status": kind}
        if status == 401:
            info = "type.googleapis.com/google.rpc.ErrorInfo"
            told["details"] = [
                {"@type": info, "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
            ]
        return code, {"error": told}

    def frames(self, pieces: list[str]) -> Iterator[bytes]:
        for number, piece in enumerate(pieces, 1):
            last = number == len(pieces)
            yield self._frame(self._said(piece, WRITTEN if last else number, ended=last))

    def _said(self, text: str, written: int, *, ended: bool) -> Body:
        candidate: Body = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
        if ended:
            candidate["finishReason"] = "STOP"
        usage = {
            "promptTokenCount": GIVEN,
            "candidatesTokenCount": written,
            "totalTokenCount": GIVEN + written,
        }
        return {
            "candidates": [candidate],
            "usageMetadata": usage,
            "modelVersion": self.model,
            "responseId": "res_1",
        }

    def _frame(self, body: Body) -> bytes:
        return f"data: {json.dumps(body)}\r\n\r\n".encode()

    def error_inside(self) -> bytes:
        return self._frame(self.error(503)[1])

    def whole(self) -> Body:
        return self._said("yes", 1, ended=True)

    def images(self) -> list[bytes]:
        parts = [part for each in self.asked[-1]["contents"] for part in each["parts"]]
        return [
            base64.urlsafe_b64decode(part["inlineData"]["data"])
            for part in parts
            if "inlineData" in part
        ]


@asynccontextmanager
async def serving(provider: Provider) -> AsyncIterator[Provider]:
    application = web.Application()
    application.router.add_post(provider.path, provider.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    provider.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield provider
    finally:
        await runner.cleanup()
