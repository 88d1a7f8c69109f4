"""Checkpoints by their names on the hub, by the real client against a hub on loopback."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ondevice.errors import ModelNotFoundError
from ondevice.export.hub import locate, read_license

SHA = "5eed" * 10
CARD = b"---\nlicense: mit\ntags: [code]\n---\n# A model\n"
FILES = {
    "config.json": b"{}",
    "README.md": CARD,
    "pytorch_model.bin": b"the same as pickle",
    "onnx/config.json": b"something else",
    "consolidated.safetensors": b"all once more",
}
MODELS = {
    "org/safe": FILES | {"model.safetensors": b"weights"},
    "org/pickled": FILES,
}


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as ``snapshot_download`` asks for."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = self.path.strip("/").split("/")
        if parts[:2] == ["api", "models"]:
            self._answer_for("/".join(parts[2:4]), parts[5] if len(parts) > 5 else "main")
        else:
            self._send_file("/".join(parts[:2]), "/".join(parts[4:]))

    def _answer_for(self, name: str, revision: str) -> None:
        if name == "org/gated":
            self._refuse(403, "GatedRepo")
        elif name not in MODELS:
            self._refuse(404, "RepoNotFound")
        elif revision not in ("main", SHA):
            self._refuse(404, "RevisionNotFound")
        else:
            siblings = [{"rfilename": path} for path in MODELS[name]]
            self._send(json.dumps({"id": name, "sha": SHA, "siblings": siblings}).encode())

    def _send_file(self, name: str, path: str) -> None:
        content = MODELS[name][path]
        etag = hashlib.sha1(content).hexdigest()
        self._send(content, {"ETag": f'"{etag}"', "X-Repo-Commit": SHA})

    def _refuse(self, code: int, reason: str) -> None:
        self.send_response(code)
        self.send_header("X-Error-Code", reason)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(200)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def locate_there(name: str, cache: Path, endpoint: str, **more: str) -> tuple[Path, str] | str:
    """Locate a name in a process of its own, since the client reads its variables once."""
    code = (
        "import sys\nfrom ondevice.errors import OndeviceError\n"
        "from ondevice.export.hub import locate\n"
        "try:\n    found = locate(sys.argv[1])\n    print(found.folder, found.source, sep='|')\n"
        "except OndeviceError as error:\n    print('refused', error)\n"
    )
    hub = {"HF_ENDPOINT": endpoint, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1", **more}
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")} | hub
    command = [sys.executable, "-c", code, name]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    answer = done.stdout.strip()
    if answer.startswith("refused"):
        return answer
    folder, _, source = answer.partition("|")
    return Path(folder), source


def test_a_name_is_fetched_into_the_hubs_cache(endpoint: str, tmp_path: Path) -> None:
    found = locate_there("org/safe", tmp_path, endpoint)
    assert not isinstance(found, str)
    folder, source = found
    assert source == f"org/safe@{SHA}"
    assert folder.is_relative_to(tmp_path)
    assert {path.name for path in folder.iterdir()} == {
        *("config.json", "README.md", "model.safetensors")
    }
    assert read_license(folder) == "mit"
    again = locate_there("org/safe", tmp_path, endpoint, HF_HUB_OFFLINE="1")
    assert again == (folder, "org/safe@" + SHA)


def test_weights_of_torch_save_where_there_are_no_others(endpoint: str, tmp_path: Path) -> None:
    found = locate_there(f"org/pickled@{SHA}", tmp_path, endpoint)
    assert not isinstance(found, str)
    assert (found[0] / "pytorch_model.bin").read_bytes() == FILES["pytorch_model.bin"]


@pytest.mark.parametrize(
    ("name", "offline", "message"),
    [
        ("org/nothing", "0", "the hub has no model of that name"),
        ("org/gated", "0", "accepted its terms"),
        ("org/safe@v9", "0", "no revision v9"),
        ("org/safe", "1", "not in the hub's cache, and the hub cannot be reached"),
        ("a/b/c", "0", "no checkpoint at a/b/c"),
    ],
)
def test_what_cannot_be_had(
    endpoint: str, tmp_path: Path, name: str, offline: str, message: str
) -> None:
    answer = locate_there(name, tmp_path, endpoint, HF_HUB_OFFLINE=offline)
    assert isinstance(answer, str)
    assert message in answer


def test_no_hub_at_all(tmp_path: Path) -> None:
    answer = locate_there("org/safe", tmp_path, "http://127.0.0.1:9")
    assert isinstance(answer, str)
    assert "org/safe" in answer
    assert "reached" in answer


def test_a_folder_wins_over_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org" / "safe").mkdir(parents=True)
    assert locate("org/safe").folder == Path("org/safe")
    with pytest.raises(ModelNotFoundError, match="no checkpoint"):
        locate(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("card", "license"),
    [
        (None, None),
        ("no front matter", None),
        ("---\nlicense: other\nlicense_name: llama3.2\n---\n", "llama3.2"),
        ("---\nlicense: [mit]\n---\n", None),
        ("---\n: : :\n  - [\n---\n", None),
    ],
)
def test_licenses_of_cards(tmp_path: Path, card: str | None, license: str | None) -> None:
    if card is not None:
        (tmp_path / "README.md").write_text(card)
    assert read_license(tmp_path) == license
