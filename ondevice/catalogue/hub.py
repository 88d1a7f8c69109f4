"""The Hugging Face hub, through its own client: what a repository holds, and its files, verified.

The client honours ``HF_HOME``, ``HF_ENDPOINT``, ``HF_TOKEN`` and ``HF_HUB_OFFLINE``.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from ondevice.catalogue.manifest import sha256_of
from ondevice.errors import DownloadError, ModelError, ModelNotFoundError

_ATTEMPTS = 5
"""Without a byte more, before it is given up."""
_FILE_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
PAUSE_SECONDS = 1.0
"""Before the second attempt; each that follows waits for so much longer."""
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a repository; large ones have a ``sha256``, the others git's name for a blob."""

    path: str
    bytes: int
    sha256: str | None
    blob: str | None


@dataclass(frozen=True, slots=True)
class Repository:
    """What a repository held at a commit; ``cache`` is its folder in the hub's cache, where that
    is all there is to read from."""

    name: str
    commit: str
    license: str
    files: tuple[RemoteFile, ...]
    cache: Path | None = None


def look_up(name: str, revision: str) -> Repository:
    """Return what the repository ``name`` holds at ``revision``.

    With ``HF_HUB_OFFLINE`` set, the hub's cache is asked. Raises ``ModelNotFoundError`` for what is
    not there or not given to this user, and ``DownloadError`` where the hub cannot be asked.
    """
    from huggingface_hub import HfApi, constants

    with _explained(name, revision):
        if constants.HF_HUB_OFFLINE:
            return _look_into_cache(name, revision)
        info = HfApi().model_info(name, revision=revision, files_metadata=True, timeout=30)
    card: Any = info.card_data or {}
    files = [
        RemoteFile(
            entry.rfilename,
            entry.size or 0,
            entry.lfs["sha256"] if entry.lfs else None,
            None if entry.lfs else entry.blob_id,
        )
        for entry in info.siblings or []
    ]
    named = card.get("license_name") if card.get("license") == "other" else card.get("license")
    license = named if isinstance(named, str) and named.isprintable() and named else "unknown"
    return Repository(name, info.sha or revision, license, tuple(files))


def download(repository: Repository, file: RemoteFile, folder: Path) -> Path:
    """Fetch a file into ``folder`` and return its path there, once its checksum is right.

    Its folders within the repository are left out. What came of it before is kept, and gone on
    with. Raises ``DownloadError`` when it does not come or is another, ``ModelNotFoundError`` when
    the hub does not give it any more.
    """
    path = folder / PurePosixPath(file.path).name
    if not _FILE_NAME.fullmatch(path.name):
        raise DownloadError(f"{repository.name} has a file {path.name!r}, which is no file's name")
    if path.is_file() and not _difference(path, file):
        return path
    begun = path.with_name(f"{path.name}.{(file.sha256 or file.blob or '')[:16]}.incomplete")
    if source := _cached(repository, file):
        with _explained(repository.name, repository.commit):
            shutil.copyfile(source, begun)
    else:
        _fetch(repository, file, begun)
    begun.replace(path)
    if difference := _difference(path, file):
        path.unlink()
        raise DownloadError(
            f"{file.path} of {repository.name} {difference}; it was deleted. Try again, and if "
            "that does not help, tell whoever published it"
        )
    return path


def _fetch(repository: Repository, file: RemoteFile, begun: Path) -> None:
    """Append to ``begun`` what is missing of a file; after some attempts without any, give up."""
    attempt, there = 0, -1
    while True:
        try:
            with _explained(repository.name, repository.commit, file.path):
                return _go_on(repository, file, begun)
        except _BrokenOffError:
            size = begun.stat().st_size if begun.exists() else 0
            attempt, there = (1 if size > there else attempt + 1), size
            if attempt == _ATTEMPTS:
                raise
            time.sleep(PAUSE_SECONDS * attempt)


def _go_on(repository: Repository, file: RemoteFile, begun: Path) -> None:
    # Not hf_hub_download: since its version 1, the client begins anew each time.
    from huggingface_hub import get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(repository.name, file.path, revision=repository.commit)
    found = get_hf_file_metadata(url)
    headers = build_hf_headers()
    if urlsplit(found.location).netloc != urlsplit(url).netloc:
        headers.pop("authorization", None)  # it is signed itself, and for nobody else's eyes
    with begun.open("ab") as stream:
        if stream.tell() > (found.size or 0):
            stream.truncate(0)
        http_get(
            found.location,
            stream,
            resume_size=stream.tell(),
            headers=headers,
            expected_size=found.size,
        )


