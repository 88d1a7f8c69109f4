"""A whole run in miniature, undisturbed and killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
safetensors = pytest.importorskip("safetensors.torch")

from ondevice.errors import DataError, DependencyError  # noqa: E402
from ondevice.training import reporter, trainer  # noqa: E402
from ondevice.training.run import train  # noqa: E402

STEPS = 20


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def run(recipe: Path, name: str, start: Path | None = None) -> tuple[Path, list[str]]:
    """Train in a folder of that name; return the folder and what was reported."""
    said: list[str] = []
    folder = recipe.parent / name
    assert train(recipe, folder, said.append, start=start, threads=1) == folder / "checkpoint"
    return folder, said


def stop_at(monkeypatch: pytest.MonkeyPatch, saved: int, stopped: int) -> None:
    """Have a run save at one step alone, and fail after a later one."""
    step, save = trainer.Trainer.step, trainer.Trainer.save

    def failing_step(self: Any, batch: Any) -> float:
        if self.progress.step == stopped:
            raise KeyboardInterrupt
        return step(self, batch)

    def rare_save(self: Any, path: Path) -> None:
        if self.progress.step == saved:
            save(self, path)

    monkeypatch.setattr(trainer.Trainer, "step", failing_step)
    monkeypatch.setattr(trainer.Trainer, "save", rare_save)


def assert_same_end(first: Path, second: Path) -> None:
    one, two = (torch.load(folder / "state.pt", weights_only=True) for folder in (first, second))
    assert one["model"].keys() == two["model"].keys()
    for name, weights in one["model"].items():
        assert torch.equal(weights, two["model"][name]), name
    for key in ("step", "epoch", "batch", "tokens"):
        assert one["progress"][key] == two["progress"][key]
    for name in ("model.safetensors", "tokenizer.json", "config.json", "generation_config.json"):
        assert (first / "checkpoint" / name).read_bytes() == (
            second / "checkpoint" / name
        ).read_bytes()


def test_a_run_from_recipe_to_checkpoint(recipe: Path) -> None:
    folder, said = run(recipe, "run")
    assert {path.name for path in folder.iterdir()} == {
        *(
            "recipe.sha256",
            "tokenizer.json",
            "state.pt",
            "checkpoint",
            "log.jsonl",
        )
    }
    assert said[0].startswith("to tune on: 3 tasks, 0 families, 0 functions; kept back: ")
    assert said[1] == "tokenizer with 320 tokens"
    assert said[-1].startswith(f"step {STEPS}/{STEPS}, epoch ")
    model = transformers.AutoModelForCausalLM.from_pretrained(folder / "checkpoint", dtype="auto")
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "checkpoint")
    assert model.dtype == torch.bfloat16
    assert model.config.vocab_size == len(tokenizer) == 320
    end = tokenizer.convert_tokens_to_ids("<|endoftext|>")
    assert model.config.eos_token_id == model.generation_config.eos_token_id == end
    ids = tokenizer("write double(number)\n<|diff|>", return_tensors="pt").input_ids
    with torch.no_grad():
        loss = model(ids, labels=ids).loss.item()
    assert loss < 5.6  # of 5.77 for a model that knows nothing
    text = "class Ω:\n<|diff|>@@ -0,0 +1,2 @@\n+x = 1024\n+    y"
    assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_the_loss_falls(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "SECONDS", 0.0)
    recipe.write_text(recipe.read_text() + "evaluate_every = 1\n")
    _, said = run(recipe, "run")
    reports = [line for line in said if line.startswith("step ")]
    assert len(reports) == STEPS
    for name in ("loss ", "wordings "):
        first, last = (
            float(line.partition(name)[2].split(",")[0]) for line in reports[:: STEPS - 1]
        )
        assert last < first - 1


@pytest.mark.parametrize(("saved", "stopped"), [(1, 2), (4, 4), (7, 11), (19, 19)])
def test_a_run_that_was_cut_off_ends_alike(
    recipe: Path, monkeypatch: pytest.MonkeyPatch, saved: int, stopped: int
) -> None:
    recipe.write_text(
        recipe.read_text().replace("checkpoint_minutes = 60", "checkpoint_minutes = 0")
    )
    undisturbed, _ = run(recipe, "undisturbed")
    with monkeypatch.context() as patch:
        stop_at(patch, saved, stopped)
        with pytest.raises(KeyboardInterrupt):
            run(recipe, "stopped")
    resumed, said = run(recipe, "stopped")
    assert f"resumed at step {saved}" in said
    assert_same_end(undisturbed, resumed)


KILLED = """
import os, signal, sys
from pathlib import Path
from ondevice.training import reporter, trainer
from ondevice.training.run import train

save = trainer.Trainer.save
step = trainer.Trainer.step

def save_once(self, path):
    if self.progress.step == 6:
        save(self, path)

def killing_step(self, batch):
    if self.progress.step == 9:
        # In the midst of writing the next state.
        Path(sys.argv[2], "state.tmp").write_bytes(b"half a st")
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, batch)

