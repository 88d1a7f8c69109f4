"""How alike are the edits of both implementations: how many, how long, and what comes last?"""

from __future__ import annotations

import ast
import itertools
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from ondevice.edits import Edit
from ondevice.lintseq.history import History
from peers import ours
from peers.programs import Program
from peers.published import Published
from peers.statistics import compare, quantiles

_KINDS: dict[type[ast.AST], str] = {
    ast.Import: "import",
    ast.ImportFrom: "import",
    ast.FunctionDef: "def",
    ast.AsyncFunctionDef: "def",
    ast.ClassDef: "class",
    ast.Return: "return",
    ast.Assign: "assignment",
    ast.AnnAssign: "assignment",
    ast.AugAssign: "assignment",
    ast.If: "if",
    ast.For: "loop",
    ast.AsyncFor: "loop",
    ast.While: "loop",
    ast.Try: "try",
    ast.With: "with",
    ast.AsyncWith: "with",
    ast.Raise: "raise",
    ast.Expr: "expression",
}


@dataclass
class Side:
    """What one implementation made of the programs."""

    edits: dict[str, list[int]] = field(default_factory=dict)
    """For each program the number of edits of each path."""
    lines: list[float] = field(default_factory=list)
    last_lines: Counter[str] = field(default_factory=Counter)
    last_edits: Counter[str] = field(default_factory=Counter)
    positions: list[float] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    sequences: int = 0
    not_replayed: int = 0
    not_insertions: int = 0

    def add(self, program: Program, paths: list[list[Edit]]) -> None:
        self.edits[program.name] = [len(path) for path in paths]
        for path in paths:
            self.sequences += 1
            self.lines += [edit.added_count for edit in path]
            self.not_insertions += not all(edit.insert_only for edit in path)
            self._add_last(path)

    def _add_last(self, path: list[Edit]) -> None:
        lines = History(path).lines
        kinds = kinds_of_lines(lines)
        last = list(_added(path[-1]))
        found = [kinds[row] for row in last]
        self.last_lines.update(found)
        self.last_edits.update(set(found))
        if len(lines) > 1 and last:
            self.positions.append(sum(last) / len(last) / (len(lines) - 1))

    def as_json(self) -> dict[str, Any]:
        count = sum(self.last_lines.values())
        counts = [float(number) for numbers in self.edits.values() for number in numbers]
        return {
            "programs": len(self.edits),
            "failures": dict(self.failures.most_common()),
            "sequences": self.sequences,
            "sequences that do not replay": self.not_replayed,
            "sequences that remove lines": self.not_insertions,
            "edits per program": quantiles(counts),
            "lines per edit": quantiles(self.lines),
            "relative position of the last edit": quantiles(self.positions),
            "share of last edits with": _shares(self.last_edits, self.sequences),
            "share of the lines of last edits": _shares(self.last_lines, count),
        }


def measure(
    programs: list[Program],
    *,
    paths: int,
    seed: int,
    published: Published | None,
    on_progress: Callable[[str], None] | None = None,
) -> dict[str, Any]:
    """Refactor the same programs with each implementation, and compare what came out."""
    sides = {name: Side() for name in ("ours, fast", "ours, pylint")}
    if published:
        sides["published"] = Side()
    for program in programs:
        if on_progress:
            on_progress(f"distribution: {program.name}")
        for linter in ("fast", "pylint"):
            side = sides[f"ours, {linter}"]
            run = ours.run(program, linter, paths, seed)
            if run.failure:
                side.failures[run.failure] += 1
            else:
                side.add(program, run.paths)
        if published:
            _add_published(sides["published"], program, published, paths, seed)
    return {
        **{name: side.as_json() for name, side in sides.items()},
        "tests of edits per program": {
            f"{first} / {second}": _test(sides[first], sides[second], seed)
            for first, second in itertools.combinations(sides, 2)
        },
    }


def _add_published(
    side: Side, program: Program, published: Published, paths: int, seed: int
) -> None:
    run = published.run(program.text, paths, seed)
    if run.failure:
        side.failures[run.failure] += 1
        return
    read, refused = run.read()
    side.not_replayed += refused
    if not refused:
        side.add(program, read)


def _test(first: Side, second: Side, seed: int) -> dict[str, float] | None:
    """Compare the mean number of edits of each program that both refactored.

    Paths of one program are alike, so it is programs that are counted.
    """
    common = [name for name in first.edits if name in second.edits]
    if not common:
        return None
    means = [
        [sum(side.edits[name]) / len(side.edits[name]) for name in common]
        for side in (first, second)
    ]
    return {"programs": len(common), **compare(*means, seed)}


def kinds_of_lines(lines: list[str]) -> list[str]:
    """Return for each line the kind of the innermost statement that it belongs to."""
    kinds = ["" for _ in lines]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tree = ast.parse("\n".join(lines))
        except (SyntaxError, ValueError):
            return ["unknown" if line.strip() else "blank" for line in lines]
    for node in ast.walk(tree):  # outer statements come before those inside
        if isinstance(node, ast.stmt):
            for row in range(node.lineno - 1, node.end_lineno or node.lineno):
                kinds[row] = _kind(node)
            for decorator in getattr(node, "decorator_list", []):
                for row in range(decorator.lineno - 1, decorator.end_lineno):
                    kinds[row] = "decorator"
    return [_line_kind(line, kind) for line, kind in zip(lines, kinds, strict=True)]


def _kind(node: ast.stmt) -> str:
    if (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    ):
        return "docstring"
    return _KINDS.get(type(node), "other")


def _line_kind(line: str, kind: str) -> str:
    if kind == "docstring":
        return kind
    if not line.strip():
        return "blank"
    return "comment" if line.lstrip().startswith("#") else kind or "other"


def _added(edit: Edit) -> Iterator[int]:
    """Yield the rows, after the edit, of the lines that it adds."""
    offset = 0
    for hunk in edit.hunks:
        row = hunk.start + offset
        for line in hunk.lines:
            if line.op == "+":
                yield row
            row += line.op != "-"
        offset += len(hunk.new) - len(hunk.old)


def _shares(counts: Counter[str], total: int) -> dict[str, float]:
    return {kind: round(count / total, 4) for kind, count in counts.most_common()}
