"""A loaded model, which writes and changes programs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from ondevice.asynchronous import AsyncTwins
from ondevice.catalogue import Manifest
from ondevice.edits import Buffer, Dialect
from ondevice.errors import ClosedError, OndeviceError, RequestError
from ondevice.manner import Manner
from ondevice.options import Cancel, Options
from ondevice.probing import Probes
from ondevice.results import Result, collect, ranked
from ondevice.streams import Stream

if TYPE_CHECKING:
    from ondevice.backends import Backend
    from ondevice.checks import Check
    from ondevice.decoding import Scheduler
    from ondevice.decoding.constraints import Lengths

PATH = "program.py"
"""What a program is called where its name is not given."""


class Model(AsyncTwins):
    """A loaded model; use it as a context manager, or close it, to free its memory.

    Threads may share it: each request has sequences of the cache for itself and waits for them
    where too few are free, and one at a time computes. What a request gives does not depend on the
    others. ``name`` and ``weights`` say which model it is and what file it was read from.

    >>> with ondevice.load() as model:
    ...     print(model.name, model.dialect, model.context_length)
    tiny lintseq 1024
    """

    def __init__(
        self,
        backend: Backend,
        *,
        name: str,
        manifest: Manifest | None = None,
        probes: Probes | None = None,
        weights: Path | None = None,
        dialect: str | Dialect | None = None,
        prompt_template: str | None = None,
    ) -> None:
        from ondevice.decoding import Pool

        self.name = name
        self.manifest = manifest
        self.weights = weights
        self._backend = backend
        self._pool = Pool(backend)
        self._probes = probes
        try:
            self._manner = Manner.of(backend, name, manifest, dialect, prompt_template)
        except OndeviceError:
            backend.close()
            raise

    @property
    def backend_name(self) -> str:
        """Which backend computes: ``"onnx"`` or ``"llama_cpp"``.

        >>> model.backend_name in ("onnx", "llama_cpp")
        True
        """
        return self._backend.name

    @property
    def context_length(self) -> int:
        """Tokens that prompt and edits together may have.

        >>> model.context_length
        1024
        """
        return self._backend.context_length

    @property
    def sequences(self) -> int:
        """How many samples can be decoded at once, of all requests together.

        >>> 1 <= model.sequences <= 16
        True
        """
        return self._backend.max_sequences

    @property
    def dialect(self) -> str:
        """How it writes edits: ``"lintseq"``, insertions only, or ``"unified"``, any change.

        >>> model.dialect
        'lintseq'
        """
        return self._manner.name

    def stream(
        self,
        prompt: str,
        *,
        source: str | None = None,
        path: str = PATH,
        samples: int = 1,
        tests: str | Check | None = None,
        seed: int = 0,
        temperature: float = 0.0,
        top_p: float = 0.95,
        top_k: int = 0,
        min_p: float = 0.0,
        max_tokens: int = 768,
        max_seconds: float = math.inf,
        max_lines: int = 10_000,
        check: str | Check | Sequence[str | Check] = "names",
        retries: int = 8,
        depth: int = 1,
        constrain: bool = True,
        lengths: Lengths = "written",
        width: int | None = None,
        dialect: str | Dialect | None = None,
        prompt_template: str | None = None,
        cancel: Cancel | None = None,
    ) -> Stream:
        """Write a program for ``prompt`` and yield what happens, ``Done`` last.

        ``source`` is a program to change instead, and ``path`` its name, where the dialect of the
        model tells it. A LintSeq model takes it for what it has written so far, and adds to it.
        ``temperature`` 0 is greedy; ``max_tokens`` bounds the tokens of a sample that are evaluated
        after the prompt, ``max_seconds`` the time, ``max_lines`` the program: what is begun after
        the last accepted edit is left out then.
        ``check`` judges the buffer after every edit: ``"syntax"``, ``"names"``, ``"ruff"``,
        ``"pylint"``, ``"none"``, a callable from text to findings, or several; a refused edit is
        taken back and sampled again, at most ``retries`` times, then once more after each of up to
        ``depth`` edits before it is withdrawn, too; after that the attempt with the fewest findings
        is kept, with them.
        ``constrain`` off lets the model write diffs that do not apply (they are refused like failed
        checks). With ``lengths`` ``"announced"``, a hunk has as many lines as its header says, with
        ``"written"``, the lines decide, and the header is mended. ``samples`` programs are written
        together, at most ``width`` in one batch (by default, as many as the machine does well), and
        ``tests``, a program of assertions (see ``checks.tests``) or a callable from text to
        findings, judge each finished one and end the request at the first that passes.
        ``dialect`` and ``prompt_template`` are used instead of the model's own, see ``load``.
        Closing the generator cancels, and so does ``cancel`` from any thread, a
        ``threading.Event`` say, once it is set: the stream ends with what is accepted by then.

        Raises ``RequestError`` for a request that cannot be carried out, ``PromptTooLongError``
        among them, before anything is decoded; ``ClosedError`` when the model is closed, or when
        this thread has a stream under way that holds what is needed; ``CheckError`` when a check
        crashes.

        >>> for event in model.stream("write fizzbuzz"):
        ...     if isinstance(event, ondevice.events.HunkApplied):
        ...         print(event.added[0])
        for number in range(1, 101):
            elif number % 3 == 0:
        """
        from ondevice.checks import resolve_checks, split_checks
        from ondevice.checks import tests as program_tests
        from ondevice.decoding import Engine, Request, Sampling

        given = program_tests(tests) if isinstance(tests, str) else tests
        checks, late = split_checks(resolve_checks(check))
        manner = self._manner.changed(dialect, prompt_template)
        buffer, spoken = manner.begin(source, path)
        with self._pool.computing() as opened:
            asked, past = manner.tokens(prompt, buffer, spoken, opened, self.name)
        request = Request(
            prompt=asked,
            history=past,
            dialect=spoken,
            lengths=lengths,
            seed=seed,
            sampling=Sampling(temperature, top_k, top_p, min_p),
            checks=tuple(checks),
            tests=(*late, *([given] if given else [])),
            samples=samples,
            width=self._width(samples) if width is None else width,
            max_tokens=max_tokens,
            max_seconds=max_seconds,
            max_lines=max_lines,
            retries=retries,
            depth=depth,
            constrained=constrain and manner.has_constraint,
            cancel=cancel,
        )
        return Stream(Engine(self._pool, request, buffer))

    def generate(self, prompt: str, **options: Unpack[Options]) -> Result:
        """Write a program for ``prompt`` and return it whole; see ``stream`` for the options.

        A check is any function from a text to findings.

        >>> def short(text):
        ...     lines = text.count("\\n")
        ...     return [ondevice.events.Finding("short", lines, "too long")] if lines > 20 else []
        >>> result = model.generate("write fizzbuzz", check=["names", short], max_seconds=60)
        >>> result.finish_reason, result.findings
        ('complete', ())
        """
        buffer, dialect = self._begin(options)
        return collect(self.stream(prompt, **options), buffer, dialect)

    def edit(self, prompt: str, **options: Unpack[Options]) -> Result:
        """Change the program ``source`` as ``prompt`` asks and return it whole; see ``stream``.

        Line ends, a byte-order mark and a missing final newline stay as they are.

        >>> result = model.edit("write factorial(n)", source="# Mine.\\r\\n", path="f.py")
        >>> "def factorial(n):\\r\\n" in result.text
        True
        """
        if options.get("source") is None:
            raise RequestError("there is nothing to edit; give the program as source")
        return self.generate(prompt, **options)

    def sample(
        self,
        prompt: str,
        n: int,
        **options: Unpack[Options],
    ) -> list[Result]:
        """Write ``n`` programs for ``prompt`` in one batch; return the different ones, best first.

        Those that pass the tests come before others, then those that are finished, have the fewest
        findings, and are likeliest. With tests, the search ends at the first that passes; samples
        that it cuts off are left out. See ``stream`` for the options; ``temperature`` is 1 here.

        >>> best, *others = model.sample(
        ...     "write factorial(n)", 16, tests="assert factorial(5) == 120"
        ... )
        >>> best.passed
        True
        """
        options.setdefault("temperature", 1.0)
        buffer, dialect = self._begin(options)
        return ranked(self.stream(prompt, samples=n, **options), buffer, dialect)

    def scheduler(self, *, mixed: bool = False) -> Scheduler:
        """Return what runs streams of this model together, all in one thread.

        How many requests' tokens are computed in one batch is found by trying when this is first
        asked for: as many as do well, or one, where others beside it change what it gives.
        ``mixed`` takes a batch there, too; then a request may come to another program beside
        others.

        >>> scheduler, finished = model.scheduler(), []
        >>> for prompt in ("write fizzbuzz", "write factorial(n)"):
        ...     scheduler.add(prompt, model.stream(prompt).engine)
        >>> while len(scheduler):
        ...     finished += [turn.key for turn in scheduler.step() if turn.ended]
        >>> sorted(finished)
        ['write factorial(n)', 'write fizzbuzz']
        """
        from ondevice.decoding import Scheduler

        # Later, when sequences are lent, the width cannot be found any more.
        width = self._width(self.sequences) or self.sequences
        together = self._probes.together(self._pool) if self._probes else 1
        return Scheduler(width if mixed else together, self._backend.lanes)

    def close(self) -> None:
        """Free the model's memory; calling it again does nothing.

        Raises ``ClosedError`` while a request is being decoded.

        >>> other = ondevice.load()
        >>> other.close()
        >>> other.generate("write fizzbuzz")
        Traceback (most recent call last):
        ondevice.errors.ClosedError: the model has been closed; load it again to use it
        """
        self._pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.close()
        except ClosedError:
            if error is None:  # otherwise the caller's own error is the one to see
                raise

    def _width(self, samples: int) -> int | None:
        """Return how many of so many samples are decoded at once; None: as many as fit."""
        if samples < 2 or self._backend.max_sequences < 2 or not self._probes:
            return None
        return self._probes.width(self._pool)

    def _begin(self, options: Options) -> tuple[Buffer, Dialect]:
        """Return the buffer that a request starts from, and the dialect of its edits."""
        manner = self._manner.changed(options.get("dialect"), options.get("prompt_template"))
        return manner.begin(options.get("source"), options.get("path", PATH))
