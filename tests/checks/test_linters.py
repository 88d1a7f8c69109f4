"""The checks by ruff and pylint."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from ondevice.checks import linters, resolve_checks, run_checks
from ondevice.errors import CheckError, DependencyError

CLEAN = """\
import os
import a_package_that_nobody_has


def area(width, height=1):
    unused = os
    return a_package_that_nobody_has.area(width, height)


print(area(2))
"""


@pytest.mark.parametrize("check", ["ruff", "pylint"])
def test_what_is_right_or_only_in_bad_style_passes(check: str) -> None:
    for program in ("", CLEAN, "match 1:\n    case int(x):\n        print(f'{x}')\n"):
        assert run_checks(resolve_checks(check), program) == ()


@pytest.mark.parametrize(
    ("program", "line", "message"),
    [
        ("x = 1\nprint(y)\n", 2, "Undefined name `y` (F821)"),
        ("x = 1\nprint(y)  # noqa\n", 2, "Undefined name `y` (F821)"),
        ("x = 1\nif x is 'a':\n    pass\n", 2, "(F632)"),
        ("def f():\n    pass\n\nreturn f\n", 4, "(F706)"),
        ("x = 1\ndef f():\ny = 2\n", 3, "Expected an indented block"),
    ],
)
def test_ruff(program: str, line: int, message: str) -> None:
    finding = run_checks(resolve_checks("ruff"), program)[0]
    assert (finding.check, finding.line) == ("ruff", line)
    assert message in finding.message


@pytest.mark.parametrize(
    ("program", "line", "message"),
    [
        ("x = 1\nprint(y)\n", 2, "Undefined variable 'y' (E0602)"),
        ("if 1:\n  x = 1\n", 2, "(W0311)"),
        (
            "class A:\n    def __init__(self):\n        self.a = 1\n\n\n"
            "class B(A):\n    def __init__(self):\n        self.b = 2\n",
            7,
            "(W0231)",
        ),
        ("import os\nprint(os.nowhere)\n", 2, "(E1101)"),
        ("x = 1\ndef f():\ny = 2\n", 2, "(E0001)"),
    ],
)
def test_pylint(program: str, line: int, message: str) -> None:
    finding = run_checks(resolve_checks("pylint"), program)[0]
    assert (finding.check, finding.line) == ("pylint", line)
    assert message in finding.message


def test_ruff_minds_no_settings_of_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ruff.toml").write_text('lint.ignore = ["F821"]\nbuiltins = ["y"]\n')
    monkeypatch.setenv("RUFF_OUTPUT_FILE", str(tmp_path / "report"))
    monkeypatch.setenv("RUFF_OUTPUT_FORMAT", "concise")
    assert len(run_checks(resolve_checks("ruff"), "print(y)\n")) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["ruff.toml"]


@pytest.mark.parametrize("name", ["ruff", "pylint"])
def test_one_that_is_missing_is_told_before_anything_runs(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr(shutil, "which", lambda program: None)
    with pytest.raises(
        DependencyError, match=rf"{name} is not .* pip install 'ondevice\[checks\]'"
    ):
        resolve_checks(name)


def test_a_ruff_on_the_path_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    program = linters.find_ruff()
    monkeypatch.setitem(sys.modules, "ruff", None)
    monkeypatch.setenv("PATH", str(Path(program).parent))
    assert linters.find_ruff() == program
    assert run_checks(resolve_checks("ruff"), "print(y)\n")[0].line == 1


def test_a_crash_is_no_verdict(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(linters, "find_ruff", lambda: str(tmp_path))
    with pytest.raises(CheckError, match="ruff crashed"):
        run_checks(resolve_checks("ruff"), "x = 1\n")
    monkeypatch.setattr(linters, "find_ruff", lambda: sys.executable)
    with pytest.raises(CheckError, match="ruff crashed"):
        run_checks(resolve_checks("ruff"), "x = 1\n")
