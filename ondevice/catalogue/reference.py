"""What ``ondevice models pull`` is asked for: a known name, ``org/name``, or one of its files."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from ondevice.catalogue.bundled import bundled_models
from ondevice.catalogue.known import known_models
from ondevice.errors import RequestError

MAIN = "main"
_HUB_NAME = re.compile(
    r"(?P<repository>\w[\w.-]*/\w[\w.-]*)(?::(?P<file>[\w.-]+\.gguf))?", re.ASCII
)
_REVISION = re.compile(r"[\w][\w./-]*", re.ASCII)
_QUANTIZATION = re.compile(r"\w+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Reference:
    """A model on the hub, and the ``name`` that it has on this machine once it is there."""

    name: str
    repository: str
    revision: str
    file: str | None = None
    quantization: str | None = None

    @classmethod
    def parse(cls, text: str, *, revision: str | None, quantization: str | None) -> Reference:
        """Read what a user calls a model, with the revision and quantization that are asked for.

        Raises ``RequestError`` for what is no such name, and for a bundled model.
        """
        for value, pattern in ((revision, _REVISION), (quantization, _QUANTIZATION)):
            if value is not None and not pattern.fullmatch(value):
                raise RequestError(f"{value!r} is neither a revision nor a quantization")
        if text in bundled_models():
            raise RequestError(f"{text} comes with this package; there is nothing to pull")
        known, match = known_models().get(text), _HUB_NAME.fullmatch(text)
        if known:
            found = cls(text, known.repository, revision or known.revision)
        elif match:
            found = cls(text, match["repository"], revision or MAIN, match["file"])
        else:
            raise RequestError(
                f"{text!r} is no model that can be pulled: give a name that `ondevice models list` "
                "shows as known, org/name, or org/name:file.gguf"
            )
        if quantization is None:
            return found
        if found.file:
            raise RequestError(f"{text} names a file; its quantization is what it is")
        return replace(
            found, name=f"{text}:{quantization.lower()}", quantization=quantization.lower()
        )
