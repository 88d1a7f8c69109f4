"""What a run says: a progress line now and then, and a log with the curves."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ondevice.training.batch import Batch
from ondevice.training.hardware import peak
from ondevice.training.source import Report
from ondevice.training.trainer import Step, Trainer

SECONDS = 30.0


class Reporter:
    """Follows a run, step by step.

    The log, JSON a line, has every step with its loss, and after every ``evaluate_every`` steps the
    losses on what is held out and samples. A run that is resumed goes on in it from the step of
    its checkpoint, so that it reads like an undisturbed one's.
    """

    def __init__(
        self,
        trainer: Trainer,
        held_out: Mapping[str, Sequence[Batch]],
        prompts: Sequence[str],
        log: Path,
        report: Report,
    ) -> None:
        self._trainer = trainer
        self._held_out = held_out
        self._prompts = prompts
        self._report = report
        self._peak = peak(trainer.device) * trainer.team.size
        self._losses: dict[str, float] = {}
        kept = _up_to(log, trainer.progress.step)
        self._log = log.open("w", encoding="utf-8")
        self._log.writelines(kept)
        self._begin()

    def _begin(self) -> None:
        progress = self._trainer.progress
        self._since, self._tokens, self._seconds = (
            time.monotonic(),
            progress.tokens,
            progress.seconds,
        )

    def follow(self, done: Step) -> dict[str, float]:
        """Take notice of a step, and return the losses on what is held out if it took them."""
        settings = self._trainer.recipe.training
        record: dict[str, Any] = dataclasses.asdict(done)
        last = done.step == settings.steps
        evaluated = last or done.step % settings.evaluate_every == 0
        if evaluated:
            record |= self._evaluate()
        record["seconds"] = round(self._trainer.progress.seconds, 2)
        self._log.write(json.dumps(record) + "\n")
        self._log.flush()
        if last or time.monotonic() - self._since >= SECONDS:
            self._say(done)
        return self._losses if evaluated else {}

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def _evaluate(self) -> dict[str, Any]:
        evaluate = self._trainer.evaluate
        self._losses = {name: evaluate(batches) for name, batches in self._held_out.items()}
        samples = [[prompt, self._trainer.sample(prompt)] for prompt in self._prompts]
        if samples:
            self._report("sample " + " ··· ".join(map(repr, samples[-1])))
        return {**self._losses, "samples": samples}

    def _say(self, done: Step) -> None:
        trainer, progress = self._trainer, self._trainer.progress
        steps = trainer.recipe.training.steps
        rate = (progress.tokens - self._tokens) / max(1e-9, progress.seconds - self._seconds)
        left = (steps - progress.step) * progress.seconds / progress.step
        share = rate * trainer.operations_per_token / self._peak
        losses = [f"{name} {loss:.3f}" for name, loss in self._losses.items()]
        parts = [
            f"step {progress.step}/{steps}",
            f"epoch {progress.epoch}",
            f"loss {done.loss:.3f}",
            *losses,
            f"{rate:,.0f} tokens/s",
            f"{share:.0%} of the peak",
            f"{_duration(left)} left",
        ]
        self._report(", ".join(parts))
        self._begin()


def _up_to(log: Path, step: int) -> list[str]:
    """Return the lines of a log up to a step; what a killed process left half written is none."""
    kept: list[str] = []
    if not log.exists():
        return kept
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True):
        try:
            if not line.endswith("\n") or json.loads(line)["step"] > step:
                break
        except (ValueError, KeyError, TypeError):
            break
        kept.append(line)
    return kept


def _duration(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
