from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest

from ondevice.evaluation import judge
from ondevice.evaluation.judge import Verdict, judge_function, judge_script

DOUBLE = "def double(n):\n    return n * 2\n"
TESTS = ["assert double(2) == 4", "assert double('a') == 'aa'"]
posix = pytest.mark.skipif(os.name != "posix", reason="process groups and limits")


def test_a_right_program_passes() -> None:
    assert judge_function(DOUBLE, TESTS) == Verdict(True)
    assert judge_function("from __future__ import annotations\n" + DOUBLE, TESTS).passed
    assert judge_function(DOUBLE.rstrip("\n"), TESTS).passed
    assert judge_function("print('hello')\n" + DOUBLE, TESTS).passed
    assert judge_function(DOUBLE + "def print(*_):\n    pass\n", TESTS).passed


@pytest.mark.parametrize(
    ("program", "reason"),
    [
        ("def double(n):\n    return n + n + 1\n", "AssertionError"),
        ("", "NameError: name 'double' is not defined"),
        ("def double(n)\n    return 2\n", "SyntaxError: expected ':'"),
        (DOUBLE + "raise SystemExit(0)\n", "exited before the last assertion"),
        (DOUBLE + "import os\nos._exit(0)\n", "exited before the last assertion"),
        (DOUBLE + "print('all assertions hold')\nexit()\n", "exited before the last assertion"),
        (DOUBLE + "raise SystemExit(3)\n", "exit code 3"),
        (DOUBLE + "import os\nos.abort()\n", "exit code -6"),
        (DOUBLE + "input()\n", "EOFError: EOF when reading a line"),
        (DOUBLE + "x = '''\n", "SyntaxError: unterminated triple-quoted string literal"),
        ("def double(n):\n    raise SystemExit(0)\n", "exited before the last assertion"),
        ("def double(n):\n    import os\n    os._exit(0)\n", "exited before the last assertion"),
        ("# \x00\n" + DOUBLE, "null bytes"),
    ],
)
def test_a_wrong_program_does_not_pass(program: str, reason: str) -> None:
    verdict = judge_function(program, TESTS)
    assert not verdict.passed
    assert reason in verdict.reason
    assert "\n" not in verdict.reason


def test_a_script_is_judged_by_what_it_prints() -> None:
    program = "print(sum(map(int, input().split())))\n"
    assert judge_script(program, "1 2 3\n", "6\n") == Verdict(True)
    assert judge_script(program, "1 2 3\n", "7\n") == Verdict(False, r"printed '6\n'")
    assert judge_script("print('é', end='')\n", "", "é").passed
    assert judge_script("pass\n", "", "6\n") == Verdict(False, "printed ''")
    assert judge_script("print(6)\nexit(2)\n", "", "6\n") == Verdict(False, "exit code 2")
    assert judge_script("print(6)\n1 / 0\n", "", "6\n").reason.startswith("ZeroDivisionError")


def test_a_program_that_loops_runs_out_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge, "TIMEOUT", 0.5)
    assert judge_function("while True:\n    pass\n", TESTS) == Verdict(
        False, "ran for more than 0.5 s"
    )
    assert judge_script("print('6', flush=True)\nwhile True:\n    pass\n", "", "6\n").reason == (
        "ran for more than 0.5 s"
    )


SPAWN = """\
import subprocess, sys
subprocess.Popen([sys.executable, "-c", '''
import time
from pathlib import Path
while True:
    Path({path!r}).write_text(str(time.time()))
    time.sleep(0.02)
'''])
import pathlib, time
while not pathlib.Path({path!r}).exists():
    time.sleep(0.01)
"""


@posix
@pytest.mark.parametrize("end", ["", "while True:\n    pass\n", "raise SystemExit(1)\n"])
def test_children_do_not_outlive_the_verdict(
    end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(judge, "TIMEOUT", 5.0)
    beat = tmp_path / "beat"
    started = time.monotonic()
    verdict = judge_script(SPAWN.format(path=str(beat)) + end, "", "")
    assert verdict.passed == (not end)
    # A child that holds stdout open must not delay the verdict either.
    assert time.monotonic() - started < (9 if "while" in end else 5)
    last = beat.read_text()
    time.sleep(0.3)
    assert beat.read_text() == last


@posix
def test_a_flood_is_stemmed() -> None:
    verdict = judge_script("while True:\n    print('x' * 1000000)\n", "", "")
    assert not verdict.passed
    assert verdict.reason == "OSError: [Errno 27] File too large" or "ran for" in verdict.reason


@posix
@pytest.mark.skipif(os.uname().sysname != "Linux", reason="other systems limit no memory")
def test_memory_is_limited() -> None:
    verdict = judge_script("x = bytearray(5 * 1024 ** 3)\n", "", "")
    assert verdict.reason.startswith("MemoryError")


def test_a_program_has_a_folder_of_its_own_that_goes_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    program = """\
import os, tempfile
from pathlib import Path
assert os.listdir() == ["program.py"]
assert Path.home() == Path.cwd() == Path(tempfile.gettempdir())
Path("left.txt").write_text("x")
Path.home().joinpath("home.txt").write_text("x")
os.close(tempfile.mkstemp()[0])
os.mkdir("locked")
os.chmod("locked", 0)
print(Path.cwd().parent)
"""
    assert judge_script(program, "", f"{tmp_path}\n") == Verdict(True)
    assert list(tmp_path.iterdir()) == []


def test_a_program_sees_nothing_of_its_surroundings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "random.py").write_text("raise RuntimeError\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert judge_script("import random\nprint(random.__name__)\n", "", "random\n").passed
