from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from ondevice.cli import main
from ondevice.corpora import Settings, Source, build, installed, source_tree
from ondevice.corpora.build import is_held_out
from ondevice.errors import DataError
from tests.corpora.conftest import TEXT_OF_GPL, TEXT_OF_MIT, MakeDistribution, module

pytest.importorskip("datasketch")

FILES = Settings(pieces=("files",))


def rows(folder: Path, part: str = "train") -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / f"{part}.jsonl").read_text().splitlines()]


def report(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "report.json").read_text())
    return content


def made(tmp_path: Path, sources: Iterable[Source], settings: Settings = FILES) -> Path:
    folder = tmp_path / "corpus"
    build(list(sources), folder, settings)
    return folder


def places(found: list[dict[str, Any]]) -> list[str]:
    return [f"{row['source']['distribution']}/{row['source']['path']}" for row in found]


def test_rows_say_where_they_come_from(
    tmp_path: Path, site: Path, make_distribution: MakeDistribution
) -> None:
    make_distribution("Pear.Tree", {"pear/core.py": module("pear")})
    folder = made(tmp_path, installed(site=site), Settings())
    found = rows(folder)
    assert [row["kind"] for row in found] == ["file", "function", "function", "function"]
    where = {"distribution": "pear-tree", "version": "1.0", "path": "pear/core.py"}
    assert found[0] == {
        "kind": "file",
        "program": module("pear") + "\n",
        "source": {**where, "line": 1},
        "license": "MIT",
    }
    assert found[2]["name"] == "pear_polish"
    assert found[2]["source"] == {**where, "line": 6}
    assert found[2]["program"].startswith(found[2]["instruction"])
    (package,) = report(folder)["packages"]
    assert package["license_from"] == "License-Expression"
    assert package["kept"]["function"]["rows"] == 3
    size = report(folder)["parts"]["train"]["file"]
    assert (size["rows"], size["bytes"]) == (1, len(found[0]["program"]))


def test_packages_without_a_permissive_license_are_listed(
    tmp_path: Path, site: Path, make_distribution: MakeDistribution
) -> None:
    make_distribution("good")
    make_distribution("copyleft", metadata=["License-Expression: GPL-3.0-only"])
    make_distribution("vague", metadata=["License: BSD"])
    make_distribution("silent", metadata=[])
    make_distribution("editable", record=False)
    folder = made(tmp_path, installed(site=site))
    assert places(rows(folder)) == ["good/good.py"]
    left_out = {package["name"]: package["left_out"] for package in report(folder)["packages"]}
    assert left_out["good"] == ""
    assert left_out["copyleft"] == "not permissive: GPL-3.0-only"
    assert all(left_out[name] for name in ("vague", "silent", "editable"))
    sheet = (folder / "DATASHEET.md").read_text()
    assert "not permissive: GPL-3.0-only" in sheet


def test_folders_with_a_license_of_their_own(
    tmp_path: Path, site: Path, make_distribution: MakeDistribution
) -> None:
    files = {
        "a/core.py": module("core"),
        "a/other/LICENSE": TEXT_OF_GPL,
        "a/other/deep/core.py": module("other"),
        "a/third/COPYING.txt": TEXT_OF_MIT,
        "a/third/core.py": module("third"),
        "a/license.py": module("license"),
    }
    make_distribution("a", files, metadata=["License-Expression: BSD-3-Clause"])
    folder = made(tmp_path, installed(site=site))
    licenses = {row["source"]["path"]: row["license"] for row in rows(folder)}
    assert licenses == {
        "a/core.py": "BSD-3-Clause",
        "a/license.py": "BSD-3-Clause",
        "a/third/core.py": "MIT",
    }
    assert report(folder)["left_out"]["files"] == {"license": 1}


def test_files_outside_a_distribution_are_not_its_own(
    tmp_path: Path, site: Path, make_distribution: MakeDistribution
) -> None:
    make_distribution("a", {"../bin/run.py": module("run"), "a.py": module("a")})
    assert places(rows(made(tmp_path, installed(site=site)))) == ["a/a.py"]


def test_duplicates_leave_the_first(
    tmp_path: Path, site: Path, make_distribution: MakeDistribution
) -> None:
    long = "\n\n".join(map(module, ("one", "two", "three", "four")))
    near = long.replace("polish", "shine", 1).replace("\n\n\n", "\n\n")
    make_distribution("a", {"a/x.py": long, "a/y.py": long.replace("\n\n", "\n\n\n") + "  \n"})
    make_distribution("b", {"b.py": "# a remark\n" + near, "c.py": module("other")})
    folder = made(tmp_path, installed(site=site))
    assert places(rows(folder)) == ["a/a/x.py", "b/c.py"]
    assert report(folder)["left_out"]["rows"] == {"exact duplicate": 1, "near duplicate": 1}
    assert report(folder)["duplicates"]["permutations"] == 128


