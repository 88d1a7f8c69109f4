"""What pyflakes says of one segment by itself, and what that comes to in a whole program.

Pyflakes goes through a module in order, and through the bodies of functions after that. By itself,
a segment lacks the names that others bind, so it is told to miss them; whether they are bound is
then a matter of sets. What else segments do to each other (``del``, ``__all__``, star imports,
``global`` in a class ...) is not modeled: such programs are left to pyflakes as a whole.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pyflakes import checker

from ondevice.checks.python import ERRORS, quietly
from ondevice.checks.segments import Segment, segment_tree
from ondevice.events import Finding

# The errors that do not depend on other segments, but for which names these bind.
_MODELED = frozenset({"UndefinedName", "ForwardAnnotationSyntaxError"})


@dataclass(frozen=True, slots=True)
class Message:
    """An error in a line (from 1) of a segment.

    ``missing`` is the name that would have to be bound, anywhere if ``late`` (when a function
    runs), else above.
    """

    line: int
    text: str
    missing: str | None
    late: bool


@dataclass(frozen=True, slots=True)
class Summary:
    """What there is to know of a segment.

    ``binds``: names that it leaves in the module.
    ``declares``: names that its functions declare ``global`` or ``nonlocal``, which pyflakes then
    misses nowhere.
    ``rebound``: names that it misses in one place and binds in a function in another, which is an
    error of its own if the module has them.
    ``renamed``: modules that it imports under another name.
    ``typing``: names that it binds to the module typing or its members.
    ``subjects``: what it subscripts, calls or annotates with, which may be of typing, so that
    strings are annotations.
    """

    messages: tuple[Message, ...]
    binds: frozenset[str]
    declares: frozenset[str]
    rebound: frozenset[str]
    renamed: frozenset[str]
    typing: frozenset[str]
    subjects: frozenset[str]
    only_imports: bool


def summarize(text: str, imports: str = "") -> Summary | None:
    """Ask pyflakes about a segment that comes after some imports.

    Returns None where only pyflakes itself can judge the program that has this segment.
    """
    tree = segment_tree(text)
    if tree is None:
        return None
    only_imports = all(isinstance(node, ast.Import | ast.ImportFrom) for node in tree.body)
    with quietly():
        tree.body[:0] = ast.parse(imports).body
        # Whatever it is that pyflakes stumbles over, it will again when it is asked as usual.
        try:
            found = _Isolated(tree, withDoctest=False)
            return found.summary(only_imports)
        except Exception:
            return None


class _Isolated(checker.Checker):  # type: ignore[misc,unused-ignore]  # pyflakes has no types
    """Pyflakes on one segment; what is named unlike the rest is what pyflakes calls."""

    def __init__(self, tree: ast.Module, *, withDoctest: bool) -> None:  # noqa: N803
        self._inline: list[Any] | None = None  # what is reported before functions run
        self._entangled = False
        self._missed: set[str] = set()
        self._declared: set[str] = set()
        self._bound_in_functions: set[str] = set()
        self._subjects: set[str] = set()
        super().__init__(tree, withDoctest=withDoctest)

    def summary(self, only_imports: bool) -> Summary | None:
        """Return what was found; None if other segments may change more of it than is modeled."""
        scope = self.deadScopes[-1]
        bindings = [one for one in scope.values() if not isinstance(one, checker.Builtin)]
        errors = [message for message in self.messages if type(message).__name__ in ERRORS]
        if (
            self._entangled
            or self._inline is None
            or scope.importStarred
            or any(isinstance(binding, checker.Annotation) for binding in bindings)
            or any(type(message).__name__ not in _MODELED for message in errors)
        ):
            return None
        errors.sort(key=lambda error: (error.lineno, error.col))
        early = {id(message) for message in self._inline}
        imported = [one for one in bindings if isinstance(one, checker.Importation)]
        return Summary(
            tuple(_message(error, id(error) not in early) for error in errors),
            frozenset(binding.name for binding in bindings),
            frozenset(self._declared),
            frozenset(self._missed & self._bound_in_functions),
            frozenset(one.fullName for one in imported if one.fullName != one.name),
            frozenset(one.name for one in imported if _is_typing(one)),
            frozenset(self._subjects),
            only_imports,
        )

    def _run_deferred(self) -> None:
        self._inline = list(self.messages)
        super()._run_deferred()

    def checkDeadScopes(self) -> None:  # noqa: N802
        """Report nothing: what is unused or exported is no matter here."""

    def report(self, kind: Any, *arguments: Any) -> None:
        if kind.__name__ == "UndefinedName":
            self._missed.add(arguments[1])
        super().report(kind, *arguments)

    def handleNodeStore(self, node: Any) -> None:  # noqa: N802
        name = checker.getNodeName(node)
        if isinstance(self.scope, checker.FunctionScope) and name not in self.scope:
            self._bound_in_functions.add(name)
        super().handleNodeStore(node)

    def handleNodeDelete(self, node: Any) -> None:  # noqa: N802
        self._entangled = True

    def GLOBAL(self, node: Any) -> None:  # noqa: N802
        self._declared.update(node.names)
        self._entangled |= self._inline is None
        super().GLOBAL(node)

    NONLOCAL = GLOBAL

    def SUBSCRIPT(self, node: Any) -> None:  # noqa: N802
        self._note_subject(node.value)
        super().SUBSCRIPT(node)

    def CALL(self, node: Any) -> None:  # noqa: N802
        self._note_subject(node.func)
        super().CALL(node)

    def ANNASSIGN(self, node: Any) -> None:  # noqa: N802
        self._note_subject(node.annotation)
        super().ANNASSIGN(node)

    def _note_subject(self, node: ast.expr) -> None:
        if isinstance(node, ast.Attribute):
            node = node.value
        if isinstance(node, ast.Name):
            self._subjects.add(node.id)


def _message(error: Any, late: bool) -> Message:
    missing = error.message_args[0] if type(error).__name__ == "UndefinedName" else None
    return Message(error.lineno, error.message % error.message_args, missing, late)


def _is_typing(imported: Any) -> bool:
    module = getattr(imported, "module", imported.fullName)
    return module in checker.TYPING_MODULES


def join(
    segments: list[Segment], summarize: Callable[[str, str], Summary | None]
) -> list[Finding] | None:
    """Return what pyflakes would say of a program; None where only it knows."""
    summaries = []
    for segment in segments:
        summary = summarize(segment.text, "")
        if summary is None:
            return None
        summaries.append(summary)
    typed = _with_typing(segments, summaries, summarize)
    if typed is None:
        return None
    declared = frozenset().union(*(summary.declares for summary in typed))
    everywhere = declared.union(*(summary.binds for summary in typed))
    if any(everywhere & (summary.rebound | summary.renamed) for summary in typed):
        return None
    findings = []
    above = set(declared)
    for segment, summary in zip(segments, typed, strict=True):
        for message in summary.messages:
            if message.missing not in (everywhere if message.late else above):
                findings.append(Finding("names", segment.above + message.line, message.text))
        above |= summary.binds
    return findings


def _with_typing(
    segments: list[Segment],
    summaries: list[Summary],
    summarize: Callable[[str, str], Summary | None],
) -> list[Summary] | None:
    """Summarize anew what may hold annotations in strings, by the program's imports of typing.

    None where these imports are not first, or their names bound anew.
    """
    names = frozenset().union(*(summary.typing for summary in summaries))
    if not names or not any(names & summary.subjects for summary in summaries):
        return summaries
    if any(sum(name in summary.binds for summary in summaries) > 1 for name in names):
        return None
    sources = [number for number, summary in enumerate(summaries) if summary.typing]
    if not all(summaries[number].only_imports for number in sources):
        return None
    imports = "\n".join(segments[number].text for number in sources)
    typed = []
    for number, (segment, summary) in enumerate(zip(segments, summaries, strict=True)):
        if names & summary.subjects:
            if number < sources[-1]:
                return None
            again = summarize(segment.text, imports)
            if again is None:
                return None
            summary = again
        typed.append(summary)
    return typed
