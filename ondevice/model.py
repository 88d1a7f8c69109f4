"""Load a model, and have it write programs."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from ondevice.catalogue import Manifest, resolve
from ondevice.edits import SEPARATOR
from ondevice.errors import ClosedError, ModelFormatError, PromptTooLongError, RequestError
from ondevice.events import Event
from ondevice.results import Result, collect, ranked

if TYPE_CHECKING:
    from ondevice.backends import Backend
    from ondevice.checks import Check
    from ondevice.decoding import Request

LINTSEQ_TEMPLATE = "{instruction}\n" + SEPARATOR
"""The prompt of the published LintSeq models (arXiv 2410.02749), for files without a manifest."""


class Options(TypedDict, total=False):
    """What ``generate`` and ``sample`` take besides the prompt; see ``Model.stream``."""

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
    width: int | None


class Model:
    """A loaded model; use it as a context manager, or close it, to free its memory.

    Threads may share it: each request has sequences of the cache for itself and waits for them
    where too few are free, and one at a time computes. What a request gives does not depend on the
    others.
    """

    def __init__(self, backend: Backend, *, name: str, manifest: Manifest | None = None) -> None:
        from ondevice.decoding import Pool

        self.name = name
        self.manifest = manifest
        self._backend = backend
        self._pool = Pool(backend)
        self._template = manifest.prompt_template if manifest else LINTSEQ_TEMPLATE
        pieces = [backend.token_bytes(token) for token in backend.tokenize(SEPARATOR)]
        if pieces != [SEPARATOR.encode()]:
            backend.close()
            raise ModelFormatError(
                f"the model {name!r} has no token {SEPARATOR}, so it was not trained to write edit "
                "sequences; `ondevice generate` needs a LintSeq model"
            )

    @property
    def backend_name(self) -> str:
        """Which backend computes: ``"onnx"`` or ``"llama_cpp"``."""
        return self._backend.name

    @property
    def context_length(self) -> int:
        """Tokens that prompt and edits together may have."""
        return self._backend.context_length

    def stream(
        self,
        prompt: str,
        *,
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
        width: int | None = None,
    ) -> Generator[Event, None, None]:
        """Write a program for ``prompt`` and yield what happens, ``Done`` last.

        ``temperature`` 0 is greedy; ``max_tokens`` bounds the tokens of a sample that are evaluated
        after the prompt, ``max_seconds`` the time, ``max_lines`` the program: what is begun after
        the last accepted edit is left out then.
        ``check`` judges the buffer after every edit: ``"syntax"``, ``"names"``, ``"ruff"``,
        ``"pylint"``, ``"none"``, a callable from text to findings, or several; a refused edit is
        taken back and sampled again, at most ``retries`` times, then once more after each of up to
        ``depth`` edits before it is withdrawn, too; after that the attempt with the fewest findings
        is kept, with them.
        ``constrain`` off lets the model write diffs that do not apply (they are refused like failed
        checks). ``samples`` programs are written together, at most ``width`` in one batch, and
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
        request = Request(
            prompt=self._prompt_tokens(prompt),
            seed=seed,
            sampling=Sampling(temperature, top_k, top_p, min_p),
            checks=tuple(checks),
            tests=(*late, *([given] if given else [])),
            samples=samples,
            width=width,
            max_tokens=max_tokens,
            max_seconds=max_seconds,
            max_lines=max_lines,
            retries=retries,
            depth=depth,
            constrained=constrain,
        )
        return self._run(request)

    def generate(self, prompt: str, **options: Unpack[Options]) -> Result:
        """Write a program for ``prompt`` and return it whole; see ``stream`` for the options."""
        return collect(self.stream(prompt, **options))

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
        return ranked(self.stream(prompt, samples=n, **options))

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

    def _run(self, request: Request) -> Generator[Event, None, None]:
        from ondevice.decoding import Engine
        from ondevice.edits import Buffer

        yield from Engine(self._pool, request, Buffer()).run()

    def _prompt_tokens(self, prompt: str) -> list[int]:
        if not prompt.strip():
            raise RequestError("the prompt is empty; say what the program should do")
        if SEPARATOR in prompt:
            raise RequestError(
                f"the prompt contains {SEPARATOR}, which a model reads as the end of the prompt"
            )
        text = self._template.replace("{instruction}", prompt)
        with self._pool.computing() as backend:
            tokens = [*backend.prefix_tokens, *backend.tokenize(text)]
        if len(tokens) >= self._backend.context_length:
            raise PromptTooLongError(
                f"the prompt has {len(tokens)} tokens, but the context of {self.name!r} holds "
                f"{self._backend.context_length}, the program included; shorten the prompt"
            )
        return tokens


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
    up to 16, as many as find room in 256 MB of cache.
    Raises ``ModelError`` (its subclasses say what is missing, and how to mend it), and
    ``RequestError`` for parameters that the model does not allow.
    """
    from ondevice.backends import open_backend

    source = resolve(model)
    opened = open_backend(
        source.path,
        backend=backend,
        context_length=context_length,
        max_sequences=sequences,
        threads=threads,
    )
    return Model(opened, name=source.name, manifest=source.manifest)
