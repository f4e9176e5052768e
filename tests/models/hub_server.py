"""A model hub on this machine: what `huggingface_hub` asks of one, and how one may fail."""

import hashlib
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

COMMIT = "5" * 40
_LARGE = (".safetensors", ".bin", ".onnx", ".pt")
"""Endings of files that a repository keeps apart (git LFS), known by their SHA-256."""


@dataclass
class Hub:
    """What it has, and how it behaves."""

    repositories: dict[str, Mapping[str, bytes]] = field(default_factory=dict)
    licences: dict[str, str] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    """Files at plain addresses: `/voice.onnx`."""
    refused: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Repository → the HTTP status and error code that it is refused with."""
    damaged: set[str] = field(default_factory=set)
    """Last parts of the addresses whose content is not what was announced."""
    breaks: dict[str, list[int]] = field(default_factory=dict)
    """Last part of an address → after how many bytes the connection breaks, once for each."""
    asked: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path and range of every request."""
    authorization: list[str] = field(default_factory=list)
    url: str = ""

    def publish(self, name: str, folder: Path) -> None:
        """A folder as a repository."""
        self.repositories[name] = {
            str(path.relative_to(folder)): path.read_bytes()
            for path in folder.rglob("*")
            if path.is_file()
        }

    def fetched(self, ending: str) -> list[str]:
        """The ranges in which contents were asked for."""
        return [
            span for method, path, span in self.asked if method == "GET" and path.endswith(ending)
        ]


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub, at `hub.url` as long as this lasts."""

    class Handler(_Handler):
        served = hub

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield hub
        server.shutdown()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    served: Hub
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        hub = self.served
        path = urlsplit(self.path).path
        hub.asked.append((self.command, path, self.headers.get("Range", "")))
        hub.authorization.append(self.headers.get("Authorization", ""))
        if found := re.fullmatch(r"/api/models/(.+?)(?:/(revision|tree)/([^/]+))?", path):
            self._describe(found[1], found[2] or "revision", found[3] or "main")
        elif found := re.fullmatch(r"/(.+)/resolve/([^/]+)/(.+)", path):
            self._resolve(found[1], found[2], found[3])
        elif path in hub.files:
            self._send(hub.files[path], {})
        else:
            self._refuse(404, "")

    do_HEAD = do_GET

    def _describe(self, name: str, what: str, revision: str) -> None:
        files = self._repository(name, revision)
        if files is None:
            return
        described = [_described(path, data) for path, data in sorted(files.items())]
        answer: Any = [
            {"type": "file", "path": each.pop("rfilename"), "oid": each.pop("blobId"), **each}
            if what == "tree"
            else each
            for each in described
        ]
        if what == "revision":
            licence = self.served.licences.get(name)
            card = {"license": licence} if licence else {}
            answer = {"id": name, "sha": COMMIT, "siblings": answer, "tags": [], "cardData": card}
        self._send(json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _resolve(self, name: str, revision: str, path: str) -> None:
        files = self._repository(name, revision)
        if files is None:
            return
        if path not in files:
            self._refuse(404, "EntryNotFound")
            return
        described = _described(path, files[path])
        tag = described["lfs"]["oid"] if "lfs" in described else described["blobId"]
        self._send(files[path], {"ETag": f'"{tag}"', "X-Repo-Commit": COMMIT})

    def _repository(self, name: str, revision: str) -> Mapping[str, bytes] | None:
        hub = self.served
        if name in hub.refused:
            self._refuse(*hub.refused[name])
        elif name not in hub.repositories:
            self._refuse(401, "RepoNotFound")  # as the real one says to strangers
        elif revision not in ("main", COMMIT):
            self._refuse(404, "RevisionNotFound")
        else:
            return hub.repositories[name]
        return None

    def _refuse(self, status: int, code: str) -> None:
        self.send_response(status)
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, data: bytes, headers: Mapping[str, str]) -> None:
        name = self.path.rpartition("/")[2]
        start = 0
        if span := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = int(span[1])
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        if self.command == "HEAD":
            return
        body = data[start:]
        if name in self.served.damaged:
            body = bytes(len(body))
        if breaks := self.served.breaks.get(name):
            self.wfile.write(body[: breaks.pop(0)])
            self.close_connection = True
            return
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quietly."""


def _described(path: str, data: bytes) -> dict[str, Any]:
    blob = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    described: dict[str, Any] = {"rfilename": path, "size": len(data), "blobId": blob}
    if path.endswith(_LARGE):
        digest = hashlib.sha256(data).hexdigest()
        described["lfs"] = {
            "size": len(data), "oid": digest, "sha256": digest, "pointerSize": 130
        }  # fmt: skip
    return described
