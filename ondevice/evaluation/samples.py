"""The file of stored samples: JSON lines, each written as soon as its sample is judged.

The first line is a header, ``{"schema": "ondevice-samples/1", ...}``, with what tells one
measurement from another: ``suite``, ``suite_sha256``, ``remarks`` (what was left out), ``model``,
``backend``, ``weights_sha256``, ``parameters``, ``samples`` (a problem), ``seed``, ``stop_early``,
``ondevice`` (its version), and ``machine``, of which two runs may differ. Each other line is a
``Sample``, in the order in which they were judged. A run that is killed leaves whole lines and
perhaps a torn last one, which the next run cuts off.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

from ondevice.errors import DataError
from ondevice.evaluation.machine import machine_differs
from ondevice.locks import lock

SCHEMA = "ondevice-samples/1"
_FREE = ("machine",)
"""What may differ between two runs of one measurement."""
_WEIGHTS = "weights_sha256"


@dataclass(frozen=True, slots=True)
class Sample:
    """One program written for one problem, with its verdict and what it cost.

    ``number`` counts a problem's samples from 0. Sample n of a request with the seed s draws from
    a generator of its own, which (s, n) seeds, so that it depends on the others only as far as the
    shape of a batch moves a logit's last digits. ``status``, ``reason`` and ``tests_passed`` are
    the verdict's. ``tokens`` are those that were evaluated after the prompt, ``edits`` those
    accepted, ``rejected_edits`` those taken back. ``seconds`` are the decoding time that passed
    since the sample before it was finished, so that those of a problem add up to the time of all of
    them; ``latency_seconds`` go from the start of the request to the end of this sample. ``raw``
    are the accepted diffs as the model wrote them, ``program`` what they come to, and ``sanitized``
    what was judged.
    """

    id: str
    number: int
    seed: int
    passed: bool
    status: str
    reason: str
    tests_passed: int | None
    finish_reason: str
    findings: tuple[str, ...]
    tokens: int
    edits: int
    rejected_edits: int
    mean_logprob: float
    seconds: float
    latency_seconds: float
    judge_seconds: float
    raw: tuple[str, ...]
    program: str
    sanitized: str

    def to_json(self) -> dict[str, Any]:
        """Return the sample as a JSON object."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Self:
        """Read a sample; raises ``TypeError`` or ``KeyError`` for what is none."""
        values = {field.name: content[field.name] for field in dataclasses.fields(cls)}
        for name in ("findings", "raw"):
            values[name] = tuple(values[name])
        return cls(**values)


def read_samples(path: Path) -> tuple[dict[str, Any], list[Sample]]:
    """Return the header and the samples of a file; a torn last line is left out.

    Raises ``DataError`` for what is no such file, and ``OSError`` when it cannot be read.
    """
    header, samples, _ = _read(path)
    return header, samples


def _read(path: Path) -> tuple[dict[str, Any], list[Sample], int]:
    """Return header, samples, and the number of bytes that are whole lines."""
    content = path.read_bytes()
    whole = content.rfind(b"\n") + 1
    lines = content[:whole].split(b"\n")[:-1]
    try:
        header = json.loads(lines[0]) if lines else {}
        if not isinstance(header, dict) or header.get("schema") != SCHEMA:
            raise DataError(f"{path} is no file of samples: it does not begin with {SCHEMA!r}")
    except ValueError as error:
        raise DataError(f"{path} is no file of samples: {error}") from error
    samples = []
    for number, line in enumerate(lines[1:], 2):
        try:
            samples.append(Sample.from_json(json.loads(line)))
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{path}, line {number} is no sample: {error!r}") from error
    return header, samples, whole


def other_measurement(path: Path, header: dict[str, Any]) -> str | None:
    """Return in what a file of samples is of another measurement, or of another machine, than
    ``header`` says; None where it is of the same, or where there is none.

    Raises ``DataError`` when another run holds it.
    """
    if not path.exists():
        return None
    held = lock(path)
    if held is None:
        raise DataError(f"another run is writing {path}")
    with held:
        if b"\n" not in path.read_bytes():
            return None
        try:
            found, _, _ = _read(path)
        except DataError as error:
            return str(error)
    header = json.loads(json.dumps({"schema": SCHEMA, **header}))
    machines = machine_differs(found.get("machine") or {}, header.get("machine") or {})
    return ", ".join(filter(None, [_different(found, header), *machines])) or None


class Store:
    """An open file of samples, held by one run at a time; without a path, only in memory."""

    def __init__(self, path: Path | None, header: dict[str, Any], *, restart: bool = False) -> None:
        """Open a file, or take up the one that an earlier run left.

        Raises ``DataError`` when another run holds it, or when it belongs to another measurement,
        unless ``restart`` throws that away.
        """
        self.samples: list[Sample] = []
        self._file: IO[bytes] | None = None
        self._path = path
        if path is None:
            return
        self._file = lock(path)
        if self._file is None:
            raise DataError(f"another run is writing {path}")
        try:
            self._begin(path, self._file, {"schema": SCHEMA, **header}, restart)
        except BaseException:
            self._file.close()
            raise

    def _begin(self, path: Path, file: IO[bytes], header: dict[str, Any], restart: bool) -> None:
        header = json.loads(json.dumps(header))
        if restart:
            file.truncate(0)
        # A first line that is torn has nothing behind it.
        elif b"\n" in path.read_bytes():
            found, self.samples, whole = _read(path)
            if different := _different(found, header):
                raise DataError(
                    f"{path} holds samples of another measurement ({different}); --restart throws "
                    "them away, another --output leaves them"
                )
            file.truncate(whole)
            return
        else:
            file.truncate(0)
        self._write(file, header)

    def add(self, sample: Sample) -> None:
        """Keep a sample; it is in the file when this returns."""
        self.samples.append(sample)
        if self._file is not None:
            self._write(self._file, sample.to_json())

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _write(self, file: IO[bytes], content: dict[str, Any]) -> None:
        # Text that is no valid Unicode comes from a model, too: ASCII can hold it.
        file.write(json.dumps(content).encode() + b"\n")
        file.flush()


def _different(found: dict[str, Any], header: dict[str, Any]) -> str:
    names = [name for name in (found | header) if name not in _FREE]
    return ", ".join(
        f"{name} {found.get(name)!r}, not {header.get(name)!r}"
        for name in names
        # Weights were not told apart once.
        if found.get(name) != header.get(name) and not (name == _WEIGHTS and name not in found)
    )
