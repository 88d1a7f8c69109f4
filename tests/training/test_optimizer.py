from __future__ import annotations

import dataclasses

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from ondevice.errors import DataError  # noqa: E402
from ondevice.training.optimizer import Muon, make_optimizers, orthogonalized  # noqa: E402
from ondevice.training.recipe import ModelSettings, OptimizationSettings  # noqa: E402
from ondevice.training.trainer import build_model, learning_rate  # noqa: E402

SETTINGS = OptimizationSettings(steps=100)


@pytest.mark.parametrize("shape", [(96, 32), (32, 96), (64, 64), (1, 8)])
def test_singular_values_come_near_one(shape: tuple[int, int]) -> None:
    matrix = torch.randn(*shape, generator=torch.Generator().manual_seed(0))
    result = orthogonalized(matrix)
    assert result.shape == shape
    values = torch.linalg.svdvals(result)
    # A square random matrix has singular values near zero, which five steps do not bring up.
    assert values.max() < 1.3
    assert values.median() > 0.6
    if shape[0] != shape[1]:
        assert values.min() > 0.6


def test_directions_are_kept() -> None:
    generator = torch.Generator().manual_seed(0)
    u, s, v = torch.linalg.svd(torch.randn(40, 20, generator=generator), full_matrices=False)
    core = u.T @ orthogonalized(u @ torch.diag(s) @ v) @ v.T
    assert (core - torch.diag(core.diagonal())).abs().max() < 1e-4
    assert orthogonalized(torch.zeros(3, 5)).abs().max() == 0


def test_muon_reduces_a_loss() -> None:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(256, 16, generator=generator)
    target = inputs @ torch.randn(16, 8, generator=generator)
    weight = torch.nn.Parameter(torch.zeros(16, 8))
    unused = torch.nn.Parameter(torch.ones(4, 4))
    optimizer = Muon([weight, unused], lr=0.1)

    def closure() -> float:
        optimizer.zero_grad()
        loss = ((inputs @ weight - target) ** 2).mean()
        loss.backward()
        return loss.item()

    losses = [optimizer.step(closure) for _ in range(60)]
    assert losses[-1] < losses[0] / 10
    assert torch.equal(unused, torch.ones(4, 4)), "a matrix without a gradient is not decayed"


def test_every_parameter_has_one_optimizer() -> None:
    model = build_model(ModelSettings(layers=2, width=32, feed_forward=64, heads=2), 300, 0)
    for name, kinds in (("muon", ["AdamW", "Muon"]), ("adamw", ["AdamW"])):
        optimizers = make_optimizers(model, dataclasses.replace(SETTINGS, optimizer=name))
        assert [type(optimizer).__name__ for optimizer in optimizers] == kinds
        held = [
            id(value)
            for optimizer in optimizers
            for group in optimizer.param_groups
            for value in group["params"]
        ]
        assert sorted(held) == sorted(id(value) for value in model.parameters())
        undecayed = [g for g in optimizers[0].param_groups if g["weight_decay"] == 0]
        assert all(value.dim() == 1 for group in undecayed for value in group["params"])


def test_an_unknown_optimizer_is_refused() -> None:
    model = torch.nn.Linear(2, 2)
    with pytest.raises(DataError, match="no optimizer is called 'sgd'; there are adamw and muon"):
        make_optimizers(model, dataclasses.replace(SETTINGS, optimizer="sgd"))


def test_the_rate_warms_up_stays_and_decays_to_zero() -> None:
    settings = dataclasses.replace(SETTINGS, learning_rate=1.0, warmup=10, decay=0.2)
    rates = [learning_rate(settings, step) for step in range(100)]
    assert rates[:10] == [(step + 1) / 10 for step in range(10)]
    assert set(rates[10:81]) == {1.0}
    assert rates[81:] == pytest.approx([(100 - step) / 20 for step in range(81, 100)])
    no_warmup = dataclasses.replace(settings, warmup=0, decay=0.0)
    assert [learning_rate(no_warmup, step) for step in (0, 99)] == [1.0, 1.0]
