"""What ``ondevice doctor`` looks at: the machine, the packages, the bundled model, and whether
each backend runs it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass

from ondevice.catalogue import DEFAULT_MODEL, bundled_models, find_damage, resolve
from ondevice.cli.columns import size
from ondevice.errors import OndeviceError

BASE = (
    *("huggingface-hub", "jinja2", "llguidance", "numpy", "onnxruntime", "pyflakes"),
    *("rich", "tokenizers", "typer", "unidiff"),
)
EXTRAS = {
    "checks": ("pylint", "ruff"),
    "gguf": ("llama-cpp-python",),
    "export": (
        *("gguf", "onnx", "onnx-ir", "optimum", "optimum-onnx"),
        *("safetensors", "torch", "transformers"),
    ),
    "train": ("safetensors", "torch", "transformers"),
    "lintseq": ("datasets", "pyarrow", "pylint", "ruff"),
    "corpus": ("datasketch", "packaging"),
    "ray": ("ray",),
    "plots": ("matplotlib",),
    "serve": ("prometheus-client", "starlette", "uvicorn"),
    "lsp": ("pygls",),
}
PURPOSES = {
    "checks": "the checks ruff and pylint",
    "gguf": "the llama_cpp backend",
    "export": "ondevice export",
    "train": "ondevice train",
    "lintseq": "other linters and formats of ondevice lintseq",
    "corpus": "ondevice corpus",
    "ray": "ondevice lintseq --engine ray",
    "lsp": "ondevice lsp",
    "plots": "the pictures that bench/ draws",
    "serve": "ondevice serve",
}
PROGRAMS = {"ruff"}  # packages of which only the program is needed, wherever it comes from
BACKENDS = {"onnx": "onnxruntime", "llama_cpp": "llama-cpp-python"}
_TRIAL_TOKENS = 32


@dataclass(frozen=True, slots=True)
class Item:
    """One thing looked at: its state, and where that is not fine, the command that mends it.

    ``ok`` is None for what is a fact, or missing and not needed for the main job.
    """

    name: str
    ok: bool | None
    detail: str
    remedy: str | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All that was looked at; ``ready`` when the bundled model can write programs here."""

    items: tuple[Item, ...]
    ready: bool


def diagnose() -> Diagnosis:
    """Look at everything; takes about a second, most of it in trying the backends."""
    packages = [_base(), *_extras()]
    model = _model()
    trials = list(_trials()) if model.ok else []
    ready = packages[0].ok is True and any(trial.ok for trial in trials)
    return Diagnosis((*_machine(), *packages, model, *trials, *_sandbox()), ready)


def _machine() -> Iterator[Item]:
    yield Item("python", None, f"{platform.python_version()} ({platform.python_implementation()})")
    yield Item("platform", None, f"{platform.system()} {platform.release()} {platform.machine()}")
    yield Item("cores", None, str(os.cpu_count() or "unknown"))
    try:
        from ondevice.backends.machine import available_memory

        memory = available_memory()
    except ImportError:
        memory = None
    yield Item("memory", None, "unknown" if memory is None else f"{size(memory)} available")


def _base() -> Item:
    installed = {name: _version(name) for name in BASE}
    missing = [name for name, version in installed.items() if version is None]
    if missing:
        return Item(
            "base",
            False,
            f"missing: {', '.join(missing)}",
            "pip install --force-reinstall ondevice",
        )
    return Item("base", True, ", ".join(f"{name} {installed[name]}" for name in BASE))


def _extras() -> Iterator[Item]:
    for extra, names in EXTRAS.items():
        installed = {name: _version(name) for name in names}
        missing = [name for name, version in installed.items() if version is None]
        if missing:
            detail = f"missing: {', '.join(missing)} (for {PURPOSES[extra]})"
            yield Item(extra, None, detail, f"pip install 'ondevice[{extra}]'")
        else:
            yield Item(extra, True, ", ".join(f"{name} {installed[name]}" for name in names))


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "on the PATH" if package in PROGRAMS and shutil.which(package) else None


def _model() -> Item:
    name = f"model {DEFAULT_MODEL}"
    remedy = "pip install --force-reinstall ondevice"
    folder = bundled_models().get(DEFAULT_MODEL)
    if folder is None:
        return Item(name, False, "is not in this installation", remedy)
    try:
        manifest = resolve(DEFAULT_MODEL).manifest
    except OndeviceError as error:
        return Item(name, False, str(error), remedy)
    assert manifest is not None
    if damage := find_damage(folder, manifest):
        listed = "; ".join(f"{path} {what}" for path, what in damage.items())
        return Item(name, False, f"damaged: {listed}", remedy)
    total = size(sum(file.bytes for file in manifest.files))
    return Item(name, True, f"{manifest.parameters:,} parameters, {total}, all files as recorded")


def _trials() -> Iterator[Item]:
    source = resolve(DEFAULT_MODEL)
    assert source.manifest is not None
    for backend, package in BACKENDS.items():
        if _version(package) is None or not source.manifest.files_for(backend):
            continue
        try:
            yield Item(f"run {backend}", True, f"{_speed(backend):.0f} tokens/s, one at a time")
        # A broken installation may raise anything, and to report it is what doctor is for.
        except Exception as error:
            message = f"{type(error).__name__}: {error}"
            yield Item(f"run {backend}", False, " ".join(message.split()))


def _speed(backend: str) -> float:
    from ondevice.backends import open_backend

    with open_backend(resolve(DEFAULT_MODEL).path, backend=backend, context_length=64) as opened:
        token = opened.tokenize("a")[0]
        opened.evaluate([(0, [token])])
        start = time.perf_counter()
        for _ in range(_TRIAL_TOKENS):
            opened.evaluate([(0, [token])])
        return _TRIAL_TOKENS / (time.perf_counter() - start)


def _sandbox() -> Iterator[Item]:
    """What protects this machine from programs that are run to judge them."""
    from ondevice.sandbox import PROTECTIONS, Sandbox

    try:
        with Sandbox() as sandbox:
            found = sandbox.protections
    except OndeviceError as error:
        yield Item("sandbox", False, str(error))
        return
    for name, purpose in PROTECTIONS.items():
        how = found.get(name)
        detail = f"{purpose}: {how}" if how else f"{purpose}: not on this machine"
        yield Item(f"sandbox: {name}", True if how else None, detail)
