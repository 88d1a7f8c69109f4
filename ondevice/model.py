"""Load a model, and have it write programs."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from ondevice.catalogue import Manifest, resolve
from ondevice.edits import LINTSEQ, SEPARATOR, TEMPLATE, UNIFIED, Buffer, Dialect, Unified
from ondevice.errors import ClosedError, ModelFormatError, PromptTooLongError, RequestError
from ondevice.events import Event
from ondevice.probing import Probes
from ondevice.prompts import Chat, Template
from ondevice.results import Result, collect, ranked

if TYPE_CHECKING:
    from ondevice.backends import Backend
    from ondevice.checks import Check
    from ondevice.decoding import Request
    from ondevice.decoding.constraints import Lengths


class Options(TypedDict, total=False):
    """What ``generate`` and ``sample`` take besides the prompt; see ``Model.stream``."""

    source: str | None
    path: str
    tests: str | Check | None
    seed: int
    temperature: float
    top_p: float
    top_k: int
    min_p: float
    max_tokens: int
    max_seconds: float
    max_lines: int
    check: str | Check | Sequence[str | Check]
    retries: int
    depth: int
    constrain: bool
    lengths: Lengths
    width: int | None


class Model:
    """A loaded model; use it as a context manager, or close it, to free its memory.

    Threads may share it: each request has sequences of the cache for itself and waits for them
    where too few are free, and one at a time computes. What a request gives does not depend on the
    others.
    """

    def __init__(
        self,
        backend: Backend,
        *,
        name: str,
        manifest: Manifest | None = None,
        probes: Probes | None = None,
    ) -> None:
        from ondevice.decoding import Pool

        self.name = name
        self.manifest = manifest
        self._backend = backend
        self._pool = Pool(backend)
        self._probes = probes
        self._prompts: Chat | Template = Template(
            manifest.prompt_template if manifest else TEMPLATE
        )
        self._dialect = manifest.dialect if manifest else LINTSEQ.name
        pieces = [backend.token_bytes(token) for token in backend.tokenize(SEPARATOR)]
        if self._dialect != LINTSEQ.name or pieces == [SEPARATOR.encode()]:
            return
        if manifest or not backend.chat:
            backend.close()
            raise ModelFormatError(
                f"the model {name!r} has no token {SEPARATOR}, so it was not trained to write edit "
                "sequences; a general model needs a chat template in its files"
            )
        self._prompts, self._dialect = Chat(backend.chat), UNIFIED.name

    @property
    def backend_name(self) -> str:
        """Which backend computes: ``"onnx"`` or ``"llama_cpp"``."""
        return self._backend.name

    @property
    def context_length(self) -> int:
        """Tokens that prompt and edits together may have."""
        return self._backend.context_length

    @property
    def dialect(self) -> str:
        """How it writes edits: ``"lintseq"``, insertions only, or ``"unified"``, any change."""
        return self._dialect

    def stream(
        self,
        prompt: str,
        *,
        source: str | None = None,
        path: str = "program.py",
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
    ) -> Generator[Event, None, None]:
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
        findings, judge each finished one and end the request at the first that passes. Closing the
        generator cancels.

        Raises ``RequestError`` for a request that cannot be carried out, ``PromptTooLongError``
        among them, before anything is decoded; ``ClosedError`` when the model is closed, or when
        this thread has a stream under way that holds what is needed; ``CheckError`` when a check
        crashes.
        """
        from ondevice.checks import resolve_checks, split_checks
        from ondevice.checks import tests as program_tests
        from ondevice.decoding import Request, Sampling

        given = program_tests(tests) if isinstance(tests, str) else tests
        checks, late = split_checks(resolve_checks(check))
        buffer, dialect = self._source(source, path)
        given_tokens = self._prompt_tokens(prompt, buffer, dialect)
        request = Request(
            prompt=given_tokens[0],
            history=given_tokens[1],
            dialect=dialect,
            lengths=lengths,
            seed=seed,
            sampling=Sampling(temperature, top_k, top_p, min_p),
            checks=tuple(checks),
            tests=(*late, *([given] if given else [])),
            samples=samples,
            width=width or self._width(samples),
            max_tokens=max_tokens,
            max_seconds=max_seconds,
            max_lines=max_lines,
            retries=retries,
            depth=depth,
            constrained=constrain,
        )
        return self._run(request, buffer)

    def generate(self, prompt: str, **options: Unpack[Options]) -> Result:
        """Write a program for ``prompt`` and return it whole; see ``stream`` for the options."""
        buffer, dialect = self._source(options.get("source"), options.get("path", ""))
        return collect(self.stream(prompt, **options), buffer, dialect)

    def edit(self, prompt: str, **options: Unpack[Options]) -> Result:
        """Change the program ``source`` as ``prompt`` asks and return it whole; see ``stream``."""
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
        """
        options.setdefault("temperature", 1.0)
        buffer, dialect = self._source(options.get("source"), options.get("path", ""))
        return ranked(self.stream(prompt, samples=n, **options), buffer, dialect)

    def close(self) -> None:
        """Free the model's memory; calling it again does nothing.

        Raises ``ClosedError`` while a request is being decoded.
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

    def _run(self, request: Request, buffer: Buffer) -> Generator[Event, None, None]:
        from ondevice.decoding import Engine

        yield from Engine(self._pool, request, buffer).run()

    def _source(self, source: str | None, path: str) -> tuple[Buffer, Dialect]:
        """Return the buffer to start from, and how the model writes edits of it."""
        buffer = Buffer.from_text(source or "")
        if self._dialect == LINTSEQ.name:
            return buffer, LINTSEQ
        try:
            return buffer, Unified(path, buffer.newline, isinstance(self._prompts, Chat))
        except ValueError as error:
            raise RequestError(str(error)) from error

    def _prompt_tokens(
        self, prompt: str, buffer: Buffer, dialect: Dialect
    ) -> tuple[list[int], list[int]]:
        """Return the tokens of the prompt, and those that stand for what the buffer holds."""
        if not prompt.strip():
            raise RequestError("the prompt is empty; say what the program should do")
        if SEPARATOR in prompt:
            raise RequestError(
                f"the prompt contains {SEPARATOR}, which a model reads as the end of the prompt"
            )
        text, history = self._prompts.fill(prompt, buffer, dialect)
        with self._pool.computing() as backend:
            tokens, prefix = backend.tokenize(text), [*backend.prefix_tokens]
            if tokens[: len(prefix)] != prefix:  # a chat template may have put them in
                tokens = prefix + tokens
            past = backend.tokenize(history)
        if len(tokens) + len(past) >= self._backend.context_length:
            raise PromptTooLongError(
                f"the prompt has {len(tokens) + len(past)} tokens, but the context of "
                f"{self.name!r} holds {self._backend.context_length}, the program included; "
                "shorten the prompt"
            )
        return tokens, past