trainer.Trainer.save, trainer.Trainer.step = save_once, killing_step
train(Path(sys.argv[1]), Path(sys.argv[2]), threads=1)
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_run_that_was_killed_ends_alike(recipe: Path) -> None:
    recipe.write_text(
        recipe.read_text().replace("checkpoint_minutes = 60", "checkpoint_minutes = 0")
    )
    undisturbed, _ = run(recipe, "undisturbed")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, recipe, recipe.parent / "killed"], capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()
    resumed, said = run(recipe, "killed")
    assert "resumed at step 6" in said
    assert_same_end(undisturbed, resumed)


def test_a_finished_run_is_left_as_it_is(recipe: Path) -> None:
    folder, _ = run(recipe, "run")
    before = {path: path.read_bytes() for path in folder.rglob("*.*") if path.name != "state.pt"}
    _, said = run(recipe, "run")
    assert said[-1] == f"resumed at step {STEPS}"
    assert {path: path.read_bytes() for path in before} == before


def test_the_best_weights_are_kept(recipe: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    losses = iter([3.0, 1.0, 2.0, 4.0])
    monkeypatch.setattr(trainer.Trainer, "evaluate", lambda *_: next(losses))
    more = 'evaluate_every = 5\nkeep = "best"\n'
    recipe.write_text(recipe.read_text() + more)
    best, _ = run(recipe, "best")
    monkeypatch.undo()
    # Those of step 10 of 20, as the losses have it.
    monkeypatch.setattr(trainer.Trainer, "evaluate", lambda *_: 1.0)
    stop_at(monkeypatch, 10, 10)
    recipe.write_text(recipe.read_text().replace("minutes = 60", "minutes = 0"))
    with pytest.raises(KeyboardInterrupt):
        run(recipe, "stopped")
    state = torch.load(recipe.parent / "stopped" / "state.pt", weights_only=True)["model"]
    kept = safetensors.load_file(best / "checkpoint" / "model.safetensors")
    assert all(torch.equal(state[name].bfloat16(), weights) for name, weights in kept.items())


def test_a_run_may_be_prolonged(recipe: Path) -> None:
    run(recipe, "run")
    recipe.write_text(recipe.read_text().replace("steps = 20", "steps = 22"))
    _, said = run(recipe, "run")
    assert said[-1].startswith("step 22/22")


def test_another_recipe_is_refused_in_the_same_folder(recipe: Path) -> None:
    (recipe.parent / "run").mkdir()
    (recipe.parent / "run" / "recipe.sha256").write_text("of another one\n")
    with pytest.raises(DataError, match="holds a run with other settings"):
        run(recipe, "run")
    assert [path.name for path in (recipe.parent / "run").iterdir()] == ["recipe.sha256"]


@pytest.mark.parametrize("content", [b"", b"no state", "other"])
def test_a_damaged_state_is_refused(recipe: Path, content: bytes | str) -> None:
    folder = recipe.parent / "run"
    folder.mkdir()
    if isinstance(content, bytes):
        (folder / "state.pt").write_bytes(content)
    else:
        torch.save({"model": {}, "optimizers": [], "progress": {}}, folder / "state.pt")
    with pytest.raises(DataError, match=r"state\.pt is no state of this run .*delete it"):
        run(recipe, "run")


def test_a_context_that_nothing_fits_ends_the_run(recipe: Path) -> None:
    recipe.write_text(recipe.read_text().replace("context = 256", "context = 8"))
    with pytest.raises(DataError, match="no example fits the context of 8 tokens"):
        run(recipe, "run")


def test_what_is_missing_is_said_before_the_work(
    recipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "ondevice.training.loop", None)
    monkeypatch.setattr("ondevice.training.run._source", None)
    with pytest.raises(DependencyError, match=r"pip install 'ondevice\[train\]'"):
        run(recipe, "run")


class TestFromACheckpoint:
    def test_it_goes_on_where_that_one_ended(
        self, recipe: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(reporter, "SECONDS", 0.0)
        first, said = run(recipe, "first")
        start = first / "checkpoint"
        second, again = run(recipe, "second", start=start)
        assert f"started from {start}" in again
        assert (second / "tokenizer.json").read_bytes() == (first / "tokenizer.json").read_bytes()
        losses = [
            [float(line.partition("loss ")[2].split(",")[0]) for line in lines if "loss" in line]
            for lines in (said, again)
        ]
        assert losses[1][0] < losses[0][-1] + 0.5 < losses[0][0]
        assert losses[1][-1] < losses[0][-1]

    def test_the_folder_belongs_to_its_start(self, recipe: Path) -> None:
        first, _ = run(recipe, "first")
        run(recipe, "second", start=first / "checkpoint")
        with pytest.raises(DataError, match="other settings"):
            run(recipe, "second")

    def test_another_model(self, recipe: Path) -> None:
        first, _ = run(recipe, "first")
        recipe.write_text(recipe.read_text().replace("width = 64", "width = 32"))
        with pytest.raises(DataError, match="does not fit the recipe's model"):
            run(recipe, "second", start=first / "checkpoint")

    def test_no_checkpoint(self, recipe: Path, tmp_path: Path) -> None:
        with pytest.raises(DataError, match="no checkpoint to start from"):
            run(recipe, "second", start=tmp_path)
