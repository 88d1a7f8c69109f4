"""Processes that train one model together, as ``torchrun`` starts them; or one by itself."""

from __future__ import annotations

import contextlib
import datetime
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, distributed

from ondevice.training.batch import Batch
from ondevice.training.hardware import best_device

_PATIENCE = datetime.timedelta(hours=6)
"""For the process that tokenizes the corpus while the others wait."""


@dataclass(frozen=True)
class Team:
    """This process among all; each has the whole model, and its share of the rows of a batch."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @classmethod
    @contextlib.contextmanager
    def joined(cls) -> Iterator[Team]:
        """Join the processes that torchrun has started beside this one, if it has."""
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            yield cls()
            return
        team = cls(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))
        device = best_device(team.local_rank)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        distributed.init_process_group(timeout=_PATIENCE)
        try:
            yield team
        finally:
            distributed.destroy_process_group()

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and reports."""
        return self.rank == 0

    @contextlib.contextmanager
    def first_alone(self) -> Iterator[None]:
        """Run a block in the first process, and in the others when that one is through."""
        if not self.is_first:
            distributed.barrier()
        yield
        if self.is_first and self.size > 1:
            distributed.barrier()

    def share(self, batch: Batch) -> Batch:
        """Return the rows of a batch that are this process's."""
        return batch.part(slice(self.rank, None, self.size)) if self.size > 1 else batch

    def add_up(self, loss: Tensor, parameters: Iterable[Tensor]) -> None:
        """Give every process the sum over all of a loss and of the gradients."""
        if self.size == 1:
            return
        distributed.all_reduce(loss)
        for parameter in parameters:
            if parameter.grad is None:  # no row of this batch was this process's
                parameter.grad = torch.zeros_like(parameter)
            distributed.all_reduce(parameter.grad)
