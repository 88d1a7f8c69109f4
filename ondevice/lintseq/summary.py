"""What became of a corpus, in numbers."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass

from ondevice.lintseq.rows import Outcome


@dataclass
class Summary:
    """What became of a corpus.

    ``rejected`` counts rejections, of a row or of one of a row's programs, by their kind;
    ``normalized`` the programs whose ``\\r\\n`` became ``\\n``.
    """

    rows: int = 0
    sequences: int = 0
    normalized: int = 0
    rejected: Counter[str] = dataclasses.field(default_factory=Counter)

    def __str__(self) -> str:
        text = f"{self.rows} rows, {self.sequences} sequences"
        if self.normalized:
            text += rf", {self.normalized} programs with \r\n made \n"
        if self.rejected:
            kinds = ", ".join(f"{kind}: {count}" for kind, count in self.rejected.most_common())
            text += f", {self.rejected.total()} rejected ({kinds})"
        return text

    def count(self, outcome: Outcome) -> None:
        """Count what became of one more row."""
        self.rows += 1
        self.sequences += len(outcome.lines)
        self.normalized += outcome.normalized
        self.rejected.update(rejection.kind for rejection in outcome.rejections)

    def add(self, other: Summary) -> None:
        """Count another summary's rows in."""
        self.rows += other.rows
        self.sequences += other.sequences
        self.normalized += other.normalized
        self.rejected.update(other.rejected)
