"""From the name of a model to the model."""

from __future__ import annotations

from pathlib import Path

from ondevice.catalogue import require_sizes, resolve
from ondevice.edits import Dialect
from ondevice.model import Model
from ondevice.probing import Probes


def load(
    model: str | Path | None = None,
    *,
    backend: str | None = None,
    context_length: int | None = None,
    threads: int | None = None,
    sequences: int | None = None,
    dialect: str | Dialect | None = None,
    prompt_template: str | None = None,
) -> Model:
    """Load a model: the bundled one, or a name, a ``.gguf`` or ``.onnx`` file, or a folder.

    ``backend`` is ``"onnx"`` or ``"llama_cpp"``; by default, what fits the files and is
    installed. ``context_length`` is in tokens, at most the trained length and that by default.
    ``sequences`` is how many samples can be decoded at once, of all requests together; by default
    up to 16, as many as find room in 256 MB of cache. How many ``threads`` compute is found by
    trying when a model above 32 MB is loaded for the first time, and how many samples one batch
    takes when several are first asked for; both are kept in the user's cache folder, or where
    ``ONDEVICE_CACHE`` says.
    ``dialect`` is how the model writes edits, ``"lintseq"``, ``"unified"`` or an
    ``edits.Dialect``, which is read but not constrained; ``prompt_template`` is what it is asked
    with: ``{instruction}`` stands for the request, and ``{source}`` for the program to change. By
    default, both are what its files say.
    Raises ``ModelError`` (its subclasses say what is missing, and how to mend it), and
    ``RequestError`` for parameters that the model does not allow.

    Several models can be loaded at once; each has its memory for itself, until it is closed.

    >>> template = "write {instruction}\\n<|diff|>"
    >>> with ondevice.load() as one, ondevice.load(prompt_template=template) as two:
    ...     one.generate("write fizzbuzz").text == two.generate("fizzbuzz").text
    True
    """
    from ondevice.backends import open_backend
    from ondevice.backends.files import find_weights

    source = resolve(model)
    weights, reader = find_weights(Path(source.path), backend)
    if source.manifest:
        require_sizes(weights.parent, source.manifest, (weights.name, "tokenizer.json"))
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
    return Model(
        opened,
        name=source.name,
        manifest=source.manifest,
        probes=probes,
        weights=weights,
        dialect=dialect,
        prompt_template=prompt_template,
    )
