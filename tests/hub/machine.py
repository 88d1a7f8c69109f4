"""Runs commands of ``ondevice`` in a process of their own, which has read its environment anew.

The hub's client does so when it is imported; one process for many commands imports it once.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Ran(NamedTuple):
    """What came of a command."""

    code: int
    out: str
    err: str


class Machine:
    """A process with a home folder of its own, and a hub at ``endpoint``."""

    def __init__(self, endpoint: str, home: Path, **environment: str) -> None:
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("HF_")},
            "HF_ENDPOINT": endpoint,
            "HF_HOME": str(home / "hf"),
            "HF_HUB_DOWNLOAD_TIMEOUT": "5",
            "ONDEVICE_DATA": str(home / "data"),
            "PYTHONPATH": str(ROOT),
            **environment,
        }
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.hub.machine"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=self._environment,
            cwd=ROOT,
            text=True,
        )

    def begin(self, *arguments: str, **environment: str) -> None:
        """Have a command begin; ``environment`` is for it alone."""
        assert self._process.stdin
        print(json.dumps([arguments, environment]), file=self._process.stdin, flush=True)

    def end(self) -> Ran:
        """Wait for the command that began, and return what came of it."""
        assert self._process.stdout
        return Ran(*json.loads(self._process.stdout.readline()))

    def run(self, *arguments: str, **environment: str) -> Ran:
        """Run a command."""
        self.begin(*arguments, **environment)
        return self.end()

    def kill(self) -> None:
        """End the process at once, whatever it is at."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            assert stream
            with contextlib.suppress(OSError):
                stream.close()
        self._process.wait()


def _serve() -> None:
    from ondevice.catalogue import hub
    from ondevice.cli import main

    hub.PAUSE_SECONDS = 0.01
    answers = sys.stdout
    for line in sys.stdin:
        arguments, environment = json.loads(line)
        before = dict(os.environ)
        os.environ.update(environment)
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main(arguments)
        os.environ.clear()
        os.environ.update(before)
        print(json.dumps([code, out.getvalue(), err.getvalue()]), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
