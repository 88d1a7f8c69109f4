"""``ondevice.json``: what a model folder says about itself, read strictly and written stably."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, Self

from ondevice.errors import ModelFormatError, ModelNotFoundError
from ondevice.files import write_atomically
from ondevice.json_files import read_object

MANIFEST_NAME = "ondevice.json"
SCHEMA = 1
DIALECTS = ("lintseq", "unified")
PLACEHOLDER = "{instruction}"
_OTHER_PLACEHOLDER = re.compile(r"\{(?!(?:instruction|source)\})[^\W\d][^{}\s]*\}|\{\{|\{%")
"""What somebody meant to be filled in; braces of other uses have spaces or quotes in them."""
_MOST_CONTEXT = 2**31 - 1


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file of a model folder.

    ``path`` is relative to the folder, with forward slashes. ``backend`` names the backend that
    loads the file as weights and ``quantization`` how these are stored (``"f16"``, ``"int8"``);
    both are None for what stands beside the weights, such as the tokenizer.
    """

    path: str
    backend: str | None
    quantization: str | None
    bytes: int
    sha256: str

    @classmethod
    def measure(
        cls, folder: Path, path: str, backend: str | None = None, quantization: str | None = None
    ) -> Self:
        """Describe the file ``path`` of ``folder`` by its present size and checksum."""
        file = folder / path
        return cls(path, backend, quantization, file.stat().st_size, sha256_of(file))


@dataclass(frozen=True, slots=True)
class Manifest:
    """A model as its folder describes it; ``files`` stand in the order of preference.

    ``prompt_template`` is None for a general model, whose files hold a chat template.
    """

    name: str
    description: str
    dialect: str
    prompt_template: str | None
    context_length: int
    end_tokens: tuple[str, ...]
    license: str
    source: str
    parameters: int
    files: tuple[ModelFile, ...]

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read and validate the manifest of ``folder``.

        Raises ``ModelNotFoundError`` where there is none, and ``ModelFormatError``, naming the
        file and the field, where it cannot be relied upon.
        """
        path = folder / MANIFEST_NAME
        try:
            content = read_object(path)
        except FileNotFoundError:
            raise ModelNotFoundError(f"{folder} holds no {MANIFEST_NAME}") from None
        except OSError as error:
            raise ModelFormatError(f"{path}: cannot be read ({error.strerror})") from None
        return cls._parse(_Fields(path, content))

    @classmethod
    def _parse(cls, fields: _Fields) -> Self:
        if (schema := fields.integer("schema")) != SCHEMA:
            fields.fail(
                "schema",
                f"is {schema}, but this version of ondevice reads {SCHEMA}; "
                "try a newer one: pip install --upgrade ondevice",
            )
        dialect = fields.text("dialect")
        if dialect not in DIALECTS:
            fields.fail("dialect", f"is {dialect!r}, not one of {', '.join(DIALECTS)}")
        return cls(
            name=fields.line("name"),
            description=fields.line("description"),
            dialect=dialect,
            prompt_template=_parse_template(fields, dialect),
            context_length=fields.integer("context_length", _MOST_CONTEXT),
            end_tokens=fields.texts("end_tokens"),
            license=fields.line("license"),
            source=fields.line("source"),
            parameters=fields.integer("parameters"),
            files=tuple(_parse_file(entry) for entry in fields.objects("files")),
        )

    def write(self, folder: Path) -> None:
        """Write the manifest into ``folder``, after the checks that ``read`` makes."""
        path = folder / MANIFEST_NAME
        text = json.dumps({"schema": SCHEMA, **dataclasses.asdict(self)}, indent=2)
        self._parse(_Fields(path, json.loads(text)))
        write_atomically(path, text + "\n")

    def files_for(self, backend: str) -> tuple[ModelFile, ...]:
        """Return the weights that ``backend`` can load, the preferred ones first."""
        return tuple(file for file in self.files if file.backend == backend)


def sha256_of(file: Path) -> str:
    """Return the SHA-256 of a file's content in hexadecimal."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


class _Fields:
    """Typed access to a JSON object that came from outside; complaints name file and field."""

    def __init__(self, path: Path, content: object, prefix: str = "") -> None:
        self._path = path
        self._prefix = prefix
        if not isinstance(content, Mapping):
            where = f"field '{prefix}'" if prefix else "the content"
            raise ModelFormatError(f"{path}: {where} must be an object")
        self._content = content

    def fail(self, name: str, complaint: str) -> NoReturn:
        """Raise for the field ``name``."""
        field = f"{self._prefix}.{name}" if self._prefix else name
        raise ModelFormatError(f"{self._path}: field '{field}' {complaint}")

    def _get(self, name: str) -> Any:
        if name not in self._content:
            self.fail(name, "is missing")
        return self._content[name]

    def text(self, name: str) -> str:
        """Return a string that is not empty."""
        value = self._get(name)
        if not isinstance(value, str) or not value:
            self.fail(name, "must be a string that is not empty")
        return value

    def line(self, name: str) -> str:
        """Return a string that is not empty and can be shown: what controls a terminal cannot."""
        value = self.text(name)
        if not value.isprintable():
            self.fail(name, "holds characters that cannot be printed")
        return value

    def is_null(self, name: str) -> bool:
        """Tell whether the field is there and null."""
        return self._get(name) is None

    def optional_line(self, name: str) -> str | None:
        """Return what ``line`` does, or None for null."""
        return None if self._get(name) is None else self.line(name)

    def integer(self, name: str, most: int = 2**63 - 1) -> int:
        """Return a whole number above zero, ``most`` at most."""
        value = self._get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
            self.fail(name, "must be a whole number above zero")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of strings, none of them empty."""
        values = self._get(name)
        if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
            self.fail(name, "must be a list of strings that are not empty")
        return tuple(values)

    def objects(self, name: str) -> tuple[_Fields, ...]:
        """Return a list of objects that is not empty."""
        values = self._get(name)
        if not isinstance(values, list) or not values:
            self.fail(name, "must be a list that is not empty")
        return tuple(_Fields(self._path, v, f"{name}[{i}]") for i, v in enumerate(values))


def _parse_template(fields: _Fields, dialect: str) -> str | None:
    if dialect == "unified" and fields.is_null("prompt_template"):
        return None
    template = fields.text("prompt_template")
    if template.count(PLACEHOLDER) != 1:
        fields.fail("prompt_template", f"must contain {PLACEHOLDER} exactly once")
    if other := _OTHER_PLACEHOLDER.search(template):
        fields.fail("prompt_template", f"has {other[0]}, of which nothing is known")
    return template


def _parse_file(fields: _Fields) -> ModelFile:
    path = fields.line("path")
    if not _stays_inside(path):
        fields.fail("path", f"is {path!r}, not a relative path inside the model folder")
    backend = fields.optional_line("backend")
    quantization = fields.optional_line("quantization")
    if (backend is None) != (quantization is None):
        fields.fail("quantization", "must be given for weights, and only for them")
    sha256 = fields.text("sha256")
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        fields.fail("sha256", "must be 64 lower-case hexadecimal digits")
    return ModelFile(path, backend, quantization, fields.integer("bytes"), sha256)


def _stays_inside(path: str) -> bool:
    # Backslashes and colons would mean something else on Windows, where the folder may end up.
    pure = PurePosixPath(path)
    named = pure.parts and pure.as_posix() == path
    return bool(named) and not (pure.is_absolute() or ".." in pure.parts or set(path) & set("\\:"))
