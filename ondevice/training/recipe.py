"""A recipe: every setting of a training run, read from one TOML file."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ondevice.errors import DataError

WEIGHTS = "model.safetensors"
"""The file of a checkpoint that holds its weights."""


@dataclass(frozen=True)
class DataSettings:
    """What is tuned on.

    ``tasks`` is a folder of task files with their split.json; ``families`` one of files of task
    families; ``corpus`` one that ``ondevice corpus`` wrote, whose functions are asked for by
    signature and docstring.
    """

    tasks: Path
    families: Path | None = None
    corpus: Path | None = None
    sampled: Path | None = None
    """Programs that a model wrote for the tasks and that passed their tests (JSONL, as
    ``models/improve.py`` writes it); they count as the tasks' own."""
    programs: int = 100
    """Programs of each task that are trained on: its first ones, all where it has fewer."""
    draws: int = 12
    """Examples an epoch of each family."""
    from_corpus: int = 0
    """Examples an epoch of the corpus's functions."""
    longest: int = 800
    """Characters that a function of the corpus may have."""
    linter: str = "fast"
    answers: str = "lintseq"
    """``"lintseq"``: a path of edits; ``"whole"``: the program as one edit."""
    fresh: bool = True
    """Whether paths are drawn anew each time, or a program always gets the same one."""
    drawn: int = 4
    """Paths that are drawn, of which the one with the fewest hunks is trained on, one of a single
    edit last."""
    continued: float = 0.0
    """Share of the answers whose beginning is given, as one edit, and only the rest learned."""
    noisy: float = 0.5
    """Share of instructions that lose words, case or punctuation."""
    renamed: float = 0.15
    """Share of the tasks' examples whose entry point gets another name, in instruction and
    program."""
    development: float = 0.01
    """Share of the tasks' instructions, and of the families, kept back to watch the loss on."""


@dataclass(frozen=True)
class CorpusSettings:
    """What is pretrained on.

    ``folder`` is one that ``ondevice corpus`` wrote, with train.jsonl and held-out.jsonl, and in
    which ``ondevice lintseq`` has made train-edits.jsonl and held-out-edits.jsonl of them.
    """

    folder: Path
    functions: float = 0.15
    """Share of the tokens trained on that are functions and classes by themselves."""
    edits: float = 0.4
    """Share that are edit sequences; what these two leave are whole files."""
    sample: int = 64
    """Millions of bytes that the tokenizer is trained on, in these shares."""
    held_out_rows: int = 32
    """Rows of each kind that the loss is watched on."""


@dataclass(frozen=True)
class TokenizerSettings:
    """A byte-level BPE tokenizer over edit sequences."""

    vocabulary: int = 4096
    indentations: int = 6
    """Line starts ``\\n+`` with 0 to this many levels of indentation are one token each."""


@dataclass(frozen=True)
class ModelSettings:
    """A Llama-architecture model with tied embeddings."""

    layers: int
    width: int
    feed_forward: int
    heads: int
    context: int = 1024


@dataclass(frozen=True)
class OptimizationSettings:
    """Warm-up, a constant learning rate, and a linear decay to zero at the end."""

    steps: int
    optimizer: str = "muon"
    """``"muon"`` (for the matrices between the embeddings, AdamW for the rest) or ``"adamw"``."""
    tokens_per_batch: int = 4096
    learning_rate: float = 3e-3
    weight_decay: float = 0.1
    warmup: int = 100
    decay: float = 0.3
    """Share of the steps, at the end, over which the rate decays."""
    clip: float = 1.0
    tokens_per_pass: int = 0
    """Tokens of a batch that go through the model at once, for the memory; 0: all."""
    evaluate_every: int = 100
    """Steps after which the loss on what is held out is taken, and samples are drawn."""
    checkpoint_minutes: float = 5.0
    compile: bool = True
    keep: str = "last"
    """Which weights the checkpoint gets: ``"last"``, the last step's, or ``"best"``, those with the
    lowest mean of the losses on what is held out."""


