"""A text file that is to be changed: read with its encoding, written whole, or not at all."""

from __future__ import annotations

import os
import tokenize
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePath
from typing import Self

from ondevice.edits.buffer import BYTE_ORDER_MARK
from ondevice.errors import RequestError
from ondevice.files import check_writable, replacing

_PYTHON = frozenset({"", ".py", ".pyi", ".pyw"})


def is_python(name: str) -> bool:
    """Tell by a file's name whether it is taken for Python; one without a suffix is."""
    return PurePath(name).suffix.lower() in _PYTHON


@dataclass(frozen=True)
class Text:
    """What bytes say: ``text`` holds line ends as they are, and a byte-order mark if there is one.

    Python files are read in the encoding that they declare (PEP 263), others in UTF-8.
    """

    name: str
    content: bytes
    text: str
    encoding: str

    @classmethod
    def decode(cls, content: bytes, name: str) -> Self:
        """Read bytes, ``name`` being what they are called.

        Raises ``RequestError`` for what is no text, for an encoding that is not known, and for one
        that would not give the same bytes again.
        """
        encoding = _encoding(content, name)
        try:
            text = content.decode(encoding)
        except LookupError as error:  # a codec, but of something else than texts
            raise RequestError(f"{name} cannot be read: {error}") from None
        except UnicodeDecodeError as error:
            raise RequestError(
                f"{name} is no {encoding.upper()} text: byte {error.start} is "
                f"0x{content[error.start]:02x}; "
                + ("declare its encoding as PEP 263 says, or " if is_python(name) else "")
                + "convert it to UTF-8"
            ) from None
        if "\0" in text:
            raise RequestError(f"{name} is no text: it holds zero bytes")
        if text.encode(encoding) != content:
            raise RequestError(f"{name} cannot be kept as it is in {encoding}; convert it to UTF-8")
        return cls(name, content, text, encoding)

    def encode(self, text: str) -> bytes:
        """Return the bytes of a new text in the encoding of this one.

        Raises ``RequestError`` where they would not be read as that text again: it has characters
        that the encoding lacks, or it changes what it declares.
        """
        try:
            content = text.encode(self.encoding)
        except UnicodeEncodeError as error:
            wrong = text[error.start]
            line = text.count("\n", 0, error.start) + 1
            raise RequestError(
                f"{self.name} is in {self.encoding}, which has no {wrong!r} (line {line} of the "
                "change); convert it to UTF-8"
            ) from None
        if not self._would_read(content, text):
            raise RequestError(
                f"the change makes {self.name} declare another encoding than {self.encoding}, "
                "in which it is; convert it first"
            )
        return content

    def _would_read(self, content: bytes, text: str) -> bool:
        try:
            return Text.decode(content, self.name).text == text
        except RequestError:
            return False


@dataclass(frozen=True)
class TextFile(Text):
    """A regular file as it was when it was read; ``target`` is where it lies, links followed."""

    path: Path
    target: Path

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a file; raises ``RequestError`` where that is not possible, see ``Text.decode``."""
        target = Path(os.path.realpath(path))
        try:
            if target.exists() and not target.is_file():
                kind = "a folder" if target.is_dir() else "no regular file"
                raise RequestError(f"{path} is {kind}; name a file, or - for stdin")
            content = target.read_bytes()
        except FileNotFoundError:
            raise RequestError(f"there is no file {path}") from None
        except OSError as error:
            raise RequestError(f"{path} cannot be read: {error.strerror}") from None
        found = Text.decode(content, str(path))
        return cls(found.name, content, found.text, found.encoding, path, target)

    def write(self, text: str) -> None:
        """Put a new text in the file's place: mode, owner, links to it and encoding stay.

        Whoever reads the file sees the old text or the new one, whenever this process is killed; a
        hard link to it keeps the old one. Raises ``RequestError``, leaving the file as it is, where
        it is read-only or not what was read any more; see ``encode``.
        """
        content = self.encode(text)
        check_writable(self.path)
        try:
            with replacing(self.target, sync=False) as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
                # As late as can be: what comes after takes microseconds.
                self._check_unchanged()
        except OSError as error:
            raise RequestError(f"cannot write {self.path}: {error.strerror}") from None

    def _check_unchanged(self) -> None:
        try:
            moved = Path(os.path.realpath(self.path)) != self.target
            if not moved and self.target.read_bytes() == self.content:
                return
        except FileNotFoundError:
            pass
        raise RequestError(
            f"{self.path} was changed by someone else meanwhile, and is left as it is now; "
            "ask again for the change"
        )


def _encoding(content: bytes, name: str) -> str:
    if not is_python(name):
        return "utf-8"
    try:
        found, _ = tokenize.detect_encoding(BytesIO(content).readline)
    except SyntaxError as error:
        if content.startswith(BYTE_ORDER_MARK.encode()) or "unknown encoding" in str(error):
            raise RequestError(f"{name} cannot be read: {error.msg}") from None
        return "utf-8"  # decoding says what is wrong, and where
    # The byte-order mark stays in the text.
    return "utf-8" if found == "utf-8-sig" else found