def _cached(repository: Repository, file: RemoteFile) -> Path | None:
    """Return the file in the hub's cache, if it is there."""
    from huggingface_hub import try_to_load_from_cache

    if repository.cache:
        return repository.cache / file.path
    found = try_to_load_from_cache(repository.name, file.path, revision=repository.commit)
    return Path(found) if isinstance(found, str) else None


class _BrokenOffError(DownloadError):
    """The connection failed; another attempt goes on where it did."""


def _look_into_cache(name: str, revision: str) -> Repository:
    from huggingface_hub import snapshot_download

    folder = Path(snapshot_download(name, revision=revision, local_files_only=True))
    files = []
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        # A link's target is called by the checksum that the hub gave.
        blob = path.resolve().name
        sha256, git = (blob if len(blob) == length else None for length in (64, 40))
        relative = path.relative_to(folder).as_posix()
        files.append(RemoteFile(relative, path.stat().st_size, sha256, git))
    return Repository(name, folder.name, "unknown", tuple(files), folder)


def _difference(path: Path, file: RemoteFile) -> str | None:
    """Return how a downloaded file differs from what the hub announced."""
    size = path.stat().st_size
    if size != file.bytes:
        return f"has {size:,} bytes instead of {file.bytes:,}"
    if file.sha256 and sha256_of(path) != file.sha256:
        return "has another checksum than the hub says (SHA-256)"
    if file.blob and not file.sha256 and _git_blob(path, size) != file.blob:
        return "has another checksum than the hub says (git)"
    return None


def _git_blob(path: Path, size: int) -> str:
    """Return git's name for a file's content: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects."""
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
    return digest.hexdigest()


@contextlib.contextmanager
def _explained(name: str, revision: str, file: str | None = None) -> Iterator[None]:
    """Turn what the client raises into errors of ours."""
    from huggingface_hub import errors

    what = f"{file} of {name}" if file else name
    try:
        yield
    except ModelError:
        raise
    except errors.GatedRepoError:
        raise ModelNotFoundError(
            f"the hub gives {name} only to those who accepted its terms: do so on its page, make a "
            "token there, and set HF_TOKEN to it"
        ) from None
    except errors.RepositoryNotFoundError:
        raise ModelNotFoundError(
            f"the hub has no model {name}, or does not show it to you; if it is private, set "
            "HF_TOKEN to a token that may read it"
        ) from None
    except errors.RevisionNotFoundError:
        raise ModelNotFoundError(f"{name} has no revision {revision!r} on the hub") from None
    except errors.EntryNotFoundError as error:
        if isinstance(error, errors.LocalEntryNotFoundError):
            raise _offline(what, error) from None
        raise ModelNotFoundError(f"the hub does not have {what} at {revision} any more") from None
    except errors.OfflineModeIsEnabled as error:
        raise _offline(what, error) from None
    except Exception as error:  # of the library that it uses for HTTP, which depends on its version
        raise _other(what, error) from error


def _offline(what: str, error: Exception) -> DownloadError:
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return DownloadError(
            f"{what} is not in the hub's cache, and HF_HUB_OFFLINE is set. Unset it to fetch it"
        )
    return _BrokenOffError(f"{what} cannot be fetched: {_root(error)}. Try again; it will go on")


def _other(what: str, error: Exception) -> DownloadError:
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return DownloadError(
            f"the disk is full, {what} is not whole. Make room and try again; it will go on"
        )
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status is not None and status < 500 and status not in (408, 416, 429):
        return DownloadError(f"the hub refuses {what} (HTTP {status}). Is HF_TOKEN right?")
    if isinstance(error, OSError) and error.errno in (errno.EACCES, errno.EROFS, errno.EPERM):
        return DownloadError(f"{what} cannot be written: {error}")
    return _BrokenOffError(f"{what} cannot be fetched: {_root(error)}. Try again; it will go on")


def _root(error: BaseException) -> str:
    """Return the reason at the root of a chain of errors, in one line."""
    while error.__cause__ or (error.__context__ and not error.__suppress_context__):
        error = error.__cause__ or error.__context__ or error
    return " ".join(str(error).split())[:200] or type(error).__name__
