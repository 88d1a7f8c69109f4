"""Run a program in an interpreter of its own, with limits.

It gets isolated mode and a folder of its own that is home and place for temporary files at once,
with limits on its time, its memory and its output. Whatever it started is killed with it. That
protects against what goes wrong by itself: endless loops, floods, name clashes, forgotten
processes. It is no sandbox: a program that means harm can do it. Run only what a model wrote for
tasks that ask for nothing of the kind.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

TIMEOUT = 10.0
"""Seconds that a program may take."""
FILE = "program.py"
"""What the program is called in its folder, and so in its tracebacks."""
# KiB of memory, and blocks of a file, which the output is. What a system cannot limit (memory, on
# macOS) it runs without.
_LIMITS = "ulimit -v 4194304 2>/dev/null; ulimit -f 32768 2>/dev/null;"
_LIMITED = ["/bin/sh", "-c", f'{_LIMITS} exec "$0" "$@"'] if os.name == "posix" else []


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a program ended (``code`` None: out of time), and what it printed."""

    code: int | None
    stdout: str
    stderr: str
    timeout: float = TIMEOUT

    @property
    def failure(self) -> str:
        """Why the program did not end well, in one line; empty if it did."""
        if self.code is None:
            return f"ran for more than {self.timeout:g} s"
        last_line = self.stderr.strip().rpartition("\n")[2][:200]
        return "" if self.code == 0 else last_line or f"exit code {self.code}"


def run_to_the_end(program: str, *, stdin: str = "", timeout: float = TIMEOUT) -> Outcome | None:
    """Run a program; return None if it came to its last line, else its outcome.

    One that exits early by itself has not come there, whatever its exit code.
    """
    # Written after the last line, and not to be guessed.
    token = secrets.token_hex(16)
    last = f"__import__('os').write(1, b'{token}')\n"
    outcome = run_program(f"{program}\n{last}", stdin=stdin, timeout=timeout)
    return None if outcome.code == 0 and token in outcome.stdout else outcome


def run_program(program: str, *, stdin: str = "", timeout: float = TIMEOUT) -> Outcome:
    """Run a program and return how it ended. Raises ``OSError`` when it cannot be started."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as error,
    ):
        path = Path(folder, FILE)
        path.write_text(program, encoding="utf-8", newline="\n")
        given.write(stdin.encode())
        given.seek(0)
        # Files, not pipes: a child that keeps a pipe open would keep the judge waiting.
        process = subprocess.Popen(
            [*_LIMITED, sys.executable, "-I", "-X", "utf8", str(path)],
            stdin=given,
            stdout=output,
            stderr=error,
            cwd=folder,
            env=os.environ | dict.fromkeys(("HOME", "USERPROFILE", "TMPDIR", "TEMP"), folder),
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _kill_all(process)
        return Outcome(code, _content(output), _content(error), timeout)


def _kill_all(process: subprocess.Popen[bytes]) -> None:
    """Kill the process and all that it started, whether or not it has ended."""
    if os.name == "posix":
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _content(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "replace")
