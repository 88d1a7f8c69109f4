"""Which rows share something with a benchmark, so that no model is trained on what measures it.

The rule: texts are cut into tokens (see ``tokens``), programs without their comments, which are
looked at as a text of their own. A row is removed when it shares a run of ``ngram`` tokens with a
prompt or solution; of a text with fewer tokens, but at least 6, the whole counts as a run. Not
every run tells: it must have at least 3 different words that are neither Python's own (keywords,
builtins and their methods), nor among the most common ones of prose and code, nor shorter than 3
letters; or else it must be twice as long, and have at least 5 different words of any kind. And a
run that stands in rows of more than ``common`` packages is boilerplate, which removes nothing.
"""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ondevice import checks
from ondevice.corpora import benchmarks
from ondevice.corpora.settings import SHORTEST
from ondevice.corpora.tokens import parted, run_hashes, tokens_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_FEWEST_WORDS, _FEWEST_OF_LONG = 3, 5
_MOST_RUNS = 1000
"""Shared runs of a row that are kept; one that has more is contaminated by any of them."""
_METHODS = [name for kind in (str, list, dict, set, int, float) for name in dir(kind)]
_OWN = [*keyword.kwlist, *keyword.softkwlist, *dir(builtins), *_METHODS]
_COMMON = frozenset(map(str.lower, _OWN)) | {
    *("self", "cls", "args", "kwargs", "arg", "kwarg", "param", "params", "parameter"),
    *("parameters", "returns", "raises", "raise", "type", "rtype", "example", "examples", "note"),
    *("notes", "default", "optional", "value", "values", "name", "main", "init", "typing"),
    *("the", "and", "for", "this", "that", "with", "from", "are", "was", "will", "can", "has"),
    *("have", "not", "but", "which", "when", "where", "then", "than", "all", "any", "its", "one"),
    *("two", "use", "used", "using", "given", "each", "such", "should", "must", "may", "into"),
    *("function", "method", "class", "object", "code", "python", "string", "list", "number"),
    *("integer", "tuple", "array", "return", "true", "false", "none", "append", "__name__"),
    *("__main__", "__init__", "union", "callable", "iterable", "sequence", "data", "result"),
    *("results", "key", "item", "line", "lines", "text", "word", "words", "char", "num", "nums"),
    *("numbers", "row", "rows", "col", "node", "nodes", "stack", "queue", "left", "right"),
    *("start", "end", "first", "last", "total", "current", "mapping", "entry", "element"),
    *("import", "collections", "defaultdict", "counter", "deque", "dataclass", "dataclasses"),
    *("itertools", "functools", "operator", "itemgetter", "math", "json"),
}


@dataclass(frozen=True, slots=True)
class Benchmark:
    """What was read of a benchmark's file."""

    file: str
    sha256: str
    rows: int
    texts: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """A run of tokens that a row shares, and the row of a benchmark that has it first."""

    benchmark: str
    row: str
    ngram: str


class Contamination:
    """The runs of tokens in the prompts and solutions of benchmarks, as numbers."""

    def __init__(self, ngram: int) -> None:
        self._ngram = ngram
        self._rows: list[tuple[str, str]] = []
        self._pending: dict[int, list[tuple[NDArray[np.uint64], int]]] = {}
        self._known: dict[int, tuple[NDArray[np.uint64], NDArray[np.int64]]] = {}
        self._overlaps: dict[int, Overlap] = {}

    def add(self, path: Path, columns: Sequence[str] = ()) -> Benchmark:
        """Take a benchmark in; raises what ``benchmarks.texts_of`` does."""
        last, rows, texts = None, 0, 0
        for row, text in benchmarks.texts_of(path, columns):
            texts += 1
            if row != last:
                last, rows = row, rows + 1
                self._rows.append((path.name, row))
            for stream in _streams(text):
                self._add(tokens_of(stream), len(self._rows) - 1)
        return Benchmark(path.name, benchmarks.digest(path), rows, texts)

    def shared(self, streams: Iterable[Sequence[str]]) -> tuple[int, ...]:
        """Return the runs that the tokens of a row share, each as a number for ``overlap``."""
        found: dict[int, None] = {}
        for tokens in streams:
            for length, (known, rows) in self._index().items():
                for place, index in _matches(run_hashes(tokens, length), known):
                    run = tokens[place : place + length]
                    key = int(known[index])
                    if key not in found and len(found) < _MOST_RUNS and self._tells(run):
                        found[key] = None
                        if key not in self._overlaps:
                            where = self._rows[int(rows[index])]
                            self._overlaps[key] = Overlap(*where, " ".join(run))
        return tuple(found)

    def overlap(self, key: int) -> Overlap:
        """Return what a number of ``shared`` stands for."""
        return self._overlaps[key]

    def _add(self, tokens: Sequence[str], row: int) -> None:
        length = min(len(tokens), self._ngram)
        for size in {length, 2 * self._ngram} if length == self._ngram else {length}:
            if SHORTEST <= size <= len(tokens):
                self._pending.setdefault(size, []).append((run_hashes(tokens, size), row))
                self._known.clear()

    def _index(self) -> dict[int, tuple[NDArray[np.uint64], NDArray[np.int64]]]:
        """Return by length the runs, sorted, each with the first row that has it."""
        if not self._known and self._pending:
            import numpy as np

            for length, parts in sorted(self._pending.items()):
                runs = np.concatenate([part for part, _ in parts])
                rows = np.repeat([row for _, row in parts], [len(part) for part, _ in parts])
                known, first = np.unique(runs, return_index=True)
                self._known[length] = known, rows[first]
        return self._known

    def _tells(self, run: Sequence[str]) -> bool:
        words = {word for word in run if word[0].isalpha() or word[0] == "_"}
        if len(run) > self._ngram:
            return len(words) >= _FEWEST_OF_LONG
        return sum(len(word) > 2 for word in words - _COMMON) >= _FEWEST_WORDS


def _streams(text: str) -> tuple[str, ...]:
    """Return a text as it is looked at: a program without its comments, and these."""
    return parted(text) if checks.tree_of(text) else (text,)


def _matches(runs: NDArray[np.uint64], known: NDArray[np.uint64]) -> Iterable[tuple[int, int]]:
    """Yield where a run is known, and its index there."""
    import numpy as np

    if not len(runs):
        return
    indices = np.minimum(np.searchsorted(known, runs), len(known) - 1)
    for place in np.flatnonzero(known[indices] == runs):
        yield int(place), int(indices[place])