def test_what_comes_out_depends_on_no_order(
    tmp_path: Path, site: Path, make_distribution: MakeDistribution
) -> None:
    for name in ("a", "b", "c", "d"):
        make_distribution(name, {f"{name}/{name}.py": module(name), f"{name}/x.py": module("x")})
    sources = list(installed(site=site))
    benchmark = tmp_path / "b.jsonl"
    benchmark.write_text(json.dumps({"prompt": "what polish makes of the x in all items of mine"}))
    settings = Settings(against=(benchmark,), held_out=0.5)
    build(sources, tmp_path / "1", settings)
    build(sources[::-1], tmp_path / "2", settings)
    code = (
        "import sys; from pathlib import Path; from ondevice.corpora import *\n"
        "site, benchmark, out = map(Path, sys.argv[1:])\n"
        "settings = Settings(against=(benchmark,), held_out=0.5)\n"
        "build(list(installed(site=site)), out, settings)\n"
    )
    arguments = [str(site), str(benchmark), str(tmp_path / "3")]
    environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, *arguments], check=True, env=environment)
    for name in ("train.jsonl", "held-out.jsonl", "report.json", "DATASHEET.md"):
        first = (tmp_path / "1" / name).read_bytes()
        assert first == (tmp_path / "2" / name).read_bytes()
        assert first == (tmp_path / "3" / name).read_bytes()


def test_contaminated_rows_are_removed_and_named(
    tmp_path: Path, site: Path, make_distribution: MakeDistribution
) -> None:
    copied = (
        "def jars(shelf):\n"
        '    """Weigh marmalade jars upon each wooden shelf, coloured lids first."""\n'
        "    return sorted(shelf, key=lambda jar: jar.lid)\n"
    )
    make_distribution("a", {"a.py": module("a") + "\n\n\n" + copied})
    benchmark = tmp_path / "bench.jsonl"
    task = {
        "id": "jars",
        "text": "Weigh marmalade jars upon each wooden shelf, coloured lids first.",
    }
    benchmark.write_text(json.dumps(task) + "\n")
    folder = made(tmp_path, installed(site=site), Settings(against=(benchmark,)))
    assert [row.get("name", "") for row in rows(folder)] == ["a_gather", "a_polish", "a_weigh"]
    content = report(folder)
    first, second = content["contamination"]["removed"]
    assert (first["kind"], second["kind"], second["source"]["line"]) == ("file", "function", 17)
    assert first["overlap"] == {
        "benchmark": "bench.jsonl",
        "row": "jars",
        "ngram": "weigh marmalade jars upon each wooden shelf , coloured lids",
    }
    assert content["left_out"]["rows"] == {"contaminated": 2}
    assert content["parts"]["train"]["file"] == {"rows": 0, "bytes": 0, "tokens": 0}
    assert "bench.jsonl: jars" in (folder / "DATASHEET.md").read_text()


def test_what_many_packages_share_is_boilerplate(
    tmp_path: Path, site: Path, make_distribution: MakeDistribution
) -> None:
    shared = (
        "def boot(argv):\n    parser.add_argument('--verbose', help='talk more', action=argv)\n"
    )
    names = ["a", "b", "c"]
    for name in names:
        make_distribution(name, {f"{name}.py": f"{module(name)}\n\n\n{shared}"})
    benchmark = tmp_path / "bench.jsonl"
    benchmark.write_text(json.dumps({"code": shared}))
    settings = Settings(pieces=("files",), against=(benchmark,), common=3)
    build(list(installed(site=site)), tmp_path / "few", settings)
    assert places(rows(tmp_path / "few")) == []
    settings = Settings(pieces=("files",), against=(benchmark,), common=2)
    build(list(installed(site=site)), tmp_path / "many", settings)
    assert places(rows(tmp_path / "many")) == ["a/a.py", "b/b.py", "c/c.py"]
    assert report(tmp_path / "many")["contamination"]["boilerplate"][0]["packages"] == 3


