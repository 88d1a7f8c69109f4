"""What commands read besides their arguments: a prompt from stdin, tests from a file."""

from __future__ import annotations

import sys
from pathlib import Path

from ondevice.errors import RequestError


def read_prompt(prompt: str, advice: str) -> str:
    """Return the prompt, which ``-`` reads from stdin.

    Raises ``RequestError`` where it is empty, with ``advice`` on what to do, or no text.
    """
    try:
        text = sys.stdin.read() if prompt == "-" else prompt
        text.encode()
    except UnicodeError:
        raise RequestError("the prompt is no valid UTF-8 text") from None
    if not text.strip():
        raise RequestError(f"the prompt is empty; {advice}")
    return text.strip()


def read_tests(path: Path) -> str:
    """Return what stands in a file of tests; raises ``RequestError`` where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"the tests in {path} cannot be read: {error}") from error
