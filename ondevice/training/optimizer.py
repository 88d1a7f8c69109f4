"""Optimizers: AdamW for vectors and embeddings, Muon for the matrices between."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable
from typing import Any, overload

import torch
from torch import Tensor, nn

from ondevice.errors import DataError
from ondevice.training.hardware import multiplies_bfloat16
from ondevice.training.recipe import OptimizationSettings

# The quintic iteration of Keller Jordan's Muon (kellerjordan.github.io/posts/muon).
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ITERATIONS = 5


class Muon(torch.optim.Optimizer):
    """Momentum whose update is brought near the closest orthogonal matrix.

    Updates are scaled by 0.2 sqrt(max(rows, columns)), so that a learning rate that suits AdamW
    suits them, too (arXiv 2502.16982). torch's own Muon iterates in bfloat16 everywhere, which a
    processor without it emulates, at 17 s and more for a step that takes half a second here; and
    it takes the matrices one by one, which leaves a small model's step to waiting.
    """

    def __init__(
        self, params: Iterable[Any], lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Update every matrix that has a gradient; a closure computes the gradients anew."""
        loss = None
        if closure:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            alike = collections.defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    alike[matrix.shape].append(matrix)
            for matrices in alike.values():
                self._update(matrices, group["lr"], group["momentum"], group["weight_decay"])
        return loss

    def _update(
        self, matrices: list[Tensor], lr: float, momentum: float, weight_decay: float
    ) -> None:
        """Update matrices of one shape."""
        directions = []
        for matrix in matrices:
            state = self.state[matrix]
            if not state:
                state["momentum"] = torch.zeros_like(matrix)
            assert matrix.grad is not None
            state["momentum"].lerp_(matrix.grad, 1 - momentum)
            directions.append(matrix.grad.lerp(state["momentum"], momentum))
        stacked = torch.stack(directions)
        if multiplies_bfloat16(stacked.device):
            stacked = stacked.bfloat16()  # the iteration forgives the rounding
        for matrix, update in zip(matrices, orthogonalized(stacked), strict=True):
            matrix.mul_(1 - lr * weight_decay)
            matrix.add_(update, alpha=-lr * 0.2 * max(matrix.shape) ** 0.5)


def orthogonalized(matrices: Tensor) -> Tensor:
    """Return matrices, shape (..., rows, columns), with singular values near 1, by Newton-Schulz
    steps in the format that the matrices come in."""
    a, b, c = _COEFFICIENTS
    tall = matrices.shape[-2] > matrices.shape[-1]
    x: Tensor = matrices.mT if tall else matrices
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(_ITERATIONS):
        gram = x @ x.mT
        x = a * x + (b * gram + c * gram @ gram) @ x
    return x.mT if tall else x


def make_optimizers(
    model: nn.Module, settings: OptimizationSettings
) -> list[torch.optim.Optimizer]:
    """Return the optimizers that together cover all parameters.

    Raises ``DataError`` for an optimizer that is not known.
    """
    if settings.optimizer not in ("adamw", "muon"):
        raise DataError(f"no optimizer is called {settings.optimizer!r}; there are adamw and muon")
    hidden: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, value in model.named_parameters():
        is_hidden = value.dim() == 2 and "embed" not in name
        (hidden if is_hidden and settings.optimizer == "muon" else rest).append(value)
    decayed = {"weight_decay": settings.weight_decay}
    adamw = torch.optim.AdamW(
        [
            {"params": [value for value in rest if value.dim() > 1], **decayed},
            {"params": [value for value in rest if value.dim() <= 1], "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        betas=(0.9, 0.95),
        fused=True,
    )
    if not hidden:
        return [adamw]
    return [adamw, Muon(hidden, settings.learning_rate, weight_decay=settings.weight_decay)]
