"""JSON that came from outside: read whole only when its size can be meant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ondevice.errors import ModelFormatError

MOST_BYTES = 2**20
"""Bytes of a file of settings; those of real models have a hundredth of that."""


def read_text(path: Path, most: int = MOST_BYTES) -> str:
    """Return the text of a regular file of at most ``most`` bytes.

    Raises ``ModelFormatError`` where it is something else, and ``FileNotFoundError`` where there is
    nothing.
    """
    size = path.stat().st_size
    if not path.is_file():  # a pipe, say, which might never end
        raise ModelFormatError(f"{path} is no regular file")
    if size > most:
        raise ModelFormatError(
            f"{path} has {size:,} bytes, more than the {most:,} that such a file can need"
        )
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise ModelFormatError(f"{path} is damaged: {error}") from None
    except OSError as error:
        raise ModelFormatError(f"{path} cannot be read ({error.strerror})") from None


def read_object(path: Path, most: int = MOST_BYTES) -> dict[str, Any]:
    """Return the JSON object in a file, with what is raised by ``read_text``."""
    return parse_object(path, read_text(path, most))


def parse_object(path: Path, text: str) -> dict[str, Any]:
    """Return the JSON object in the text of the file ``path``; else raise ``ModelFormatError``."""
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ModelFormatError(f"{path} is damaged: it is no JSON ({error})") from None
    if not isinstance(content, dict):
        raise ModelFormatError(f"{path} is damaged: its content must be an object")
    return content
