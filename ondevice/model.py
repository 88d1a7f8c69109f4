"""Load a model, and have it write programs."""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from ondevice.catalogue import Manifest, resolve
from ondevice.edits import SEPARATOR, Edit
from ondevice.errors import ClosedError, ModelFormatError, PromptTooLongError, RequestError
from ondevice.events import Done, EditAccepted, Event, Finding, FinishReason, Stats

if TYPE_CHECKING:
    from ondevice.backends import Backend
    from ondevice.checks import Check
    from ondevice.decoding import Request

LINTSEQ_TEMPLATE = "{instruction}\n" + SEPARATOR
"""The prompt of the published LintSeq models (arXiv 2410.02749), for files without a manifest."""


@dataclass(frozen=True, slots=True)
class Result:
    """A finished program and how it came to be.

    ``diffs`` are the accepted edits as the model wrote them, ``findings`` what the checks object
    to where ``finish_reason`` is ``"retries"``.
    """

    text: str
    edits: tuple[Edit, ...]
    diffs: tuple[str, ...]
    findings: tuple[Finding, ...]
    finish_reason: FinishReason
    stats: Stats


class Model:
    """A loaded model; use it as a context manager, or close it, to free its memory.

    It decodes one request at a time: another thread that asks meanwhile gets ``ClosedError``.
    """

    def __init__(self, backend: Backend, *, name: str, manifest: Manifest | None = None) -> None:
        self.name = name
        self.manifest = manifest
        self._backend = backend
        self._lock = threading.Lock()
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
        seed: int = 0,
        temperature: float = 0.0,
        top_p: float = 0.95,
        top_k: int = 0,
        min_p: float = 0.0,
        max_tokens: int = 768,
        check: str | Check | Sequence[str | Check] = "names",
        retries: int = 8,
        constrain: bool = True,
    ) -> Generator[Event, None, None]:
        """Write a program for ``prompt`` and yield what happens, ``Done`` last.

        ``temperature`` 0 is greedy; ``max_tokens`` bounds the tokens evaluated after the prompt.
        ``check`` judges the buffer after every edit: ``"syntax"``, ``"names"``, ``"none"``, a
        callable from text to findings, or several; a refused edit is taken back and sampled
        again, at most ``retries`` times. ``constrain`` off lets the model write diffs that do not
        apply (they are refused like failed checks). Closing the generator cancels, and frees the
        model for another request.

        Raises ``RequestError`` for a request that cannot be carried out, ``PromptTooLongError``
        among them, before anything is decoded; ``ClosedError`` when the model is closed or busy;
        ``CheckError`` when a check crashes.
        """
        from ondevice.checks import resolve_checks
        from ondevice.decoding import Request, Sampling

        request = Request(
            prompt=self._prompt_tokens(prompt),
            seed=seed,
            sampling=Sampling(temperature, top_k, top_p, min_p),
            checks=tuple(resolve_checks(check)),
            max_tokens=max_tokens,
            retries=retries,
            constrained=constrain,
        )
        return self._run(request)

    def generate(
        self,
        prompt: str,
        *,
        seed: int = 0,
        temperature: float = 0.0,
        top_p: float = 0.95,
        top_k: int = 0,
        min_p: float = 0.0,
        max_tokens: int = 768,
        check: str | Check | Sequence[str | Check] = "names",
        retries: int = 8,
        constrain: bool = True,
    ) -> Result:
        """Write a program for ``prompt`` and return it whole; see ``stream`` for the parameters."""
        return collect(
            self.stream(
                prompt,
                seed=seed,
                temperature=temperature,
                top_p=top_p,
                top_k=top_k,
                min_p=min_p,
                max_tokens=max_tokens,
                check=check,
                retries=retries,
                constrain=constrain,
            )
        )

    def close(self) -> None:
        """Free the model's memory; calling it again does nothing.

        Raises ``ClosedError`` while a request is being decoded.
        """
        with self._exclusively():
            self._backend.close()

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

        with self._exclusively():
            yield from Engine(self._backend, request, Buffer()).run()

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Hold the model for one use; a second one is refused instead of made to wait."""
        if not self._lock.acquire(blocking=False):
            raise ClosedError(
                f"the model {self.name!r} is decoding another request; wait for it, close its "
                "stream, or load the model a second time"
            )
        try:
            yield
        finally:
            self._lock.release()

    def _prompt_tokens(self, prompt: str) -> list[int]:
        if not prompt.strip():
            raise RequestError("the prompt is empty; say what the program should do")
        if SEPARATOR in prompt:
            raise RequestError(
                f"the prompt contains {SEPARATOR}, which a model reads as the end of the prompt"
            )
        text = self._template.replace("{instruction}", prompt)
        with self._exclusively():
            tokens = [*self._backend.prefix_tokens, *self._backend.tokenize(text)]
        if len(tokens) >= self._backend.context_length:
            raise PromptTooLongError(
                f"the prompt has {len(tokens)} tokens, but the context of {self.name!r} holds "
                f"{self._backend.context_length}, the program included; shorten the prompt"
            )
        return tokens


def collect(events: Iterable[Event]) -> Result:
    """Go through a stream to its end and return the result."""
    from ondevice.edits import LINTSEQ, Buffer

    buffer = Buffer()
    edits: list[Edit] = []
    diffs: list[str] = []
    for event in events:
        if isinstance(event, EditAccepted):
            diffs.append(event.diff)
            edits += LINTSEQ.read(event.diff, buffer)
        elif isinstance(event, Done):
            return Result(
                event.text,
                tuple(edits),
                tuple(diffs),
                event.findings,
                event.finish_reason,
                event.stats,
            )
    raise RequestError("the stream was closed before it was done")


def load(
    model: str | Path | None = None,
    *,
    backend: str | None = None,
    context_length: int | None = None,
    threads: int | None = None,
) -> Model:
    """Load a model: the bundled one, or a name, a ``.gguf`` or ``.onnx`` file, or a folder.

    ``backend`` is ``"onnx"`` or ``"llama_cpp"``; by default, what fits the files and is
    installed. ``context_length`` is in tokens, at most the trained length and that by default.
    Raises ``ModelError`` (its subclasses say what is missing, and how to mend it), and
    ``RequestError`` for parameters that the model does not allow.
    """
    from ondevice.backends import open_backend

    source = resolve(model)
    opened = open_backend(
        source.path, backend=backend, context_length=context_length, threads=threads
    )
    return Model(opened, name=source.name, manifest=source.manifest)
