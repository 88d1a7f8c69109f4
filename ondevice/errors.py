"""Every error that ondevice raises on purpose, as one tree.

    OndeviceError
    ├── EditError
    │   ├── DiffSyntaxError      text that is no valid diff
    │   └── HunkError            a hunk that does not fit its buffer
    ├── RequestError             what was asked for cannot be done: prompt, parameters, tests
    │   └── PromptTooLongError   the prompt does not fit the model's context
    ├── ModelError               the model cannot be used
    │   ├── ModelNotFoundError   no such file, folder or name
    │   ├── DownloadError        the hub cannot be reached, or what it gives is not whole
    │   ├── ModelFormatError     the file is damaged or is no model
    │   ├── DisagreementError    an export computes something else than its checkpoint
    │   ├── DependencyError      a package that this needs is not installed
    │   └── OutOfMemoryError     the weights or the context do not fit the memory
    ├── CheckError               a check could not be carried out (its verdict is not "clean")
    ├── DataError                a row, corpus or recipe that cannot be used
    └── ClosedError              the model was closed, or is in use by another thread

A message says what happened, where, and what to do about it. This module imports nothing, so
that every other one may import it.

>>> try:
...     ondevice.load("no-such-model")
... except ondevice.errors.ModelError as error:
...     print(error)
there is no model 'no-such-model'; bundled models: ...
"""


class OndeviceError(Exception):
    """Base of all errors of this package."""


class EditError(OndeviceError):
    """An edit that cannot be read or applied.

    ``hunk`` counts from 1 within its edit, ``line`` counts from 1 within the text or buffer that
    the message names, ``nearest`` is the line at which the hunk's old lines do occur.
    """

    def __init__(
        self,
        message: str,
        *,
        hunk: int | None = None,
        line: int | None = None,
        nearest: int | None = None,
    ) -> None:
        super().__init__(message)
        self.hunk = hunk
        self.line = line
        self.nearest = nearest


class DiffSyntaxError(EditError):
    """Text that is no valid diff of its dialect."""


class HunkError(EditError):
    """A hunk that does not fit the buffer it was meant for."""


class RequestError(OndeviceError):
    """A request that cannot be carried out as it stands."""


class PromptTooLongError(RequestError):
    """The prompt alone fills the model's context."""


class ModelError(OndeviceError):
    """A model that cannot be used."""


class ModelNotFoundError(ModelError):
    """No model stands at that path or goes by that name."""


class DownloadError(ModelError):
    """A model that could not be fetched; what came of it is kept for the next time."""


class ModelFormatError(ModelError):
    """A file that is damaged, incomplete, or no model at all."""


class DisagreementError(ModelError):
    """An export that computes something else than its checkpoint.

    ``report`` is what was measured of all files, an ``ExportReport``; they are gone.
    """

    def __init__(self, message: str, report: object = None) -> None:
        super().__init__(message)
        self.report = report


class DependencyError(ModelError):
    """A package that this needs is not installed; the message holds the command that mends it."""


class OutOfMemoryError(ModelError):
    """The weights or the requested context do not fit into memory."""


class CheckError(OndeviceError):
    """A check that crashed or ran past its limit."""


class DataError(OndeviceError):
    """Input data, or a recipe, that cannot be used."""


class ClosedError(OndeviceError):
    """The model has been closed, or another thread is using it."""
