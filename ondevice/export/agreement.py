"""Proof that an export is the same model: tokens, logits, and greedy text, side by side."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ondevice.backends import Backend
from ondevice.errors import ModelError
from ondevice.export.reference import Logits, Reference, log_softmax, perplexity, surprise
from ondevice.export.texts import GREEDY_STARTS, tokenizer_texts

GREEDY_TOKENS = 64


@dataclass(frozen=True, slots=True)
class Tolerance:
    """What is allowed: the largest and the mean difference of logits, relative to their spread
    (the largest less the smallest), and the mean Kullback-Leibler divergence in nats a token."""

    largest: float
    mean: float
    divergence: float


# F16 keeps 11 bits, and llama.cpp keeps its cache in F16 too. The eight-bit formats round
# activations as well as weights. A wrong layout is off by 0.1 in the mean and more.
_FOUR_BITS = Tolerance(0.6, 0.08, 0.8)
TOLERANCES = {
    "fp32": Tolerance(1e-4, 1e-5, 1e-5),
    "f32": Tolerance(5e-3, 1e-3, 1e-3),
    "f16": Tolerance(5e-3, 1e-3, 1e-3),
    "bf16": Tolerance(3e-2, 4e-3, 1e-2),
    "q8_0": Tolerance(0.15, 0.02, 0.05),
    "int8": Tolerance(0.25, 0.03, 0.1),
    "q6_k": Tolerance(0.25, 0.03, 0.1),
    **dict.fromkeys(("q5_0", "q5_1", "q5_k_s", "q5_k_m"), Tolerance(0.4, 0.05, 0.3)),
    **dict.fromkeys(("q4_0", "q4_1", "q4_k_s", "q4_k_m", "iq4_nl", "iq4_xs", "int4"), _FOUR_BITS),
    **dict.fromkeys(
        ("q2_k", "q2_k_s", *("q3_k_s", "q3_k_m", "q3_k_l"), "iq3_xxs", "iq3_xs", "iq3_s", "iq3_m"),
        Tolerance(1.0, 0.15, 3.0),
    ),
    **dict.fromkeys(
        ("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq2_m"), Tolerance(1.0, 0.25, 6.0)
    ),
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near an export is to its checkpoint.

    The logits after ``positions`` tokens of a held text were compared; ``largest`` and ``mean``
    are differences relative to the spread of the checkpoint's, ``divergence`` and
    ``largest_divergence`` the Kullback-Leibler divergence of the export from the checkpoint, in
    nats a token. ``perplexity`` is the export's on that text, and ``tokens_per_second`` how fast
    it read it, one token at a time. Of ``greedy_total`` tokens that the checkpoint writes
    greedily, ``greedy_equal`` are the export's first choice too, each after the same text: where
    all are, both write the same.
    """

    positions: int
    largest: float
    mean: float
    divergence: float
    largest_divergence: float
    perplexity: float
    tokens_per_second: float
    greedy_equal: int
    greedy_total: int

    def complaint(self, quantization: str) -> str | None:
        """Return what is beyond ``TOLERANCES``, in words, or None."""
        allowed = TOLERANCES[quantization]
        if (
            self.largest <= allowed.largest
            and self.mean <= allowed.mean
            and self.divergence <= allowed.divergence
        ):
            return None
        return (
            f"over {self.positions} tokens its logits differ by up to {self.largest:.2g} of their "
            f"spread, {self.mean:.2g} in the mean, and diverge by {self.divergence:.2g} nats a "
            f"token; {allowed.largest:.2g}, {allowed.mean:.2g} and {allowed.divergence:.2g} are "
            f"allowed for {quantization}"
        )


def compare(reference: Reference, backend: Backend, prompts: Sequence[str] = ()) -> Agreement:
    """Compare an opened export with its checkpoint.

    Greedy text is compared after each of ``prompts``, or after texts of our own without any.
    Raises ``ModelError`` where the tokenizers differ.
    """
    _compare_tokenizers(reference, backend, prompts)
    expected = reference.logits(reference.held)
    spread = float(np.ptp(expected))
    backend.truncate(0, 0)
    differences, divergences, losses, seconds = [], [], [], 0.0
    following = (*reference.held[1:], None)
    for token, after, row in zip(reference.held, following, expected, strict=True):
        began = time.perf_counter()
        found = backend.evaluate([(0, [token])])[0, : reference.known_tokens]
        seconds += time.perf_counter() - began
        difference = np.abs(found - row)
        differences.append((float(difference.max()), float(difference.mean())))
        divergences.append(_divergence(row, found))
        if after is not None:
            losses.append(surprise(found, after))
    equal, total = _compare_greedy(reference, backend, prompts or GREEDY_STARTS)
    return Agreement(
        positions=len(expected),
        largest=max(largest for largest, _ in differences) / spread,
        mean=math.fsum(mean for _, mean in differences) / len(expected) / spread,
        divergence=math.fsum(divergences) / len(expected),
        largest_divergence=max(divergences),
        perplexity=perplexity(losses),
        tokens_per_second=len(expected) / seconds,
        greedy_equal=equal,
        greedy_total=total,
    )


def _divergence(expected: Logits, found: Logits) -> float:
    """Return the Kullback-Leibler divergence of two rows of logits in nats."""
    wanted, got = log_softmax(expected), log_softmax(found)
    return max(0.0, float((np.exp(wanted) * (wanted - got)).sum()))


def _compare_tokenizers(reference: Reference, backend: Backend, prompts: Sequence[str]) -> None:
    if backend.prefix_tokens != reference.prefix_tokens:
        raise ModelError(
            f"the {backend.name} tokenizer begins a text with {backend.prefix_tokens}, the "
            f"checkpoint's with {reference.prefix_tokens}"
        )
    for text in (*prompts, *GREEDY_STARTS, *tokenizer_texts(reference.added_tokens)):
        expected, found = reference.tokenize(text), backend.tokenize(text)
        if found != expected:
            pairs = itertools.zip_longest(expected, found)
            place = next(index for index, (want, got) in enumerate(pairs) if want != got)
            raise ModelError(
                f"the {backend.name} tokenizer differs from the checkpoint's at token {place} of "
                f"{text[:60]!r}: {expected[place : place + 3]} became {found[place : place + 3]}"
            )


def _compare_greedy(
    reference: Reference, backend: Backend, starts: Sequence[str]
) -> tuple[int, int]:
    """Return how many of the checkpoint's greedy tokens are the backend's first choice in their
    place, and how many there are."""
    equal = total = 0
    for text in starts:
        start = (*reference.prefix_tokens, *reference.tokenize(text))
        start = start[: backend.context_length // 2]
        wanted = reference.greedy(start, min(GREEDY_TOKENS, backend.context_length - len(start)))
        backend.truncate(0, 0)
        part = list(start)
        for token in wanted:
            found = backend.evaluate([(0, part)])[0, : reference.known_tokens]
            equal += int(found.argmax()) == token
            part = [token]
        total += len(wanted)
    return equal, total
