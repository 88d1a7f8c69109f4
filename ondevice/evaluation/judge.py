"""Does a program do what its task asks? Judged by running it.

Each program runs in an interpreter of its own, in isolated mode, in a folder of its own that is
home and place for temporary files at once, with limits on its time, its memory and its output.
Whatever it started is killed with it. That protects against what goes wrong by itself: endless
loops, floods, name clashes, forgotten processes. It is no sandbox: a program that means harm can
do it. Judge only what a model wrote for tasks that ask for nothing of the kind.
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
# KiB of memory, and blocks of a file, which the output is. What a system cannot limit (memory, on
# macOS) it runs without.
_LIMITS = "ulimit -v 4194304 2>/dev/null; ulimit -f 32768 2>/dev/null;"
_LIMITED = ["/bin/sh", "-c", f'{_LIMITS} exec "$0" "$@"'] if os.name == "posix" else []


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a program passed, and if not, why in one line."""

    passed: bool
    reason: str = ""


def judge_function(program: str, tests: list[str]) -> Verdict:
    """Run assertions after the program; it passes when all hold."""
    # Written after the last assertion, and not to be guessed: a program that exits early fails.
    token = secrets.token_hex(16)
    last = f"__import__('os').write(1, b'{token}')"
    code, output, error = _run("\n".join([program, *tests, last]) + "\n", "")
    if code == 0 and token in output:
        return Verdict(True)
    return Verdict(False, _failure(code, error) or "exited before the last assertion")


def judge_script(program: str, stdin: str, stdout: str) -> Verdict:
    """Run the program on ``stdin``; it passes when it prints just ``stdout`` and exits with 0."""
    code, output, error = _run(program, stdin)
    if code == 0 and output == stdout:
        return Verdict(True)
    return Verdict(False, _failure(code, error) or f"printed {output[:60]!r}")


def _run(program: str, stdin: str) -> tuple[int | None, str, str]:
    """Return the exit code (None: out of time) and what was printed, to stdout and stderr."""
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder,
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as output,
        tempfile.TemporaryFile() as error,
    ):
        path = Path(folder, "program.py")
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
            code = process.wait(TIMEOUT)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            _kill_all(process)
        return code, _content(output), _content(error)


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


def _failure(code: int | None, error: str) -> str:
    """Say in one line why a program did not end well; nothing if it did."""
    if code is None:
        return f"ran for more than {TIMEOUT:g} s"
    last_line = error.strip().rpartition("\n")[2][:200]
    return "" if code == 0 else last_line or f"exit code {code}"
