"""What a client may configure, by ``initializationOptions``."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

MODES = ("auto", "inline", "plain", "off")


@dataclass(frozen=True, slots=True)
class CompletionSettings:
    """How the text at the cursor is continued.

    ``mode`` ``"inline"`` offers ``textDocument/inlineCompletion``, ``"plain"``
    ``textDocument/completion``, ``"auto"`` the first where the client knows it and the second
    elsewhere, ``"off"`` neither. ``max_tokens`` and ``max_seconds`` bound one request, the loading
    of the model included; what is not found by then is not offered. ``prompt`` is what the model is
    asked for where no comment above the cursor says it.
    """

    mode: str = "auto"
    max_tokens: int = 128
    max_seconds: float = 3.0
    retries: int = 4
    prompt: str = "continue the program"


@dataclass(frozen=True, slots=True)
class Settings:
    """What edits are made with; the names are those of ``ondevice.load`` and ``Model.stream``."""

    model: str | None = None
    backend: str | None = None
    check: tuple[str, ...] = ("names",)
    seed: int = 0
    temperature: float = 0.0
    max_tokens: int = 768
    max_seconds: float = 120.0
    retries: int = 8
    completion: CompletionSettings = field(default_factory=CompletionSettings)

    def updated(self, options: Any) -> tuple[Settings, list[str]]:
        """Return the settings with a client's options, and what is wrong with these.

        ``options`` is a JSON object; its keys are the names of the fields in camelCase
        (``maxTokens``), ``completion`` an object of its own. What cannot be used is left out.
        """
        if options is None:
            return self, []
        if not isinstance(options, Mapping):
            return self, ["initializationOptions: an object is expected"]
        options = dict(options)
        inner = options.pop("completion", None) or {}
        values, wrong = _read(options, _OPTIONS, "")
        if isinstance(inner, Mapping):
            more, also_wrong = _read(inner, _COMPLETION, "completion.")
            wrong += also_wrong
            values["completion"] = replace(self.completion, **more)
        else:
            wrong.append("completion: an object is expected")
        return replace(self, **values), wrong


_Reader = Callable[[Any], Any]


def _read(
    options: Mapping[str, Any], readers: Mapping[str, tuple[str, _Reader]], where: str
) -> tuple[dict[str, Any], list[str]]:
    values, wrong = {}, []
    for key, value in options.items():
        if key not in readers:
            wrong.append(f"{where}{key}: there is no such option, only {', '.join(readers)}")
            continue
        name, reader = readers[key]
        try:
            values[name] = reader(value)
        except ValueError as error:
            wrong.append(f"{where}{key}: {error}, not {value!r}")
    return values, wrong


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("a text is expected")
    return value


def _optional_text(value: Any) -> str | None:
    return None if value is None else _text(value)


def _checks(value: Any) -> tuple[str, ...]:
    return tuple(map(_text, value)) if isinstance(value, list) else (_text(value),)


def _mode(value: Any) -> str:
    if value not in MODES:
        raise ValueError(f"one of {', '.join(MODES)} is expected")
    return str(value)


def _whole(least: int) -> _Reader:
    def read(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ValueError(f"a whole number from {least} on is expected")
        return value

    return read


def _number(value: Any) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < math.inf:
        raise ValueError("a number from 0 on is expected")
    return float(value)


def _seconds(value: Any) -> float:
    if not _number(value):
        raise ValueError("a number above 0 is expected")
    return float(value)


_LIMITS: dict[str, tuple[str, _Reader]] = {
    "maxTokens": ("max_tokens", _whole(1)),
    "maxSeconds": ("max_seconds", _seconds),
    "retries": ("retries", _whole(0)),
}
_OPTIONS: dict[str, tuple[str, _Reader]] = {
    "model": ("model", _optional_text),
    "backend": ("backend", _optional_text),
    "check": ("check", _checks),
    "seed": ("seed", _whole(0)),
    "temperature": ("temperature", _number),
    **_LIMITS,
}
_COMPLETION: dict[str, tuple[str, _Reader]] = {
    "mode": ("mode", _mode),
    "prompt": ("prompt", _text),
    **_LIMITS,
}
