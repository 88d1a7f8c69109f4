"""Documents become rows of one length, as they lie on the disk and are trained on.

No row needs notes on where its documents begin: all but those that are cut end with the
end-of-text token, and what is cut off fills a row of its own. What a row has left is filled with
end-of-text tokens.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ondevice.files import replacing
from ondevice.training.batch import IGNORED, Batch

if TYPE_CHECKING:
    from tokenizers import Tokenizer

_TOGETHER = 256
"""Documents that are tokenized at once, on all cores."""


def pack(
    documents: Iterable[str],
    tokenizer: Tokenizer,
    end: int,
    length: int,
    path: Path,
    *,
    whole: bool = False,
) -> NDArray[np.uint16]:
    """Write rows of so many tokens to a .npy file, uint16 of shape (rows, length), and map it.

    Documents that are longer than a row are cut, or left out where only ``whole`` ones are wanted.
    Raises ``OSError`` like any write.
    """
    with replacing(path.with_suffix(".tokens")) as file:
        lengths = np.fromiter(_tokenized(documents, tokenizer, file), np.int64)
    tokens = np.memmap(path.with_suffix(".tokens"), np.uint16) if lengths.size else np.empty(0)
    pieces = _pieces(lengths, length, whole)
    rows = _best_fit([stop - start for start, stop in pieces], length)
    with replacing(path) as file:
        header = {"descr": "<u2", "fortran_order": False, "shape": (len(rows), length)}
        np.lib.format.write_array_header_1_0(file, header)
        for row in rows:
            filled = np.full(length, end, np.uint16)
            place = 0
            for start, stop in (pieces[number] for number in row):
                filled[place : place + stop - start] = tokens[start:stop]
                place += stop - start
            file.write(filled.astype("<u2").tobytes())
    del tokens  # Windows removes no file that is mapped
    path.with_suffix(".tokens").unlink()
    return load(path)


def load(path: Path) -> NDArray[np.uint16]:
    """Map what ``pack`` wrote into memory."""
    rows: NDArray[np.uint16] = np.load(path, mmap_mode="r")
    return rows


def batch(rows: NDArray[np.uint16], end: int) -> Batch:
    """Return rows as they are trained on: each token is the target of the one before it, if that
    is in the same document."""
    ids = rows.astype(np.int64)
    ends = ids == end
    targets = np.full_like(ids, IGNORED)
    targets[:, :-1] = np.where(ends[:, :-1], IGNORED, ids[:, 1:])
    return Batch(ids, targets, np.cumsum(ends, axis=1) - ends)


def _tokenized(documents: Iterable[str], tokenizer: Tokenizer, file: IO[bytes]) -> Iterator[int]:
    """Write the tokens of documents one after another, and yield how many each has."""
    for texts in _grouped(documents):
        for encoding in tokenizer.encode_batch_fast(texts):
            file.write(np.asarray(encoding.ids, np.uint16).tobytes())
            yield len(encoding.ids)


def _grouped(documents: Iterable[str]) -> Iterator[list[str]]:
    group: list[str] = []
    for text in documents:
        group.append(text)
        if len(group) == _TOGETHER:
            yield group
            group = []
    if group:
        yield group


def _pieces(lengths: NDArray[np.int64], longest: int, whole: bool) -> list[tuple[int, int]]:
    """Return where pieces begin and end: documents, cut where they are longer than a row."""
    pieces = []
    start = 0
    for size in lengths.tolist():
        stop = start + size
        if size <= longest or not whole:
            pieces += [(place, min(place + longest, stop)) for place in range(start, stop, longest)]
        start = stop
    return pieces


def _best_fit(sizes: list[int], capacity: int) -> list[list[int]]:
    """Put pieces into rows, the longest first, each where it leaves the least room.

    Fewer Truncations Improve Language Modeling (arXiv 2404.10830) measures what it is good for.
    """
    rows: list[list[int]] = []
    with_room: list[list[int]] = [[] for _ in range(capacity + 1)]  # rows, by the room they have
    rooms: list[int] = []  # those that some row has, in order
    for number in sorted(range(len(sizes)), key=lambda number: -sizes[number]):
        size = sizes[number]
        place = bisect.bisect_left(rooms, size)
        if place == len(rooms):
            row, room = len(rows), capacity
            rows.append([])
        else:
            room = rooms[place]
            row = with_room[room].pop()
            if not with_room[room]:
                del rooms[place]
        rows[row].append(number)
        if left := room - size:
            if not with_room[left]:
                bisect.insort(rooms, left)
            with_room[left].append(row)
    return rows
