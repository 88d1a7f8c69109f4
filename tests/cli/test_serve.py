"""``ondevice serve`` as a program: it says where it is, and ends as it is told."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from ondevice.cli.app import main
from ondevice.cli.exits import UNUSABLE, USAGE


@contextmanager
def serving(*arguments: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "ondevice.cli", "serve", "--port", "0", *arguments]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, env={**os.environ, **environment}
    ) as process:
        assert process.stderr
        line = process.stderr.readline()
        found = re.search(r"http://[\w.:\[\]]+", line)
        assert found, line + process.stderr.read()
        try:
            yield process, found[0]
        finally:
            process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such signals")
@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(sign: signal.Signals) -> None:
    with serving() as (process, url):
        body = {"prompt": "write fizzbuzz"}
        found = httpx.post(f"{url}/v1/completions", json=body, timeout=60).json()
        assert "Fizz" in found["choices"][0]["text"]
        process.send_signal(sign)
        assert process.wait(20) == 0
        assert process.stderr
        assert process.stderr.read() == ""


def test_a_token_from_the_environment_and_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from-a-file\n")
    for arguments, token in (((), "from-outside"), (("--token-file", str(file)), "from-a-file")):
        with serving(*arguments, ONDEVICE_API_KEY="from-outside") as (_, url):
            assert httpx.get(f"{url}/v1/models").status_code == 401
            headers = {"authorization": f"Bearer {token}"}
            assert httpx.get(f"{url}/v1/models", headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (("--host", "0.0.0.0"), USAGE, "token"),
        (("--host", "no such host"), USAGE, "token"),
        (("--token-file", "nowhere"), USAGE, "nowhere"),
        (("--model", "nowhere"), UNUSABLE, "nowhere"),
        (("--port", "99999"), USAGE, "65535"),
    ],
)
def test_what_cannot_be_served(
    arguments: tuple[str, ...],
    code: int,
    why: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ONDEVICE_API_KEY", raising=False)
    assert main(["serve", *arguments]) == code
    assert why in capsys.readouterr().err


def test_a_port_that_is_taken(capsys: pytest.CaptureFixture[str]) -> None:
    with serving() as (_, url):
        port = url.rpartition(":")[2]
        assert main(["serve", "--port", port]) == USAGE
        assert f"port {port}" in capsys.readouterr().err


def test_a_package_that_is_missing() -> None:
    """In a process of its own: what is imported anew here would be another's in later tests."""
    code = "import sys; sys.modules['uvicorn'] = None; from ondevice.cli import main; "
    command = [sys.executable, "-c", code + "sys.exit(main(['serve']))"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == UNUSABLE
    assert "pip install 'ondevice[serve]'" in done.stderr
