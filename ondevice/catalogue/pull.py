"""Fetches a model from the Hugging Face hub: whole and verified, or not there at all."""

from __future__ import annotations

import contextlib
import re
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ondevice.catalogue.gguf_model import describe_gguf
from ondevice.catalogue.hub import RemoteFile, Repository, download, look_up
from ondevice.catalogue.installed import (
    find_installed,
    folder_of,
    locked,
    models_folder,
    partial_of,
    put_in_place,
)
from ondevice.catalogue.manifest import Manifest
from ondevice.catalogue.reference import Reference
from ondevice.errors import DownloadError, ModelFormatError, ModelNotFoundError, RequestError

PREFERRED = ("q4_k_m", "q5_k_m", "q4_0", "q8_0", "q6_k", "f16", "bf16", "f32")
"""Of the quantizations that a repository has, the first of these is taken unless one is named."""
_SPARE_BYTES = 64 * 2**20
_POLL_SECONDS = 0.2
_PART = re.compile(r"-(\d{5})-of-(\d{5})$")
_CHECKPOINT = re.compile(
    r"(?!consolidated)[\w.-]+\.safetensors|pytorch_model[\w.-]*\.bin|[\w.-]+\.json|tokenizer\.model|"
    r"chat_template\.jinja|merges\.txt|LICENSE[\w.-]*",
    re.ASCII,
)

Tell = Callable[[str, int, int], None]
"""Takes what goes on, and how many bytes of how many are there."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a pull fetches: the ``files``, and whether they are a checkpoint to be exported."""

    reference: Reference
    repository: Repository
    files: tuple[RemoteFile, ...]
    is_checkpoint: bool

    @property
    def bytes(self) -> int:
        """The size of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def source(self) -> str:
        """Where the model is from, for its manifest."""
        return f"{self.repository.name}@{self.repository.commit}"


Export = Callable[[Plan, Path, Path], None]
"""Makes a model's folder (the second path) of its checkpoint's (the first)."""


def pull(
    text: str,
    *,
    quantization: str | None = None,
    revision: str | None = None,
    export: Export,
    on_plan: Callable[[Plan], None] = lambda _: None,
    on_wait: Callable[[], None] = lambda: None,
    tell: Tell = lambda *_: None,
) -> tuple[Manifest, bool]:
    """Fetch the model that ``text`` names; return its manifest, and whether it was fetched now.

    A GGUF file is taken as it is; where only a checkpoint is published, ``export(plan, checkpoint,
    folder)`` makes the model's folder of it. ``on_plan`` is told what will be fetched, and may
    refuse by raising; ``on_wait`` that another process is at it. Raises ``RequestError``,
    ``ModelNotFoundError``, ``DownloadError`` and ``ModelFormatError``; whatever is raised, no
    model's folder appears or changes, and what was fetched is gone on with next time.
    """
    reference = Reference.parse(text, revision=revision, quantization=quantization)
    folder = folder_of(reference.name)
    if folder is None:
        raise RequestError(f"{reference.name!r} cannot be a model's name")
    with locked(folder, on_wait):
        if find_installed(reference.name) and revision is None:
            return Manifest.read(folder), False
        repository = look_up(reference.repository, reference.revision)
        plan = _plan(reference, repository)
        if find_installed(reference.name) and Manifest.read(folder).source == plan.source:
            return Manifest.read(folder), False
        on_plan(plan)
        return _carry_out(plan, folder, export, tell), True


def _plan(reference: Reference, repository: Repository) -> Plan:
    ggufs = [file for file in repository.files if file.path.lower().endswith(".gguf")]
    if reference.file:
        return Plan(reference, repository, _parts(reference.file, ggufs, repository), False)
    if ggufs:
        return Plan(reference, repository, _choose(reference.quantization, ggufs), False)
    files = [file for file in repository.files if _CHECKPOINT.fullmatch(file.path)]
    if any(file.path.endswith(".safetensors") for file in files):
        files = [file for file in files if not file.path.endswith(".bin")]
    if not any(file.path.endswith((".safetensors", ".bin")) for file in files):
        raise ModelFormatError(
            f"{repository.name} holds no model that could be run or exported: neither GGUF files "
            "nor a checkpoint in *.safetensors or pytorch_model*.bin"
        )
    return Plan(reference, repository, tuple(files), True)


def _parts(
    name: str, ggufs: Sequence[RemoteFile], repository: Repository
) -> tuple[RemoteFile, ...]:
    """Return the file called ``name``, with the others if it is one of several."""
    found = [file for file in ggufs if PurePosixPath(file.path).name == name]
    if not found:
        there = ", ".join(PurePosixPath(file.path).name for file in ggufs) or "no GGUF file at all"
        raise ModelNotFoundError(f"{repository.name} has no {name}; there is {there}")
    family = _family(found[0])
    return tuple(file for file in ggufs if _family(file) == family)


def _choose(wanted: str | None, ggufs: Sequence[RemoteFile]) -> tuple[RemoteFile, ...]:
    by_quantization: dict[str, list[RemoteFile]] = {}
    for file in ggufs:
        by_quantization.setdefault(quantization_of(file.path), []).append(file)
    there = [*by_quantization]
    if wanted is not None and wanted not in there:
        raise ModelNotFoundError(
            f"there is no file quantized as {wanted}; there are {', '.join(sorted(there))}"
        )
    best = wanted or next((name for name in PREFERRED if name in there), there[0])
    # A file may also be there in parts; one of the two is enough.
    family = min((_family(file) for file in by_quantization[best]), key=lambda f: (f[1], f[0]))
    return tuple(file for file in by_quantization[best] if _family(file) == family)


def quantization_of(path: str) -> str:
    """Return the quantization that a GGUF file's name tells, in lower case, or "unknown"."""
    stem = _PART.sub("", PurePosixPath(path).stem).lower()
    names = re.findall(
        r"(?:^|[-._])(i?q\d(?:_\w+)?|tq\d_\d|mxfp4|bf16|f(?:p)?16|f(?:p)?32)(?![^-._])", stem
    )
    return names[-1].replace("fp", "f") if names else "unknown"


