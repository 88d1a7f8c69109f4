from __future__ import annotations

import hashlib
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ondevice.errors import DataError
from ondevice.evaluation.suites import SUITES
from ondevice.evaluation.suites.homes import HOMES, Home, fetch
from ondevice.files import cache_folder

CONTENT = b'{"a": 1}\n'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(404 if "missing" in self.path else 200)
            self.end_headers()
            self.wfile.write(CONTENT)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}", asked
        running.shutdown()


def test_a_file_is_fetched_once(server: tuple[str, list[str]], tmp_path: Path) -> None:
    address, asked = server
    home = Home(f"{address}/v1/file.jsonl", hashlib.sha256(CONTENT).hexdigest())
    path = fetch(home, tmp_path / "kept")
    assert path.read_bytes() == CONTENT
    assert fetch(home, tmp_path / "kept") == path
    assert asked == ["/v1/file.jsonl"]
    path.write_bytes(b"damaged")
    assert fetch(home, tmp_path / "kept").read_bytes() == CONTENT


def test_another_file_is_refused(server: tuple[str, list[str]], tmp_path: Path) -> None:
    address, _ = server
    with pytest.raises(DataError, match=r"its SHA-256 is .*, not 0000"):
        fetch(Home(f"{address}/file.jsonl", "0" * 64), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ["{}/missing.jsonl", "http://127.0.0.1:9/x.jsonl"])
def test_what_cannot_be_fetched(
    address: str, server: tuple[str, list[str]], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"cannot be fetched from http.*by --file"):
        fetch(Home(address.format(server[0])), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_every_published_suite_has_a_home() -> None:
    published = [name for name in SUITES if not name.startswith(("everyday", "edits"))]
    for name in published:
        home = HOMES[name.partition("-complete")[0].partition("-instruct")[0]]
        assert home.url.startswith("https://")
        assert "/main/" not in home.url
        assert "/master/" not in home.url


def test_the_cache_can_be_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ONDEVICE_CACHE", str(tmp_path / "here"))
    assert cache_folder() == tmp_path / "here"
    monkeypatch.delenv("ONDEVICE_CACHE")
    assert cache_folder().name == "ondevice"
