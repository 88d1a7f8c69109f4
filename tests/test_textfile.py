"""Text files: what they hold, in which encoding, and that they are changed whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from ondevice.errors import RequestError
from ondevice.textfile import Text, TextFile, is_python

LATIN = b"# -*- coding: latin-1 -*-\nx = '\xe9'\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"", "utf-8"),
        (b"\xef\xbb\xbfx\r\n", "utf-8"),
        (LATIN, "iso-8859-1"),
        (b"#!/bin/python\n# vim: set fileencoding=cp1252 :\n\x80", "cp1252"),
        ("# coding: shift_jis\n# 日本\n".encode("shift_jis"), "shift_jis"),
    ],
)
def test_what_is_read_is_written_again(content: bytes, encoding: str) -> None:
    text = Text.decode(content, "f.py")
    assert text.encoding == encoding
    assert text.encode(text.text) == content


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a\xe9", "f.py is no UTF-8 text: byte 1 is 0xe9; declare its encoding as PEP 263"),
        (b"# coding: klingon\n", "unknown encoding: klingon"),
        (b"\xef\xbb\xbf# coding: latin-1\n", "f.py cannot be read: encoding problem"),
        (b"# coding: rot13\n", "is not a text encoding"),
        (b"# coding: utf-7\n+AGE-", "cannot be kept as it is in utf-7"),
        (b"a\0b", "holds zero bytes"),
    ],
)
def test_what_is_no_text(content: bytes, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        Text.decode(content, "f.py")


def test_what_is_no_python_declares_nothing() -> None:
    assert Text.decode(b"# coding: latin-1\n", "f.md").encoding == "utf-8"
    with pytest.raises(RequestError, match="0xe9; convert it to UTF-8"):
        Text.decode(LATIN, "f.md")
    assert [is_python(name) for name in ("a.py", "b.PYI", "run", "c.js")] == [
        True,
        True,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("# coding: latin-1\nx = '€'\n", "is in iso-8859-1, which has no '€' .line 2 of"),
        ("# coding: utf-8\nx = 'é'\n", "declare another encoding than iso-8859-1"),
        ("\n\n# coding: latin-1\nx = 'é'\n", "declare another encoding than iso-8859-1"),
    ],
)
def test_what_the_encoding_cannot_hold(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "f.py"
    path.write_bytes(LATIN)
    with pytest.raises(RequestError, match=message):
        TextFile.read(path).write(text)
    assert path.read_bytes() == LATIN


def test_a_link_that_points_elsewhere_meanwhile(tmp_path: Path) -> None:
    for name in ("one.py", "two.py"):
        (tmp_path / name).write_text("x = 1\n")
    link = tmp_path / "link.py"
    link.symlink_to("one.py")
    file = TextFile.read(link)
    link.unlink()
    link.symlink_to("two.py")
    with pytest.raises(RequestError, match=r"link.py was changed by someone else meanwhile"):
        file.write("y = 2\n")
    assert (tmp_path / "one.py").read_text() == (tmp_path / "two.py").read_text() == "x = 1\n"


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="is a folder"):
        TextFile.read(tmp_path)
    with pytest.raises(RequestError, match="there is no file"):
        TextFile.read(tmp_path / "f.py")
    with pytest.raises(RequestError, match="no regular file; name a file, or - for stdin"):
        TextFile.read(Path("/dev/null"))
