"""The published LintSeq, the package ``pylintseq``: called as its own generator calls it."""

from __future__ import annotations

import contextlib
import random
import signal
import time
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from ondevice.edits import LINTSEQ, SEPARATOR, Buffer, Edit
from ondevice.errors import EditError

INSTALL = "the published LintSeq is not installed: pip install pylintseq==0.0.2"
ARGUMENTS: dict[str, Any] = {
    "children_per_round": 1,
    "top_k": 1,
    "max_population_size": 1,
    "max_depth": 512,
    "indent_bias_sampling_factor": 1,
    "ignore_imports": False,
    "ignore_comments": True,
    "ignore_global_defs": True,
    "ignore_init_errors": False,
}


class TooSlowError(Exception):
    """A program took longer than it may."""


@dataclass
class Run:
    """What became of one program: a list of diffs for each path, or why there is none."""

    paths: list[list[str]] = field(default_factory=list)
    failure: str | None = None
    cpu: float = 0.0
    wall: float = 0.0

    @property
    def sequences(self) -> list[str]:
        """The paths, as text that our reader reads."""
        return [f"\n{SEPARATOR}".join([*path, "", ""]) for path in self.paths]

    def read(self) -> tuple[list[list[Edit]], int]:
        """Return the edits of the paths, and how many paths our reader refuses."""
        read = []
        for sequence in self.sequences:
            with contextlib.suppress(EditError):
                read.append(list(LINTSEQ.read(sequence, Buffer())))
        return read, len(self.paths) - len(read)


class Published:
    """Runs the package in this process; a program is run once for the same paths and seed."""

    def __init__(self, limit: float) -> None:
        self.limit = limit
        """Seconds of the processor for a program."""
        self._utils = _utils()
        self._runs: dict[tuple[str, int, int], Run] = {}

    def run(self, program: str, paths: int, seed: int) -> Run:
        key = program, paths, seed
        if key not in self._runs:
            self._runs[key] = self._run(program, paths, seed)
        return self._runs[key]

    def _run(self, program: str, paths: int, seed: int) -> Run:
        run = Run()
        state = random.getstate()
        # Of its own for each program: the same numbers for all would make their paths alike.
        self._utils.set_seed_everywhere(zlib.crc32(f"{seed}/{program}".encode()))
        cpu, wall = time.process_time(), time.perf_counter()
        try:
            with _limited(self._utils, self.limit), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                for _ in range(paths):
                    found = self._utils.lintseq_backward_sampling_pythonic(program, **ARGUMENTS)
                    if found is None:
                        run.failure = "no sequence"
                        break
                    run.paths.append(self._utils.inflate_edit_path(program, found[0][0])[1])
        except TooSlowError:
            run.failure = "too slow"
        except Exception as error:
            run.failure = f"crash: {type(error).__name__}"
        run.cpu, run.wall = time.process_time() - cpu, time.perf_counter() - wall
        random.setstate(state)
        return run


def _utils() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pylintseq import utils
    except ImportError as error:
        raise ImportError(f"{INSTALL} ({error})") from error
    return utils


@contextlib.contextmanager
def _limited(utils: Any, seconds: float) -> Iterator[None]:
    """Raise ``TooSlowError`` in the block when it takes the processor for longer.

    The package swallows whatever is raised while pylint runs, so it is raised again after that.
    """
    late = False
    lint = utils.file_linter

    def stop(number: int, frame: FrameType | None) -> None:
        nonlocal late
        late = True
        raise TooSlowError

    def lint_in_time(*arguments: Any, **options: Any) -> Any:
        found = lint(*arguments, **options)
        if late:
            raise TooSlowError
        return found

    before = signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    utils.file_linter = lint_in_time
    try:
        yield
    finally:
        utils.file_linter = lint
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
