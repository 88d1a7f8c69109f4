"""A hub on loopback: as much of the Hugging Face hub's HTTP interface as its client needs, and ways
in which a hub and the way to it fail."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TOKEN = "hf_abcdefghijklmnopqrstuvwxyzabcdefgh"


@dataclass
class Hub:
    """What one repository holds, and what goes wrong with it; tests change it as they go on."""

    repository: str
    files: dict[str, bytes]
    license: str = "apache-2.0"
    commit: str = COMMIT
    gated: bool = False
    """Give nothing without ``TOKEN``."""
    missing: set[str] = field(default_factory=set)
    """Files that are announced and then not found."""
    lies: dict[str, bytes] = field(default_factory=dict)
    """What comes instead of a file."""
    cut_after: list[int] = field(default_factory=list)
    """Bytes after which a connection is cut, one for each of the next downloads."""
    pause: float = 0.0
    """Seconds before each piece of a file."""
    status: int = 0
    """What every request is answered with, if it is not 0."""
    ranges: list[str | None] = field(default_factory=list)
    """The range of each download that was asked for."""
    requests: list[str] = field(default_factory=list)
    endpoint: str = ""

    def sha256(self, path: str) -> str:
        return hashlib.sha256(self.files[path]).hexdigest()

    def is_large(self, path: str) -> bool:
        """Tell whether the hub keeps a file in its store for large files."""
        return path.endswith((".gguf", ".safetensors", ".bin"))

    def etag(self, path: str) -> str:
        content = self.files[path]
        if self.is_large(path):
            return self.sha256(path)
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

    def info(self) -> dict[str, Any]:
        siblings = [
            {
                "rfilename": path,
                "size": len(content),
                "blobId": self.etag(path),
                **(
                    {"lfs": {"sha256": self.sha256(path), "size": len(content), "pointerSize": 1}}
                    if self.is_large(path)
                    else {}
                ),
            }
            for path, content in self.files.items()
        ]
        return {
            "_id": "1",
            "id": self.repository,
            "modelId": self.repository,
            "sha": self.commit,
            "private": False,
            "gated": "manual" if self.gated else False,
            "disabled": False,
            "tags": [],
            "downloads": 0,
            "likes": 0,
            "cardData": {"license": self.license},
            "siblings": siblings,
        }


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    """Serve a hub while the block runs, at its ``endpoint``."""
    handler = type("BoundHandler", (_Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.endpoint = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"
    _PIECE = 16 * 1024

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self) -> None:
        hub = self.hub
        hub.requests.append(f"{self.command} {self.path}")
        path = self.path.partition("?")[0]
        name = re.escape(hub.repository)
        if hub.status:
            return self._refuse(hub.status)
        if match := re.fullmatch(rf"/api/models/{name}/revision/([^/]+)", path):
            return self._info(match[1])
        if match := re.fullmatch(rf"/{name}/resolve/([^/]+)/(.+)", path):
            return self._file(match[1], match[2])
        return self._refuse(401 if "Authorization" not in self.headers else 404, "RepoNotFound")

    def _may(self) -> bool:
        if not self.hub.gated or self.headers.get("Authorization") == f"Bearer {TOKEN}":
            return True
        self._refuse(401, "GatedRepo")
        return False

    def _info(self, revision: str) -> None:
        if not self._known(revision) or (self.hub.gated and not self._may()):
            return
        content = json.dumps(self.hub.info()).encode()
        self._begin(200, len(content), {"Content-Type": "application/json"})
        self.wfile.write(content)

    def _known(self, revision: str) -> bool:
        if revision in ("main", self.hub.commit):
            return True
        self._refuse(404, "RevisionNotFound")
        return False

    def _file(self, revision: str, path: str) -> None:
        hub = self.hub
        if not self._known(revision) or not self._may():
            return
        if path not in hub.files or path in hub.missing:
            self._refuse(404, "EntryNotFound")
            return
        content = hub.lies.get(path, hub.files[path])
        headers = {"ETag": f'"{hub.etag(path)}"', "X-Repo-Commit": hub.commit}
        headers["Accept-Ranges"] = "bytes"
        if self.command == "HEAD":
            self._begin(200, len(content), headers)
            return
        self._send(content, headers)

    def _send(self, content: bytes, headers: dict[str, str]) -> None:
        hub, wanted = self.hub, self.headers.get("Range")
        hub.ranges.append(wanted)
        start = int(wanted.removeprefix("bytes=").partition("-")[0]) if wanted else 0
        if wanted:
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        self._begin(206 if wanted else 200, len(content) - start, headers)
        cut = hub.cut_after.pop(0) if hub.cut_after else len(content)
        end = min(len(content), start + cut)
        for place in range(start, end, self._PIECE):
            time.sleep(hub.pause)
            try:
                self.wfile.write(content[place : min(end, place + self._PIECE)])
            except ConnectionError:
                break
        if end < len(content):
            self.close_connection = True

    def _begin(self, status: int, length: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def _refuse(self, status: int, code: str = "") -> None:
        headers = {"X-Error-Code": code, "X-Error-Message": code} if code else {}
        self._begin(status, 0, headers)
