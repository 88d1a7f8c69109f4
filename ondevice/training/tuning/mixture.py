"""The examples of an epoch: tasks, draws of families, functions of a corpus."""

from __future__ import annotations

import contextlib
import itertools
import random
from collections.abc import Iterator, Sequence

from ondevice.errors import DataError
from ondevice.training.pretraining.documents import TRAIN, requested_functions
from ondevice.training.recipe import DataSettings
from ondevice.training.tuning.answers import Answers, Example
from ondevice.training.tuning.families import Family, draw, read_families, wordings
from ondevice.training.tuning.tasks import Task, divide, read_tasks, requests, with_sampled
from ondevice.training.tuning.wording import disturb, rename


class Mixture:
    """Where examples come from; every epoch puts them in other words, along other paths."""

    def __init__(
        self,
        settings: DataSettings,
        tasks: Sequence[Task],
        families: Sequence[Family] = (),
        functions: Sequence[tuple[str, str]] = (),
    ) -> None:
        self.tasks = tasks
        self.families = families
        self.functions = functions
        self._settings = settings
        self._answers = Answers(settings)

    @classmethod
    def read(cls, settings: DataSettings, seed: int) -> tuple[Mixture, Mixture]:
        """Read all that the settings name; return what is trained on and what is kept back.

        Kept back is a share of the tasks' instructions, and of the families altogether. Raises
        ``DataError`` for what cannot be read.
        """
        tasks = read_tasks(settings.tasks, settings.programs)
        if settings.sampled:
            tasks = with_sampled(tasks, settings.sampled)
        tasks, tasks_back = divide(tasks, settings.development, seed)
        families: list[Family] = []
        families_back: list[Family] = []
        for family in read_families(settings.families) if settings.families else ():
            rng = random.Random(f"{seed}/development/{family.id}")
            (families_back if rng.random() < settings.development else families).append(family)
        functions: list[tuple[str, str]] = []
        if settings.corpus:
            rows = requested_functions(settings.corpus, TRAIN)
            functions = [row for row in rows if len(row[1]) <= settings.longest]
        return cls(settings, tasks, families, functions), cls(settings, tasks_back, families_back)

    def __str__(self) -> str:
        return (
            f"{len(self.tasks)} tasks, {len(self.families)} families, "
            f"{len(self.functions)} functions"
        )

    def parts(self) -> dict[str, Mixture]:
        """Return a mixture for each kind of source that there is, by its name."""
        tasks = Mixture(self._settings, self.tasks)
        families = Mixture(self._settings, (), self.families)
        return {"wordings": tasks, "families": families}

    def epoch(self, rng: random.Random) -> list[Example]:
        """Return one epoch: every instruction of the tasks, and so many draws of the rest.

        Raises ``DataError`` for a program that the linter objects to.
        """
        sources = self._of_tasks(rng), self._of_families(rng), self._of_functions(rng)
        examples = list(itertools.chain(*sources))
        rng.shuffle(examples)
        return examples

    def _of_tasks(self, rng: random.Random) -> Iterator[Example]:
        for task, instruction in requests(self.tasks):
            program = rng.choice(task.programs)
            try:
                yield self._of_task(task, instruction, program, rng)
            except DataError as error:
                number = task.programs.index(program)
                raise DataError(f"{task.id}, program {number}: {error}") from error

    def _of_task(self, task: Task, instruction: str, program: str, rng: random.Random) -> Example:
        name = task.entry_point
        if name and not task.before and rng.random() < self._settings.renamed:
            instruction, program = rename(instruction, program, name, rng)
        instruction = self._disturbed(instruction, rng)
        if task.before:
            return self._answers.change(instruction, task.before, program)
        return self._answers.answer(instruction, program, rng)

    def _of_families(self, rng: random.Random) -> Iterator[Example]:
        for family in self.families:
            for _ in range(self._settings.draws):
                drawn = draw(family, rng)
                instruction = rng.choice(list(wordings(drawn, rng)))
                program = rng.choice(drawn.programs)
                try:
                    yield self._answers.answer(self._disturbed(instruction, rng), program, rng)
                except DataError as error:
                    raise DataError(f"{family.id}: {error}; in\n{program}") from error

    def _of_functions(self, rng: random.Random) -> Iterator[Example]:
        count = min(self._settings.from_corpus, len(self.functions))
        for instruction, program in rng.sample(self.functions, count):
            # Not every program of a corpus is one that the linter is content with.
            with contextlib.suppress(DataError):
                yield self._answers.answer(instruction, program, rng)

    def _disturbed(self, instruction: str, rng: random.Random) -> str:
        return disturb(instruction, rng) if rng.random() < self._settings.noisy else instruction