def _family(file: RemoteFile) -> tuple[str, int]:
    """Return what the parts of a split file have in common: their name, and how many they are."""
    stem = PurePosixPath(file.path).with_suffix("").as_posix()
    part = _PART.search(stem)
    return _PART.sub("", stem), int(part[2]) if part else 1


def _carry_out(plan: Plan, folder: Path, export: Export, tell: Tell) -> Manifest:
    partial = partial_of(folder)
    partial.mkdir(parents=True, exist_ok=True)
    _check_room(plan, partial)
    with _watched(partial, plan, tell):
        paths = [download(plan.repository, file, partial) for file in plan.files]
    if plan.is_checkpoint:
        made = folder.with_name(f".{folder.name}.exported")
        shutil.rmtree(made, ignore_errors=True)
        export(plan, partial, made)
    else:
        made = partial
        _leave_alone(partial, paths)
        describe_gguf(
            partial,
            [path.name for path in paths],
            name=plan.reference.name,
            quantization=quantization_of(plan.files[0].path),
            license=plan.repository.license,
            source=plan.source,
        ).write(partial)
    put_in_place(made, folder)
    shutil.rmtree(partial, ignore_errors=True)
    return Manifest.read(folder)


def _check_room(plan: Plan, partial: Path) -> None:
    there = _size(partial)
    # An export keeps the checkpoint until its own files, about as large, are proved.
    needed = plan.bytes * (2 if plan.is_checkpoint else 1) - there + _SPARE_BYTES
    free = shutil.disk_usage(partial).free
    if needed > free:
        raise DownloadError(
            f"{plan.reference.name} needs {needed / 1e9:,.2f} GB in {models_folder()}, and "
            f"{free / 1e9:,.2f} GB are free there. Make room, or name another place by "
            "ONDEVICE_DATA"
        )


def _leave_alone(partial: Path, paths: Sequence[Path]) -> None:
    """Delete what an earlier pull left of other files."""
    for left in {*partial.iterdir()} - {*paths}:
        left.unlink()


@contextlib.contextmanager
def _watched(partial: Path, plan: Plan, tell: Tell) -> Iterator[None]:
    """Tell how much is there while the block runs; the client's own bars are for one file each."""
    from huggingface_hub.utils.tqdm import (
        are_progress_bars_disabled,
        disable_progress_bars,
        enable_progress_bars,
    )

    finished = threading.Event()

    def watch() -> None:
        while not finished.wait(_POLL_SECONDS):
            tell(plan.reference.name, min(_size(partial), plan.bytes), plan.bytes)

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield
        tell(plan.reference.name, plan.bytes, plan.bytes)
    finally:
        finished.set()
        thread.join()
        if shown:
            enable_progress_bars()


def _size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # renamed or gone since
            total += path.stat().st_size if path.is_file() else 0
    return total
