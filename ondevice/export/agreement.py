"""Proof that an export is the same model: tokens, logits, and greedy text, side by side."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ondevice.backends import Backend
from ondevice.errors import ModelError

Logits = NDArray[np.float32]

POSITIONS = 320
"""Logits are compared over that many tokens: a wrong rotary base shows only far from the start."""
GREEDY_TOKENS = 64

SAMPLE_TEXTS = (
    "def area(width: float, height: float) -> float:\n    return width * height  # café, 日本\n",
    "runs   of    spaces\t\ttabs\r\nand line ends \n\n\n  12345 3e-7 0x1F it's we'll 🙂🏽 ",
    "add a loop\n<|diff|>@@ -0,0 +1,2 @@\n+for i in range(10):\n+    print(i)\n<|diff|>\n<|diff|>",
)


@dataclass(frozen=True, slots=True)
class Tolerance:
    """The largest and the mean difference of logits that is allowed, relative to their spread
    (the largest less the smallest)."""

    largest: float
    mean: float


# F16 keeps 11 bits, and llama.cpp keeps its cache in F16 too. The eight-bit formats round
# activations as well as weights. A wrong layout is off by 0.1 in the mean and more.
_FOUR_BITS = Tolerance(0.6, 0.08)
TOLERANCES = {
    "fp32": Tolerance(1e-4, 1e-5),
    "f32": Tolerance(5e-3, 1e-3),
    "f16": Tolerance(5e-3, 1e-3),
    "bf16": Tolerance(3e-2, 4e-3),
    "q8_0": Tolerance(0.15, 0.02),
    "int8": Tolerance(0.25, 0.03),
    "q6_k": Tolerance(0.25, 0.03),
    **dict.fromkeys(("q5_0", "q5_1", "q5_k_s", "q5_k_m"), Tolerance(0.4, 0.05)),
    **dict.fromkeys(("q4_0", "q4_1", "q4_k_s", "q4_k_m", "iq4_nl", "iq4_xs", "int4"), _FOUR_BITS),
    **dict.fromkeys(("q2_k", "q3_k_s", "q3_k_m", "q3_k_l"), Tolerance(1.0, 0.15)),
}


@dataclass(frozen=True, slots=True)
class Agreement:
    """How near an export is to its checkpoint.

    The logits after ``positions`` tokens were compared; ``largest`` and ``mean`` are differences
    relative to the spread of the checkpoint's. Of ``greedy_total`` tokens that the checkpoint
    writes greedily, ``greedy_equal`` are the export's first choice too, each after the same text:
    where all are, both write the same.
    """

    positions: int
    largest: float
    mean: float
    greedy_equal: int
    greedy_total: int


class Reference:
    """The checkpoint itself, run by transformers in fp32."""

    def __init__(self, folder: Path) -> None:
        import torch
        from tokenizers import Tokenizer
        from transformers import AutoModelForCausalLM

        self._torch = torch
        # Eager: torch's fused attention leaves out the soft caps of Gemma 2.
        self._model: Any = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True, attn_implementation="eager"
        )
        self._model.eval()  # type: ignore[no-untyped-call,unused-ignore]
        # Every export is compared with the same texts, so each answer is kept.
        self.logits = functools.cache(self._compute_logits)
        self.greedy = functools.cache(self._compute_greedy)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.known_tokens: int = self._tokenizer.get_vocab_size()

    def tokenize(self, text: str) -> list[int]:
        """Return the tokens of ``text`` and nothing around them."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def _compute_logits(self, tokens: tuple[int, ...]) -> Logits:
        """Return the logits after each token, shape (len(tokens), known_tokens)."""
        logits, _ = self._run(tokens, None)
        return logits

    def _compute_greedy(self, tokens: tuple[int, ...], steps: int) -> list[int]:
        """Return the ``steps`` most likely tokens, one after the other, that follow ``tokens``."""
        chosen: list[int] = []
        part, cache = list(tokens), None
        while len(chosen) < steps:
            logits, cache = self._run(part, cache)
            part = [int(logits[-1].argmax())]
            chosen += part
        return chosen

    def _run(self, tokens: Sequence[int], cache: Any) -> tuple[Logits, Any]:
        with self._torch.no_grad():
            ids = self._torch.tensor([list(tokens)])
            output = self._model(input_ids=ids, past_key_values=cache, use_cache=True)
        return output.logits[0, :, : self.known_tokens].numpy(), output.past_key_values


def compare(reference: Reference, backend: Backend, prompts: Sequence[str] = ()) -> Agreement:
    """Compare an opened export with its checkpoint on ``prompts`` and ``SAMPLE_TEXTS``.

    Greedy text is compared after each of ``prompts``, or after the sample texts without any.
    Raises ``ModelError`` where the tokenizers differ.
    """
    texts = (*prompts, *SAMPLE_TEXTS)
    for text in texts:
        _compare_tokens(text, reference.tokenize(text), backend)
    stream = itertools.cycle(reference.tokenize("".join(texts)))
    tokens = tuple(itertools.islice(stream, min(POSITIONS, backend.context_length)))
    expected = reference.logits(tokens)
    difference = np.abs(_logits_one_by_one(backend, tokens, reference.known_tokens) - expected)
    spread = np.ptp(expected)
    equal = total = 0
    for prompt in prompts or SAMPLE_TEXTS:
        start = tuple(reference.tokenize(prompt))[-backend.context_length // 2 :]
        steps = min(GREEDY_TOKENS, backend.context_length - len(start))
        wanted = reference.greedy(start, steps)
        equal += _count_equal(backend, start, wanted, reference.known_tokens)
        total += steps
    return Agreement(
        positions=len(tokens),
        largest=float(difference.max() / spread),
        mean=float(difference.mean() / spread),
        greedy_equal=equal,
        greedy_total=total,
    )


def require(agreement: Agreement, quantization: str, path: Path) -> None:
    """Raise ``ModelError`` when ``agreement`` is beyond what ``TOLERANCES`` allow."""
    allowed = TOLERANCES[quantization]
    if not (agreement.largest <= allowed.largest and agreement.mean <= allowed.mean):
        raise ModelError(
            f"{path.name} is not the same model as its checkpoint: over {agreement.positions} "
            f"tokens its logits differ by up to {agreement.largest:.2g} of their spread, "
            f"{agreement.mean:.2g} in the mean; {allowed.largest:.2g} and {allowed.mean:.2g} are "
            f"allowed for {quantization}"
        )


def _compare_tokens(text: str, expected: list[int], backend: Backend) -> None:
    found = backend.tokenize(text)
    if found != expected:
        pairs = itertools.zip_longest(expected, found)
        place = next(index for index, (want, got) in enumerate(pairs) if want != got)
        raise ModelError(
            f"the {backend.name} tokenizer differs from the checkpoint's at token {place} of "
            f"{text[:60]!r}: {expected[place : place + 3]} became {found[place : place + 3]}"
        )


def _logits_one_by_one(backend: Backend, tokens: Sequence[int], width: int) -> Logits:
    backend.truncate(0, 0)
    return np.concatenate([backend.evaluate([(0, [token])])[:, :width] for token in tokens])


def _count_equal(backend: Backend, start: Sequence[int], wanted: Sequence[int], width: int) -> int:
    """Return how many of the ``wanted`` tokens are the backend's first choice in their place."""
    backend.truncate(0, 0)
    part, equal = list(start), 0
    for token in wanted:
        equal += int(backend.evaluate([(0, part)])[0, :width].argmax()) == token
        part = [token]
    return equal
