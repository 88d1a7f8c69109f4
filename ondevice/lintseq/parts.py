"""The folder beside an output in which it grows, part by part, so that a run can be taken up.

A part holds the rows made of one span of the source; it counts once its report is there. A run
that is killed leaves whole parts and scraps, and the same run again makes what is missing.
"""

from __future__ import annotations

import dataclasses
import json
import shutil
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any

from ondevice.errors import DataError
from ondevice.files import replacing, write_atomically
from ondevice.lintseq.rows import Outcome
from ondevice.lintseq.summary import Summary
from ondevice.locks import lock

_BLOCK = 1 << 20
_RUN = "run.json"
_LOCK = "lock"


def parts_folder(target: Path) -> Path:
    """Return the folder of the parts of an output."""
    return target.with_name(f".{target.name}.parts")


class Parts:
    """The parts of one output, held by one run at a time; ``count`` is how many there are to be."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self._whole: set[int] = set()
        self._lock: IO[bytes] | None = None

    def begin(self, run: dict[str, Any], *, restart: bool = False) -> None:
        """Take the folder, and up what an earlier run with the same description left there.

        Raises ``DataError`` when another run is at it, or when it holds the parts of a different
        one, unless ``restart`` throws those away.
        """
        self.folder.mkdir(exist_ok=True)
        self._lock = lock(self.folder / _LOCK)
        if self._lock is None:
            raise DataError(f"another run writes this output: it holds {self.folder}")
        run = json.loads(json.dumps(run))
        earlier = _read_json(self.folder / _RUN)
        if earlier is None or restart:
            self._clear()
        elif earlier != run:
            self._release()
            raise DataError(_difference(earlier, run, self.folder))
        write_atomically(self.folder / _RUN, json.dumps(run, indent=1))
        self._whole = {number for number in self._reported() if self._is_whole(number)}

    def is_whole(self, number: int) -> bool:
        """Return whether a part is there, made by an earlier run."""
        return number in self._whole

    def note(self, number: int) -> None:
        """Take it that a part is there, made by another process of this run."""
        self._whole.add(number)

    def write(self, number: int, outcomes: Iterable[Outcome]) -> Summary:
        """Write a part, and return what became of its rows."""
        summary = Summary()
        rejections: list[dict[str, Any]] = []
        size = checksum = 0
        # Not forced to the disk: what a power cut tears is found by its checksum.
        with replacing(self._rows(number), sync=False) as file:
            for outcome in outcomes:
                summary.count(outcome)
                rejections += map(dataclasses.asdict, outcome.rejections)
                for line in outcome.lines:
                    file.write(line)
                    size += len(line)
                    checksum = zlib.crc32(line, checksum)
        report = {
            "rows": summary.rows,
            "sequences": summary.sequences,
            "normalized": summary.normalized,
            "size": size,
            "checksum": checksum,
            "rejections": rejections,
        }
        with replacing(self._report(number), sync=False) as file:
            file.write(json.dumps(report).encode())
        self._whole.add(number)
        return summary

    def blocks(self, number: int) -> Iterator[bytes]:
        """Yield the bytes of a part; raises ``DataError`` at the end if they are damaged."""
        checksum = 0
        with self._rows(number).open("rb") as file:
            while block := file.read(_BLOCK):
                checksum = zlib.crc32(block, checksum)
                yield block
        if checksum != self._read_report(number)["checksum"]:
            self._report(number).unlink()
            raise DataError(
                f"{self._rows(number)} is damaged; the same command again makes this part anew"
            )

    def lines(self, number: int) -> Iterator[bytes]:
        """Yield the rows of a part; raises ``DataError`` as ``blocks`` does."""
        for _ in self.blocks(number):
            pass
        with self._rows(number).open("rb") as file:
            yield from file

    def join_rejections(self, target: Path) -> None:
        """Write all rejections in the order of the source; without any, the file goes."""
        empty = True
        with replacing(target, self.folder) as file:
            for number in range(self.count):
                for rejection in self._read_report(number)["rejections"]:
                    file.write(json.dumps(rejection).encode() + b"\n")
                    empty = False
        if empty:
            target.unlink()

    def summary(self) -> Summary:
        """Return what became of all rows, of this run and earlier ones."""
        total = Summary()
        for number in range(self.count):
            report = self._read_report(number)
            kinds = Counter(rejection["kind"] for rejection in report["rejections"])
            counts = (report["rows"], report["sequences"], report["normalized"])
            total.add(Summary(*counts, kinds))
        return total

    def close(self) -> None:
        """Let go of the folder; without a whole part it goes, since there is nothing to take up."""
        if self._lock is None:
            return
        if self._whole or self._reported():
            self._release()
        else:
            self.remove()

    def remove(self) -> None:
        """Remove the folder, the output being whole."""
        # First what makes the parts count, so that no later run takes up a folder half removed.
        (self.folder / _RUN).unlink(missing_ok=True)
        self._release()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _release(self) -> None:
        if self._lock:
            self._lock.close()
            self._lock = None

    def _clear(self) -> None:
        (self.folder / _RUN).unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != _LOCK:
                path.unlink()

    def _reported(self) -> list[int]:
        names = (path.name for path in self.folder.glob("*.report.json"))
        return [int(name.split(".")[0]) for name in names if name.split(".")[0].isdigit()]

    def _is_whole(self, number: int) -> bool:
        report = _read_json(self._report(number))
        rows = self._rows(number)
        return report is not None and rows.exists() and rows.stat().st_size == report["size"]

    def _read_report(self, number: int) -> dict[str, Any]:
        report = _read_json(self._report(number))
        if report is None:
            raise DataError(f"{self._report(number)} is missing or damaged; run the command again")
        return report

    def _rows(self, number: int) -> Path:
        return self.folder / f"{number:08}.jsonl"

    def _report(self, number: int) -> Path:
        return self.folder / f"{number:08}.report.json"


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def _difference(earlier: dict[str, Any], run: dict[str, Any], folder: Path) -> str:
    names = [name for name in run if earlier.get(name) != run[name]]
    told = [
        "another or a changed source"
        if name == "source"
        else f"{name} {earlier.get(name)}, which is {run[name]} now"
        for name in names or sorted(earlier.keys() - run.keys())
    ]
    return (
        f"this output was begun with {' and '.join(told)}; run it as it was begun, or start over "
        f"with --restart, which deletes {folder}"
    )
