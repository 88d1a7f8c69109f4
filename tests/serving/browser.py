"""A headless Chromium, driven through the pipe of its DevTools protocol."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "google-chrome", "chrome"))), None)
USABLE = CHROMIUM is not None and sys.platform != "win32"
_SWITCHES = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-sync", "--disable-component-update"),
    *("--hide-scrollbars", "--remote-debugging-pipe", "about:blank"),
)
_KEYS = {"Enter": 13, "Escape": 27, "Tab": 9}


class Page:
    """One tab; ``complaints`` are what it wrote to its console, and errors that nobody caught."""

    def __init__(self, into: Any, out: Any) -> None:
        self._into = into
        self._out = out
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self.complaints: list[str] = []
        target = self("Target.createTarget", url="about:blank")["targetId"]
        self._session = self("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self(f"{domain}.enable")
        self("Emulation.setFocusEmulationEnabled", enabled=True)

    def __call__(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol, and return its result."""
        number = next(self._numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._into.write(json.dumps(message).encode() + b"\0")
        self._into.flush()
        while True:
            found = self._receive()
            if found.get("id") == number:
                assert "error" not in found, found
                result: dict[str, Any] = found["result"]
                return result

    def open(self, url: str, width: int = 1280, *, dark: bool = False) -> None:
        """Show an address in a window of some width."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self("Emulation.setEmulatedMedia", features=[scheme])
        self("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def value(self, expression: str) -> Any:
        """Return what an expression of JavaScript comes to, as JSON."""
        found = self(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def wait(self, expression: str, seconds: float = 30.0) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.value(f"Boolean({expression})"):
            assert time.monotonic() < end, f"it never came to {expression}"
            time.sleep(0.02)

    def type(self, text: str) -> None:
        """Type where the focus is."""
        self("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press a key, and let it go."""
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            code = {"windowsVirtualKeyCode": _KEYS[key]}
            pressed = text if kind == "keyDown" else {}
            self("Input.dispatchKeyEvent", type=kind, key=key, code=key, **code, **pressed)

    def screenshot(self, file: Path) -> None:
        """Write a picture of the whole page."""
        found = self("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(found["data"]))

    def _receive(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self._out.read(1)) != b"\0":
            assert byte, "the browser has gone"
            text += byte
        found: dict[str, Any] = json.loads(text)
        if found.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(found["params"]))
        if found.get("method") == "Log.entryAdded":
            self.complaints.append(found["params"]["entry"]["text"])
        return found


@contextlib.contextmanager
def browser(profile: Path) -> Iterator[Page]:
    """Run a browser, and give a tab of it."""
    assert CHROMIUM
    its_in, our_out = os.pipe()
    our_in, its_out = os.pipe()

    def prepare() -> None:
        # First out of the way of each other, then to where the protocol wants them.
        copies = [os.dup(its_in), os.dup(its_out)]
        for copy, wanted in zip(copies, (3, 4), strict=True):
            os.dup2(copy, wanted)

    process = subprocess.Popen(
        [CHROMIUM, f"--user-data-dir={profile}", *_SWITCHES],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=(3, 4),
        preexec_fn=prepare,
    )
    os.close(its_in)
    os.close(its_out)
    with process, os.fdopen(our_out, "wb") as into, os.fdopen(our_in, "rb") as out:
        page = Page(into, out)
        try:
            yield page
        finally:
            page._session = None
            with contextlib.suppress(AssertionError, OSError):
                page("Browser.close")
