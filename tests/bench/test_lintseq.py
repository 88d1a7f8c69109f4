"""Each part of the comparison runs on a few small programs, and counts what it should."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

BENCH = Path(__file__).parents[2] / "bench"
SMALL = [
    *("--tasks", "3", "--library", "2", "--slow-library", "1", "--longest", "60"),
    *("--longest-growing", "200", "--paths", "2", "--agreement", "2", "--limit", "60"),
]

has_pylint = pytest.mark.skipif(importlib.util.find_spec("pylint") is None, reason="needs pylint")
has_peer = pytest.mark.skipif(
    importlib.util.find_spec("pylintseq") is None, reason="needs pylintseq"
)


def run(part: str, output: Path, *options: str) -> tuple[dict[str, Any], str]:
    command = [sys.executable, str(BENCH / "lintseq.py"), "--part", part, *SMALL, *options]
    done = subprocess.run(
        [*command, "--output", str(output)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(output.read_text(encoding="utf-8"))[part], done.stdout


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.syspath_prepend(str(BENCH))
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "peers"]:
        del sys.modules[name]


def test_ours_alone(tmp_path: Path) -> None:
    output = tmp_path / "results" / "lintseq.json"
    found, printed = run("speed", output, "--no-peer")
    assert found["tasks"]["refactored"] == 3
    assert found["tasks"]["ours"]["failures"] == {}
    assert "published" not in found["tasks"]
    assert found["options"]["tasks"] == 3
    assert found["machine"]["ondevice"]
    assert "speed" in printed


def test_profile_and_that_other_parts_are_kept(tmp_path: Path) -> None:
    output = tmp_path / "lintseq.json"
    output.write_text('{"speed": {}}')
    found, printed = run("profile", output, "--no-peer")
    assert sum(found["tasks"]["share by module"].values()) > 0.5
    assert found["growth"]["programs"] == len(found["growth"]["files"]) > 0
    assert str(Path.home()) not in json.dumps(found)
    assert "tasks: " in printed
    assert json.loads(output.read_text())["speed"] == {}


@has_peer
@has_pylint
def test_beside_the_published_one(tmp_path: Path) -> None:
    output = tmp_path / "lintseq.json"
    found, printed = run("speed", output)
    for kind, count in (("tasks", 3), ("library", 1)):
        one = found[kind]
        assert one["programs"] == count
        assert one["programs that both refactored"] <= count
        assert one["published"]["limit in seconds a program"] == 60
        assert one["ratio"] is None or one["ratio"]["of total times"] > 0
    assert "median (IQR)" in printed


@has_pylint
def test_faithful(tmp_path: Path) -> None:
    found, printed = run("faithful", tmp_path / "lintseq.json", "--no-peer", "--states", "4")
    agreement = found["judge compared with processes of their own"]
    assert agreement["same verdict"] == agreement["states"] == 2
    for linter in ("fast", "pylint"):
        one = found[f"ours, {linter}"]["tasks"]
        assert one["programs"] == 3
        assert one["states"] > 0
        assert one["states that pylint could not judge"] == 0
    assert "ours, pylint, tasks" in printed


@has_peer
@has_pylint
def test_distribution_twice_alike(tmp_path: Path) -> None:
    output = tmp_path / "lintseq.json"
    found, printed = run("distribution", output)
    again, _ = run("distribution", output)
    assert found["tasks"] == again["tasks"]
    assert found["library"] == again["library"]
    for side in ("ours, fast", "ours, pylint", "published"):
        one = found["tasks"][side]
        assert one["programs"] == 3
        assert one["sequences"] == 6
        assert one["edits per program"]["mean"] >= 1
        assert sum(one["share of the lines of last edits"].values()) == pytest.approx(1, abs=0.01)
    assert len(found["tasks"]["tests of edits per program"]) == 3
    assert "p perm." in printed


@pytest.mark.usefixtures("peers")
class TestPieces:
    def test_kinds_of_lines(self) -> None:
        from peers.distribution import kinds_of_lines

        program = (
            '"""Doc."""\n\nimport a\n\n@a.b\ndef f():\n    # c\n    return [\n        1,\n    ]\n'
        )
        assert kinds_of_lines(program.split("\n")) == [
            *("docstring", "blank", "import", "blank", "decorator", "def", "comment"),
            *("return", "return", "return", "blank"),
        ]
        assert kinds_of_lines(["x = (", ""]) == ["unknown", "blank"]

    def test_statistics(self) -> None:
        np = pytest.importorskip("numpy")
        from peers.statistics import compare, kolmogorov_smirnov, permutation_of_means

        rng = np.random.default_rng(0)
        same = list(rng.normal(0, 1, 80)), list(rng.normal(0, 1, 80))
        other = list(rng.normal(1, 1, 80))
        assert compare(*same, seed=0)["p, permutation"] > 0.05
        found = compare(same[0], other, seed=0)
        assert all(found[name] < 0.001 for name in found if name.startswith("p, "))
        a, b = np.array([1.0, 1, 2, 3]), np.array([1.0, 1, 2, 3])
        assert kolmogorov_smirnov(a, b, 0) == (0, 1)
        assert permutation_of_means(a, b, 0, 100) == 1

    @has_pylint
    def test_verdicts(self, request: pytest.FixtureRequest) -> None:
        from peers.faithful import new_messages
        from peers.verdicts import PylintJudge

        judge = PylintJudge()
        request.addfinalizer(judge.close)
        spoiler = "import string\n\nstring.nowhere = 1\n"
        judge.load(spoiler)
        assert judge.judge(spoiler) == []
        (found,) = judge.judge("import string\n\nprint(string.nowhere)\n") or []
        assert (found.symbol, found.line) == ("no-member", 3)  # the other program left no trace
        assert new_messages([found], [0, 1, 5], []) == [found]
        assert new_messages([found], [0, 1, 5], [found._replace(line=6, text="")]) == []
        assert new_messages([found], [0, 1, 5], [found._replace(line=9)]) == []

    @has_peer
    @has_pylint
    def test_a_slow_peer_is_stopped(self) -> None:
        from peers.published import Published

        run = Published(0.01).run("".join(f"x_{n} = {n}\n" for n in range(200)), 1, 0)
        assert run.failure == "too slow"

    def test_without_the_peer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from peers.published import Published

        monkeypatch.setitem(sys.modules, "pylintseq", None)
        with pytest.raises(ImportError, match="pip install pylintseq"):
            Published(1)
