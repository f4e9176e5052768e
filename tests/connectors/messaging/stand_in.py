"""A provider's API on a real socket, as far as a test needs it: it answers and fails as it is told
to, and remembers what it was asked."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route


@dataclass
class Call:
    """One request, with its whole body."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    form: dict[str, Any] = field(default_factory=dict)
    """Of a multipart or URL-encoded body: names → texts, or `(file name, bytes)`."""

    def json(self) -> Any:
        return json.loads(self.body)


Handler = Callable[[Call], Awaitable[Response] | Response]


class StandIn:
    """`answer` sets what a path answers; `fail` what it answers first."""

    def __init__(self) -> None:
        self.url = ""
        self.calls: list[Call] = []
        self._handlers: dict[tuple[str, str], Handler] = {}
        self._failures: list[tuple[str, Response]] = []
        self._changed = asyncio.Condition()

    def answer(self, method: str, path: str, handler: Handler | dict[str, Any] | bytes) -> None:
        """What a path answers from now on: JSON, bytes, or what a function of the call makes."""
        if callable(handler):
            made = handler
        elif isinstance(handler, bytes):
            body = handler

            def made(_: Call) -> Response:
                return Response(body, media_type="application/octet-stream")
        else:
            found = handler

            def made(_: Call) -> Response:
                return JSONResponse(found)

        self._handlers[method, path] = made

    def fail(self, path: str, response: Response, times: int = 1) -> None:
        """Answer the next requests to a path with this instead."""
        self._failures += [(path, response)] * times

    def made(self, path: str, where: Callable[[Call], bool] = lambda _: True) -> list[Call]:
        """The calls to a path so far; of those, the ones `where` something holds."""
        return [call for call in self.calls if call.path == path and where(call)]

    async def wait(
        self,
        path: str,
        count: int = 1,
        timeout_s: float = 30,
        where: Callable[[Call], bool] = lambda _: True,
    ) -> list[Call]:
        """The calls to a path, once there are as many."""
        async with asyncio.timeout(timeout_s), self._changed:
            await self._changed.wait_for(lambda: len(self.made(path, where)) >= count)
        return self.made(path, where)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["StandIn"]:
        """On a free port of the loopback interface, until left."""
        methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
        app = Starlette(routes=[Route("/{path:path}", self._take, methods=methods)])
        config = uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None, lifespan="off")
        server = _Quiet(config)
        task = asyncio.create_task(server.serve())
        await server.ready.wait()
        self.url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.should_exit = True
            server.force_exit = True
            await task

    async def _take(self, request: Request) -> Response:
        call = Call(
            request.method,
            request.url.path,
            dict(request.query_params),
            dict(request.headers),
            await request.body(),
        )
        kind = request.headers.get("content-type", "")
        if kind.startswith(("multipart/form-data", "application/x-www-form-urlencoded")):
            for name, value in (await request.form()).multi_items():
                shown = value if isinstance(value, str) else (value.filename, await value.read())
                call.form[name] = shown
        async with self._changed:
            self.calls.append(call)
            self._changed.notify_all()
        for place, (path, response) in enumerate(self._failures):
            if path == call.path:
                del self._failures[place]
                return response
        handler = self._handlers.get((call.method, call.path))
        if handler is None:
            return JSONResponse({"error": f"no {call.method} {call.path}"}, 404)
        answer = handler(call)
        return answer if isinstance(answer, Response) else await answer


class _Quiet(uvicorn.Server):
    """Says when it listens, and leaves the process's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    async def serve(self, sockets: list[Any] | None = None) -> None:
        await self._serve(sockets)


def never_ending(first: bytes, more: asyncio.Event) -> Response:
    """A body that begins and then stops coming, until the event is set."""

    async def pieces() -> AsyncIterator[bytes]:
        yield first
        await more.wait()

    return StreamingResponse(pieces())
