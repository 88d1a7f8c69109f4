from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import ondevice
from ondevice.cli import main
from ondevice.errors import DataError

HEAVY = {
    *("llama_cpp", "llguidance", "numpy", "onnxruntime", "pyflakes", "tokenizers", "unidiff"),
    *("rich.console", "rich.live", "rich.syntax", "pygments"),
    *("gguf", "onnx", "optimum", "pylint", "torch", "transformers"),
    *("datasets", "datasketch", "packaging", "pyarrow", "ray"),
}
COMMANDS = ("generate", "edit", "models", "doctor", "export", "corpus", "lintseq", "train")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(f"\n  {command} " in out for command in COMMANDS)
    assert 'ondevice generate "write fizzbuzz"' in out
    assert "..." not in out.partition("Commands:")[2], "a summary that does not fit is cut"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: ondevice {command} ")


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"ondevice {ondevice.__version__}\n"


def test_help_imports_nothing_heavy() -> None:
    # Older typers import rich by themselves.
    given = modules_after("import typer")
    ours = modules_after("from ondevice.cli import main; main(['--help'])")
    assert (ours - given) & HEAVY == set()


def modules_after(code: str) -> set[str]:
    result = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules, file=sys.stderr)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(result.stderr.split())


def test_help_takes_little_longer_than_typer_itself() -> None:
    ours = ["-c", "from ondevice.cli import main; main(['--help'])"]
    typer = ["-c", "import typer"]
    # The best of several, turn by turn: whatever else the machine does only adds to a time.
    times = [(seconds(ours), seconds(typer)) for _ in range(4)]
    assert min(t[0] for t in times) < 3 * min(t[1] for t in times)


def seconds(arguments: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, *arguments], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("line 3:\n no program"), 2, "error: line 3: no program\n"),
        (
            FileNotFoundError(2, "No such file or directory", "x.jsonl"),
            2,
            "error: x.jsonl: No such",
        ),
        (ModuleNotFoundError("no", name="torch"), 3, "error: torch is not installed; `ondevice"),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_no_command_ends_in_a_traceback(
    error: BaseException,
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise error

    put_module(monkeypatch, "ondevice.lintseq.corpus", refactor_file=fail)
    assert main(["lintseq", "in.jsonl", "out.jsonl"]) == code
    assert message in capsys.readouterr().err


def test_lintseq_passes_its_arguments_on(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = []

    def refactor_file(*arguments: Any, **options: Any) -> str:
        calls.append((*arguments, options))
        return "3 programs"

    put_module(monkeypatch, "ondevice.lintseq.corpus", refactor_file=refactor_file)
    assert main(["lintseq", "a.jsonl", "b.jsonl", "--samples", "5", "--linter", "pylint"]) == 0
    ((source, target, options),) = calls
    assert (source, target) == (Path("a.jsonl"), Path("b.jsonl"))
    assert (options["linter"], options["samples"], options["seed"]) == ("pylint", 5, 0)
    assert capsys.readouterr() == ("", "3 programs\n")


def test_train_reports_on_stderr_and_prints_the_checkpoint(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(
        recipe: Path, folder: Path, report: Any, *, start: Path | None, threads: int | None
    ) -> Path:
        report(f"training {recipe} in {folder} from {start} on {threads}")
        return folder / "checkpoint"

    put_module(monkeypatch, "ondevice.training.run", train=train)
    assert main(["train", "recipes/tiny.toml", "--from", "base", "--threads", "2"]) == 0
    assert capsys.readouterr() == (
        "tiny/checkpoint\n",
        "training recipes/tiny.toml in tiny from base on 2\n",
    )


def put_module(monkeypatch: pytest.MonkeyPatch, name: str, **content: Any) -> None:
    module = ModuleType(name)
    vars(module).update(content)
    monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.parametrize("redirection", [">&-", "2>&-", "<&- >/dev/null", ">/dev/full"])
def test_no_redirection_ends_in_a_traceback(redirection: str) -> None:
    command = f"{sys.executable} -m ondevice.cli models verify no-such-model {redirection}"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert result.returncode == 3
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_one_line() -> None:
    command = f"{sys.executable} -m ondevice.cli --help >/dev/full"
    result = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr == "error: No space left on device\n"