@dataclass(frozen=True)
class Recipe:
    """All settings of one run; ``seed`` fixes the data, its order and the first weights."""

    name: str
    seed: int
    tokenizer: TokenizerSettings
    model: ModelSettings
    training: OptimizationSettings
    data: DataSettings | None = None
    """For tuning; a recipe has either this or ``corpus``."""
    corpus: CorpusSettings | None = None
    """For pretraining."""

    @classmethod
    def read(cls, path: Path) -> Recipe:
        """Read a recipe; paths in it are relative to the file.

        Raises ``DataError`` that names the file and the setting.
        """
        try:
            raw = tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise DataError(f"there is no recipe at {path}") from error
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise DataError(f"{path} is no readable TOML file: {error}") from error
        sections: dict[str, Any] = {
            "data": DataSettings,
            "corpus": CorpusSettings,
            **_ALWAYS,
        }
        _known(path, "recipe", cls, raw)  # before a misnamed section is missed for what it holds
        values = {
            key: _section(path, key, sections[key], value) if key in sections else value
            for key, value in {**{name: {} for name in _ALWAYS}, **raw}.items()
        }
        recipe: Recipe = _section(path, "recipe", cls, values)
        if (recipe.data is None) == (recipe.corpus is None):
            raise DataError(f"{path}: a recipe has a section data, to tune, or corpus, to pretrain")
        _check_ranges(path, recipe)
        return recipe._with_paths_from(path.parent)

    def _with_paths_from(self, folder: Path) -> Recipe:
        def resolved(section: Any) -> Any:
            paths = {
                name: (folder / value).resolve()
                for name, value in vars(section).items()
                if isinstance(value, Path)
            }
            return dataclasses.replace(section, **paths)

        if self.data:
            return dataclasses.replace(self, data=resolved(self.data))
        return dataclasses.replace(self, corpus=resolved(self.corpus))

    def fingerprint(self) -> str:
        """Identify what a checkpoint can be resumed with.

        The number of steps is left out: it moves only the decay, so that a run may be prolonged.
        """
        settings = dataclasses.asdict(self)
        for volatile in _VOLATILE:
            del settings["training"][volatile]
        used, place, other = (
            ("data", "tasks", "corpus") if self.data else ("corpus", "folder", "data")
        )
        del settings[used][place], settings[other]
        # Where the data lie is no matter, but which there are.
        for name, value in settings[used].items():
            if isinstance(value, Path):
                settings[used][name] = True
        return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


_ALWAYS: dict[str, Any] = {
    "tokenizer": TokenizerSettings,
    "model": ModelSettings,
    "training": OptimizationSettings,
}
"""The sections that every recipe has, if only by their defaults."""

_VOLATILE = ("steps", "tokens_per_pass", "evaluate_every", "checkpoint_minutes", "compile", "keep")


def _section(path: Path, name: str, kind: Any, values: Any) -> Any:
    fields = _known(path, name, kind, values)
    required = {key for key, field in fields.items() if field.default is dataclasses.MISSING}
    if missing := sorted(required - values.keys()):
        raise DataError(f"{path}: {name} lacks the setting {missing[0]!r}")
    return kind(**{key: _typed(path, name, fields[key], value) for key, value in values.items()})


def _known(path: Path, name: str, kind: Any, values: Any) -> dict[str, dataclasses.Field[Any]]:
    """Return the settings that a table may have; raise ``DataError`` if it has another."""
    if not isinstance(values, dict):
        raise DataError(f"{path}: {name} must be a table")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    if unknown := sorted(values.keys() - fields.keys()):
        raise DataError(f"{path}: {name} has no setting {unknown[0]!r}; it has {', '.join(fields)}")
    return fields


def _typed(path: Path, section: str, field: dataclasses.Field[Any], value: Any) -> Any:
    kind = str(field.type).removesuffix(" | None")
    wanted = {"Path": "str"}.get(kind, kind)
    if wanted == "float" and type(value) is int:
        return float(value)
    if wanted in ("int", "float", "str", "bool") and type(value).__name__ != wanted:
        raise DataError(f"{path}: {section}.{field.name} must be of type {wanted}, not {value!r}")
    return Path(value) if kind == "Path" else value


_SHARES = ("noisy", "renamed", "development", "continued", "decay", "functions", "edits")
_MAY_BE_ZERO = frozenset(
    {"learning_rate", "weight_decay", "warmup", "indentations", "checkpoint_minutes"}
    | {"tokens_per_pass", "draws", "from_corpus"}
)


def _check_ranges(path: Path, recipe: Recipe) -> None:
    """Refuse numbers that would fail, or never end, hours into a run."""
    data: Any = recipe.data or recipe.corpus
    for section in (data, recipe.tokenizer, recipe.model, recipe.training):
        for name, value in dataclasses.asdict(section).items():
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if name in _SHARES:
                wanted, right = "between 0 and 1", 0 <= value <= 1
            elif name in _MAY_BE_ZERO:
                wanted, right = "0 or more", 0 <= value < math.inf
            else:
                wanted, right = "more than 0", 0 < value < math.inf
            if not right:
                raise DataError(f"{path}: {name} must be {wanted}, not {value}")
    for value, known in (
        (recipe.training.keep, ("last", "best")),
        (recipe.data.answers if recipe.data else "lintseq", ("lintseq", "whole")),
    ):
        if value not in known:
            raise DataError(f"{path}: {value!r} is none of {', '.join(known)}")
    if recipe.corpus and recipe.corpus.functions + recipe.corpus.edits > 1:
        raise DataError(f"{path}: the shares of functions and edits must be at most 1 together")
    if recipe.model.width % (2 * recipe.model.heads):
        raise DataError(
            f"{path}: the width {recipe.model.width} must be divisible by twice the heads, "
            f"{recipe.model.heads}"
        )