def load(
    model: str | Path | None = None,
    *,
    backend: str | None = None,
    context_length: int | None = None,
    threads: int | None = None,
    sequences: int | None = None,
) -> Model:
    """Load a model: the bundled one, or a name, a ``.gguf`` or ``.onnx`` file, or a folder.

    ``backend`` is ``"onnx"`` or ``"llama_cpp"``; by default, what fits the files and is
    installed. ``context_length`` is in tokens, at most the trained length and that by default.
    ``sequences`` is how many samples can be decoded at once, of all requests together; by default
    up to 16, as many as find room in 256 MB of cache. How many ``threads`` compute is found by
    trying when a model above 32 MB is loaded for the first time, and how many samples one batch
    takes when several are first asked for; both are kept in the user's cache folder, or where
    ``ONDEVICE_CACHE`` says.
    Raises ``ModelError`` (its subclasses say what is missing, and how to mend it), and
    ``RequestError`` for parameters that the model does not allow.
    """
    from ondevice.backends import open_backend
    from ondevice.backends.files import find_weights

    source = resolve(model)
    weights, reader = find_weights(Path(source.path), backend)
    opened = open_backend(
        weights,
        backend=reader,
        context_length=context_length,
        max_sequences=sequences,
        threads=threads,
    )
    probes = Probes(weights, reader)
    if threads is None:
        probes.set_threads(opened)
    return Model(opened, name=source.name, manifest=source.manifest, probes=probes)