def test_whole_packages_are_held_out(
    tmp_path: Path, site: Path, make_distribution: MakeDistribution
) -> None:
    settings = Settings(pieces=("files",), held_out=0.5)
    names = [f"p{number}" for number in range(8)]
    for name in names:
        make_distribution(name, {f"{name}/{name}.py": module(name), f"{name}/s.py": module("same")})
    folder = made(tmp_path, installed(site=site), settings)
    held_out = {name for name in names if is_held_out(name, settings)}
    assert 0 < len(held_out) < len(names)
    inside = {row["source"]["distribution"] for row in rows(folder, "held-out")}
    assert inside == held_out
    # The duplicate is kept in the training part.
    first = min(set(names) - held_out)
    assert [place for place in places(rows(folder)) if "s.py" in place] == [f"{first}/{first}/s.py"]
    assert not [place for place in places(rows(folder, "held-out")) if "s.py" in place]


def test_trees_say_their_license_or_are_told_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "src").mkdir(parents=True)
    (tree / "src" / "a.py").write_text(module("a"))
    (tree / "src" / "loop").symlink_to(tree, target_is_directory=True)
    (tree / "src" / "outside.py").symlink_to(Path(__file__))
    (tree / ".hidden").mkdir()
    (tree / ".hidden" / "b.py").write_text(module("b"))
    assert source_tree(tree).license.problem
    assert source_tree(tree, "MIT").license.expression == "MIT"
    assert source_tree(tree, "GPL-3.0-only").license.problem
    (tree / "LICENSE").write_text(TEXT_OF_MIT)
    assert source_tree(tree).license.origin == "LICENSE"
    (tree / "pyproject.toml").write_text('[project]\nname = "Nice_Tree"\nlicense = "ISC"\n')
    source = source_tree(tree)
    assert (source.name, source.license.expression) == ("nice-tree", "ISC")
    assert [path for path, _ in source.files] == ["src/a.py"]
    (tree / "pyproject.toml").write_text("[project\n")
    assert source_tree(tree).license.expression == "MIT"


def test_an_environment_is_looked_into(site: Path, make_distribution: MakeDistribution) -> None:
    make_distribution("a")
    environment = site.parent / "env"
    (environment / "lib" / "python3.12").mkdir(parents=True)
    site.rename(environment / "lib" / "python3.12" / "site-packages")
    assert [source.name for source in installed(site=environment)] == ["a"]
    with pytest.raises(DataError, match="no packages are installed"):
        list(installed(site=environment / "lib"))
    with pytest.raises(DataError, match="'b'"):
        list(installed(["b"], site=environment))


def test_a_folder_is_replaced_only_if_it_is_ours(
    tmp_path: Path, site: Path, make_distribution: MakeDistribution
) -> None:
    make_distribution("a")
    sources = list(installed(site=site))
    folder = tmp_path / "corpus"
    folder.mkdir()
    build(sources, folder, FILES)
    with pytest.raises(DataError, match="--replace"):
        build(sources, folder, FILES)
    before = (folder / "train.jsonl").read_bytes()
    with pytest.raises(OSError, match=r"absent\.jsonl"):
        build(sources, folder, Settings(against=(tmp_path / "absent.jsonl",)), replace=True)
    assert (folder / "train.jsonl").read_bytes() == before
    build(sources, folder, FILES, replace=True)
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious").touch()
    with pytest.raises(DataError, match="no corpus"):
        build(sources, other, FILES, replace=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus", "other", "site"]


@pytest.mark.parametrize(
    "settings",
    [
        Settings(pieces=()),
        Settings(threshold=0),
        Settings(threshold=1.5),
        Settings(ngram=2),
        Settings(held_out=1),
        Settings(held_out=float("nan")),
        Settings(docstring="some"),
        Settings(max_size=0),
    ],
)
def test_settings_that_cannot_be(settings: Settings) -> None:
    with pytest.raises(DataError):
        settings.check()


def test_the_command(
    tmp_path: Path,
    site: Path,
    make_distribution: MakeDistribution,
    capsys: pytest.CaptureFixture[str],
) -> None:
    make_distribution("a")
    out = tmp_path / "corpus"
    assert main(["corpus", str(out), "--site", str(site), "--installed"]) == 0
    captured = capsys.readouterr()
    assert captured.out.strip() == str(out)
    assert "function" in captured.err
    assert main(["corpus", str(out), "--site", str(site), "--installed"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--package", "no-such-package"],
        ["--site", "absent", "--installed"],
        ["--tree", "absent"],
        ["--stdlib", "--threshold", "2"],
        ["--tree", ".", "--tree-license", "MIT", "--tree-license", "ISC"],
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["corpus", str(tmp_path / "corpus"), *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_help_is_light() -> None:
    heavy = ("datasketch", "numpy", "packaging", "pyflakes", "ondevice.corpora")
    code = (
        "import sys\nfrom ondevice.cli import main\nmain(['corpus', '--help'])\n"
        f"print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--held-out" in run.stdout
    assert run.stderr.strip() == "[]"
