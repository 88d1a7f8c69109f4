"""Two hundred edits of files of every kind: the right file comes out, or the old one and a reason.

What is right is told from the bytes alone, without the code that is tested.
"""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import ondevice
from ondevice.backends.scripted import END_TOKEN, ScriptedBackend
from ondevice.catalogue import resolve
from ondevice.cli import main
from ondevice.edits import LINTSEQ, Buffer
from ondevice.model import Model

BOM = b"\xef\xbb\xbf"
LINES = [
    "def area(width, height):",
    "    return width * height",
    "",
    "text = 'gr\u00f6\u00dfer'",
    "print(area(2, 3), text)",
]
TABBED = [line.replace("    ", "\t") for line in LINES]
LATIN = ["# -*- coding: latin-1 -*-", *LINES]
LONG = [f"number_{n} = {n}" for n in range(4995)] + LINES
ADDED = "extra = 'r\u00e9sum\u00e9'"


@dataclass(frozen=True)
class Case:
    """A file, and where a line is put into it, or with ``replaces`` in place of which one."""

    lines: tuple[str, ...]
    place: int
    newline: str = "\n"
    bom: bytes = b""
    final: bool = True
    encoding: str = "utf-8"
    replaces: bool = False

    @property
    def before(self) -> bytes:
        return self._file(self.lines)

    @property
    def after(self) -> bytes:
        lines = [*self.lines[: self.place], ADDED, *self.lines[self.place + self.replaces :]]
        # What a line is put after ends with a newline from then on.
        final = self.final or (self.place == len(self.lines) and not self.replaces)
        return replace(self, final=final)._file(lines)

    @property
    def script(self) -> str:
        """What a model writes to make the change."""
        place = self.place
        if not self.replaces:
            return f"@@ -{place},0 +{place + 1} @@\n+{ADDED}\n<|diff|>\n<|diff|>"
        last = not self.final and place == len(self.lines) - 1
        end = "\n\\ No newline at end of file\n" if last else self.newline
        hunk = f"@@ -{place + 1} +{place + 1} @@\n-{self.lines[place]}{end}+{ADDED}{end}"
        return f"--- a/f.py\n+++ b/f.py\n{hunk}"

    def model(self, meanwhile: Callable[[], None]) -> Model:
        """Return a model that makes the change, and calls something while it decodes."""
        backend = ScriptedBackend("")
        text = self.before.decode(self.encoding).removeprefix("\ufeff")
        history = LINTSEQ.write_history(Buffer.from_text(text))
        given = f"{text}\nchange it:" if self.replaces else f"change it\n<|diff|>{history}"
        start, script = len(backend.tokenize(given)), [*backend.tokenize(self.script), END_TOKEN]

        def logits(tokens: Sequence[int]) -> NDArray[np.float32]:
            meanwhile()
            row = np.zeros(backend.vocab_size, dtype=np.float32)
            written = list(tokens[start:])
            follows = script[: len(written)] == written and len(written) < len(script)
            row[script[len(written)] if follows else END_TOKEN] = 30
            return row

        manifest = resolve(None).manifest
        assert manifest
        if self.replaces:
            manifest = dataclasses.replace(
                manifest, dialect="unified", prompt_template="{source}\n{instruction}:"
            )
        scripted = ScriptedBackend(logits, context_length=start + len(script) + 500)
        return Model(scripted, name="scripted", manifest=manifest)

    def _file(self, lines: Sequence[str]) -> bytes:
        end = self.newline if self.final and lines else ""
        return self.bom + (self.newline.join(lines) + end).encode(self.encoding)


def cases() -> Iterator[Case]:
    for lines in (LINES, TABBED):
        for newline, bom, final in product(("\n", "\r\n"), (b"", BOM), (True, False)):
            for place in range(len(lines) + 1):
                yield Case(tuple(lines), place, newline, bom, final)
            for place in (0, len(lines) - 1):
                yield Case(tuple(lines), place, newline, bom, final, replaces=True)
    for newline, final, place in product(("\n", "\r\n"), (True, False), range(1, len(LATIN) + 1)):
        yield Case(tuple(LATIN), place, newline, final=final, encoding="latin-1")
    for bom, final, place in product((b"", BOM), (True, False), (0, 2500, 5000)):
        yield Case(tuple(LONG), place, bom=bom, final=final)
    # Lone carriage returns, and both kinds of line ends.
    mixed = ("a = 1\r", *LINES, "b = 2\r")
    for bom, final, place in product((b"", BOM), (True, False), range(len(mixed) + 1)):
        yield Case(mixed, place, bom=bom, final=final)
    yield Case((), 0)
    yield Case((), 0, bom=BOM)
    for newline in ("\n", "\r\n"):
        yield Case(("x = 1",), 0, newline, replaces=True)


CASES = list(cases())
CIRCUMSTANCES = ("plain", "linked", "changed", "executable", "plain", "read-only", "removed")
"""Seven, which shares no factor with how the cases are varied."""


@pytest.mark.parametrize("number", range(len(CASES)))
def test_the_right_file_or_the_old_one(
    number: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    case, circumstance = CASES[number], CIRCUMSTANCES[number % len(CIRCUMSTANCES)]
    file = tmp_path / "f.py"
    file.write_bytes(case.before)
    argument, expected, code = file, case.after, 0
    if circumstance == "linked":
        (tmp_path / "links").mkdir()
        argument = tmp_path / "links" / "link.py"
        argument.symlink_to(Path("..") / "f.py")
    elif circumstance == "executable":
        file.chmod(0o750)
    elif circumstance == "read-only":
        file.chmod(0o444)
        expected, code = case.before, 2
    elif circumstance in ("changed", "removed"):
        expected, code = b"# someone else's\n", 2
    mode = file.stat().st_mode

    def meanwhile() -> None:
        if circumstance == "changed":
            file.write_bytes(expected)
        elif circumstance == "removed":
            file.unlink(missing_ok=True)

    monkeypatch.setattr(ondevice, "load", lambda *_, **__: case.model(meanwhile))
    assert main(["edit", str(argument), "change it", "--write", "--check", "none"]) == code
    captured = capfdbinary.readouterr()
    if circumstance == "removed":
        assert not file.exists()
    else:
        assert file.read_bytes() == expected
        assert file.stat().st_mode == mode
    assert argument.is_symlink() == (circumstance == "linked")
    assert {path.name for path in tmp_path.iterdir()} <= {"f.py", "links"}, "nothing is left behind"
    if code:
        assert captured.err.startswith(b"error: "), captured.err
        assert b"f.py" in captured.err
        assert b"Traceback" not in captured.err
    else:
        assert captured.err == b""
        assert applied(captured.out, case.before, tmp_path / "elsewhere") == case.after


def applied(patch: bytes, before: bytes, folder: Path) -> bytes:
    """Return what git makes of a file with a patch."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder.mkdir()
    (folder / "f.py").write_bytes(before)
    command = ["git", "-c", "core.autocrlf=false", "apply", "--whitespace=nowarn"]
    subprocess.run(command, input=patch, cwd=folder, check=True)
    return (folder / "f.py").read_bytes()


def test_there_are_two_hundred() -> None:
    assert len(CASES) >= 200
    assert len(set(CASES)) == len(CASES)
