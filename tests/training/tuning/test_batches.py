from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ondevice.edits import LINTSEQ, Buffer
from ondevice.training.batch import IGNORED, Batch
from ondevice.training.recipe import Recipe
from ondevice.training.tokenizer import END_OF_TEXT, train_tokenizer
from ondevice.training.tuning.batches import TaskBatches
from ondevice.training.tuning.mixture import Mixture
from ondevice.training.tuning.source import TaskSource


@pytest.fixture
def make(recipe: Path) -> Any:
    """Makes batches for a recipe with some settings changed."""
    read = Recipe.read(recipe)
    texts = list(TaskSource(read, read.data, print).tokenizer_texts())
    tokenizer = train_tokenizer(texts, read.tokenizer)

    def make(context: int = 256, budget: int = 1024, noisy: float = 0.0) -> TaskBatches:
        changed = dataclasses.replace(
            read,
            data=dataclasses.replace(read.data, noisy=noisy, renamed=0.0),
            model=dataclasses.replace(read.model, context=context),
            training=dataclasses.replace(read.training, tokens_per_batch=budget),
        )
        assert changed.data
        mixture, _ = Mixture.read(changed.data, changed.seed)
        make.mixture = mixture  # type: ignore[attr-defined]
        return TaskBatches(mixture, tokenizer, changed)

    make.tokenizer = tokenizer  # type: ignore[attr-defined]
    return make


def rows(batches: list[Batch]) -> list[tuple[list[int], list[int]]]:
    return [
        (ids.tolist(), targets.tolist())
        for batch in batches
        for ids, targets in zip(batch.ids, batch.targets, strict=True)
    ]


def same(first: list[Batch], second: list[Batch]) -> bool:
    return len(first) == len(second) and all(
        np.array_equal(a.ids, b.ids) and np.array_equal(a.targets, b.targets)
        for a, b in zip(first, second, strict=True)
    )


def test_targets_are_the_ids_one_step_on(make: Any) -> None:
    end = make.tokenizer.token_to_id(END_OF_TEXT)
    for ids, targets in rows(make().epoch(0)):
        learned = [place for place, target in enumerate(targets) if target != IGNORED]
        assert learned == list(range(learned[0], learned[-1] + 1))
        assert all(targets[place] == ids[place + 1] for place in learned[:-1])
        assert targets[learned[-1]] == end
        assert ids[learned[-1] + 1 :] == [end] * (len(ids) - learned[-1] - 1)


def test_loss_is_taken_on_the_answer_alone(make: Any) -> None:
    instructions, programs = set(), set()
    for ids, targets in rows(make().epoch(0)):
        first = next(place for place, target in enumerate(targets) if target != IGNORED)
        learned = [target for target in targets if target != IGNORED]
        instructions.add(make.tokenizer.decode(ids[: first + 1], skip_special_tokens=False))
        answer = make.tokenizer.decode(learned, skip_special_tokens=False)
        buffer = Buffer()
        LINTSEQ.read(answer.removesuffix(END_OF_TEXT), buffer)
        programs.add(buffer.text)
    tasks = make.mixture.tasks
    assert instructions == {f"{text}\n<|diff|>" for task in tasks for text in task.instructions}
    assert programs == {text for task in tasks for text in task.programs}


def test_an_epoch_is_the_same_whenever_it_is_asked_for(make: Any) -> None:
    batches = make(noisy=0.5)
    third = batches.epoch(3)
    assert not same(batches.epoch(4), third)
    assert same(batches.epoch(3), third)
    assert same(make(noisy=0.5).epoch(3), third)


def test_rows_longer_than_the_context_are_left_out(make: Any) -> None:
    lengths = sorted(len(ids) - ids.count(ids[-1]) + 1 for ids, _ in rows(make().epoch(0)))
    context = lengths[len(lengths) // 2]
    shorter = rows(make(context=context).epoch(0))
    assert 0 < len(shorter) < len(lengths)
    assert all(sum(target != IGNORED for target in targets) < context for _, targets in shorter)
    assert make(context=4).epoch(0) == []


def test_batches_keep_to_the_budget(make: Any) -> None:
    count = len(rows(make().epoch(0)))
    for budget in (1, 300, 1024, 10**6):
        epoch = make(budget=budget).epoch(0)
        assert all(batch.ids.size <= budget or len(batch.ids) == 1 for batch in epoch)
        assert all(batch.ids.shape[1] % 32 == 0 for batch in epoch)
        assert len(rows(epoch)) == count
    assert len(epoch) == 1
