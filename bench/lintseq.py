"""Our LintSeq beside the published one: how fast, how faithful, and how alike their edits are.

usage: python bench/lintseq.py [--part all] [--tasks 300] [--library 20] [--paths 2] [--seed 0]
                               [--output bench/results/lintseq.json] ...

The parts, each on everyday programs and on files of the standard library:

speed         programs a second, ours with the linter ``fast`` beside the package pylintseq
faithful      which messages pylint has for the states on the way, and not for the program
distribution  edits per program, lines per edit, and what the last edit holds
profile       where our time goes, and how it grows with a program

What needs pylintseq is left out where it is not installed. Prints a table and writes the file;
other parts that the file holds are kept.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from peers import distribution, faithful, profiling, programs, speed, table
from peers.published import Published
from peers.verdicts import PylintJudge

from ondevice.evaluation.machine import describe_machine
from ondevice.files import write_atomically

HERE = Path(__file__).parent
PARTS = ("speed", "faithful", "distribution", "profile")
PACKAGES = ("pylint", "astroid", "pylintseq", "pyflakes", "numpy", "scipy")


class Bench:
    """One run: the programs, and what judges and peers the parts share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.tasks = programs.tasks(options.tasks, options.seed)
        self.library = programs.library(options.library, options.seed, longest=options.longest)
        self.published = None if options.no_peer else self._published()
        self.judge = PylintJudge()

    def run(self, part: str) -> dict[str, Any]:
        """Measure one part."""
        measures = {
            "speed": self._speed,
            "faithful": self._faithful,
            "distribution": self._distribution,
            "profile": self._profile,
        }
        return measures[part]()

    def _published(self) -> Published | None:
        try:
            return Published(self.options.limit)
        except ImportError as error:
            report(str(error))
            return None

    def _speed(self) -> dict[str, Any]:
        warm = programs.Program("warm", "import re\n\n\ndef f(a):\n    return re.escape(a)\n")
        return {
            kind: speed.measure(
                sample,
                paths=self.options.paths,
                seed=self.options.seed,
                published=self.published,
                warm=warm,
                on_progress=report,
            )
            for kind, sample in self._samples(self.options.slow_library)
        }

    def _faithful(self) -> dict[str, Any]:
        options = self.options
        common = {"paths": options.paths, "seed": options.seed}
        makers = [
            (
                f"ours, {linter}",
                faithful.by_us(linter, **common),
                options.slow_library if linter == "pylint" else options.library,
            )
            for linter in options.linters
        ]
        if self.published:
            make = faithful.by_the_published(self.published, **common)
            makers.append(("published", make, options.slow_library))
        everything = self.tasks + self.library
        return {
            "judge compared with processes of their own": faithful.agreement(
                everything, options.agreement, options.seed, self.judge
            ),
            **{
                name: {
                    kind: faithful.measure(
                        sample,
                        make,
                        judge=self.judge,
                        most_states=options.states,
                        on_progress=report,
                    )
                    for kind, sample in self._samples(library)
                }
                for name, make, library in makers
            },
        }

    def _distribution(self) -> dict[str, Any]:
        return {
            kind: distribution.measure(
                sample,
                paths=self.options.paths,
                seed=self.options.seed,
                published=self.published,
                on_progress=report,
            )
            for kind, sample in self._samples(self.options.slow_library)
        }

    def _profile(self) -> dict[str, Any]:
        options = self.options
        growing = programs.growing(options.library, options.seed, options.longest_growing)
        return {
            **{
                kind: profiling.profile(sample, paths=options.paths, seed=options.seed)
                for kind, sample in self._samples(options.library)
            },
            "growth": profiling.growth(growing, seed=options.seed, on_progress=report),
        }

    def _samples(self, library: int) -> list[tuple[str, list[programs.Program]]]:
        return [("tasks", self.tasks), ("library", self.library[:library])]


def report(text: str) -> None:
    """Tell on stderr what is being done."""
    print(text, file=sys.stderr, flush=True)


def versions() -> dict[str, str | None]:
    """Return the versions of the packages that matter here, None for what is not installed."""
    found: dict[str, str | None] = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--part", choices=[*PARTS, "all"], default="all")
    add("--tasks", type=int, default=300, help="everyday programs")
    add("--library", type=int, default=20, help="library files")
    add("--slow-library", type=int, default=8, help="of these, for pylint and the peer")
    add("--longest", type=int, default=400, help="lines of a library file")
    add("--longest-growing", type=int, default=4000, help="the same, for growth")
    add("--paths", type=int, default=2, help="edit sequences a program")
    add("--linters", nargs="+", default=["fast", "pylint"], help="of ours, for faithful")
    add("--states", type=int, help="judge at most so many states of a path")
    add("--agreement", type=int, default=40, help="states to judge in processes of their own")
    add("--limit", type=float, default=300.0, help="processor seconds of the peer for a program")
    add("--no-peer", action="store_true", help="leave pylintseq out")
    add("--seed", type=int, default=0)
    add("--output", type=Path, default=HERE / "results" / "lintseq.json")
    return parser.parse_args()


def measure(options: argparse.Namespace, save: Callable[[str, dict[str, Any]], None]) -> None:
    bench = Bench(options)
    settings = {key: value for key, value in vars(options).items() if key not in ("part", "output")}
    machine = describe_machine() | versions()
    for part in PARTS if options.part == "all" else [options.part]:
        found = bench.run(part)
        print(table.show(part, found), flush=True)
        save(part, {"machine": machine, "options": settings, **found})
    bench.judge.close()


def main() -> None:
    options = arguments()
    output: Path = options.output
    output.parent.mkdir(parents=True, exist_ok=True)

    def save(part: str, found: dict[str, Any]) -> None:
        known = json.loads(output.read_text(encoding="utf-8")) if output.exists() else {}
        text = json.dumps(known | {part: found}, indent=1, ensure_ascii=False)
        write_atomically(output, text + "\n")

    measure(options, save)


if __name__ == "__main__":
    main()
