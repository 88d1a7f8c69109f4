"""Fetches a suite's file from its home, once: pinned, and checked where its checksum is known."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from ondevice.catalogue.manifest import sha256_of
from ondevice.errors import DataError
from ondevice.files import replacing

_SECONDS = 60.0
_BLOCK = 1 << 20
_GITHUB = "https://raw.githubusercontent.com"
_HUB = "https://huggingface.co/datasets"
_RELEASES = "https://github.com/evalplus"


@dataclass(frozen=True, slots=True)
class Home:
    """Where a suite's file is published; ``sha256`` is None where it is not known."""

    url: str
    sha256: str | None = None

    @property
    def file_name(self) -> str:
        """The name of the file."""
        return self.url.rpartition("/")[2]


_MBPP = f"{_GITHUB}/google-research/google-research/f82046ba5aabbbb427dbfd38a254d26bff08b533/mbpp"
HOMES = {
    "humaneval": Home(
        f"{_GITHUB}/openai/human-eval/6d43fb980f9fee3c892a914eda09951f772ad10d/data/"
        "HumanEval.jsonl.gz",
        "b796127e635a67f93fb35c04f4cb03cf06f38c8072ee7cee8833d7bee06979ef",
    ),
    "mbpp": Home(
        f"{_MBPP}/mbpp.jsonl", "ccf64ceae9c5403bf50a044cb6d505bfd2a2963ee58338ba268fd65beab92a9f"
    ),
    "mbpp-sanitized": Home(
        f"{_MBPP}/sanitized-mbpp.json",
        "ca95deaa9a01ef0a6f439f88bcf0dd3db3563d22f22aad6cae04ebb9a8d8c8e9",
    ),
    "humaneval+": Home(
        f"{_RELEASES}/humanevalplus_release/releases/download/v0.1.10/HumanEvalPlus.jsonl.gz",
        "272720b90ac375502c8ed23cd791c2a93dfb22a911641a494da74a426c09f101",
    ),
    "mbpp+": Home(
        f"{_RELEASES}/mbppplus_release/releases/download/v0.2.0/MbppPlus.jsonl.gz",
        "af43697e8791c4c149bdfd6b489d8b5412507551ac20e28a439f650b8225db63",
    ),
    "codecontests": Home(
        f"{_HUB}/deepmind/code_contests/resolve/802411c3010cb00d1b05bad57ca77365a3c699d6/data/"
        "test-00000-of-00001-9c49eeff30aacaa8.parquet",
        "aa426cbdb202bf8703b658bcb31fd1878ca7cfd33ca07d3b703dc94ca6a2b651",
    ),
    "ds-1000": Home(
        f"{_HUB}/xlangai/DS-1000/resolve/4416080ac5cb80bdf7576aefb8f9a0b4d5426a44/test.jsonl"
    ),
    "bigcodebench": Home(
        f"{_HUB}/bigcode/bigcodebench/resolve/b74c0d0bf70d2c0bc459be537895cca163007f1a/data/"
        "v0.1.4-00000-of-00001.parquet",
        "d9a4965821c9507ebdfb551c288656b2d5fe553234f5183044333ca8a4018267",
    ),
}
"""By suite. The checksums were read in public sources, and not yet seen to hold by this project."""


def fetch(home: Home, folder: Path) -> Path:
    """Return the file of a suite in a folder, fetched from its home when it is not there.

    Raises ``DataError`` when it cannot be fetched, or is not what it should be.
    """
    path = folder / home.file_name
    if path.exists() and home.sha256 in (None, sha256_of(path)):
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with urllib.request.urlopen(home.url, timeout=_SECONDS) as answer, replacing(path) as file:
            digest = hashlib.sha256()
            while block := answer.read(_BLOCK):
                digest.update(block)
                file.write(block)
            found = digest.hexdigest()
            if home.sha256 not in (None, found):
                raise DataError(
                    f"{home.url} is not the file that it was: its SHA-256 is {found}, not "
                    f"{home.sha256}; give one by --file to measure with it all the same"
                )
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise DataError(
            f"{home.file_name} cannot be fetched from {home.url} ({reason}); on a machine without "
            "internet, give the file by --file"
        ) from error
    return path
