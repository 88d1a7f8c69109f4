from __future__ import annotations

import importlib.metadata
import json
import re
import shutil
import tomllib
from pathlib import Path

import pytest

from ondevice.catalogue import bundled
from ondevice.cli import diagnosis, main
from ondevice.cli.diagnosis import Diagnosis, Item
from ondevice.sandbox import PROTECTIONS, Sandbox, worker

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
OK = Item("model tiny", True, "all files as recorded")


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", requirement)[0] for requirement in requirements}


def test_it_knows_the_packages_that_pyproject_names() -> None:
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    assert set(diagnosis.BASE) == names(project["dependencies"])
    for extra, packages in diagnosis.EXTRAS.items():
        assert set(packages) == names(project["optional-dependencies"][extra])
    assert diagnosis.EXTRAS.keys() == diagnosis.PURPOSES.keys()


def test_a_missing_extra_comes_with_its_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(diagnosis, "_version", lambda name: None if "llama" in name else "1.0")
    monkeypatch.setattr(diagnosis, "_model", lambda: OK)
    monkeypatch.setattr(diagnosis, "_trials", lambda: iter([Item("run onnx", True, "fast")]))
    assert main(["doctor"]) == 0, "the main job does not need it"
    out = capsys.readouterr().out
    assert re.search(
        r"^- +gguf +missing: llama-cpp-python \(for the llama_cpp backend\)$", out, re.M
    )
    assert "  gguf  pip install 'ondevice[gguf]'\n" in out
    assert out.endswith("Ready to generate.\n")


def test_of_ruff_the_program_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise importlib.metadata.PackageNotFoundError(package)

    monkeypatch.setattr(importlib.metadata, "version", missing)
    for found, detail in [
        ("/usr/bin/ruff", "missing: pylint (for the checks ruff and pylint)"),
        (None, "missing: pylint, ruff (for the checks ruff and pylint)"),
    ]:
        monkeypatch.setattr(shutil, "which", lambda name, found=found: found)
        (item,) = (item for item in diagnosis._extras() if item.name == "checks")
        assert item == Item("checks", None, detail, "pip install 'ondevice[checks]'")


def test_a_missing_base_package_is_serious(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(diagnosis, "_version", lambda name: None if name == "numpy" else "1.0")
    monkeypatch.setattr(diagnosis, "_model", lambda: OK)
    monkeypatch.setattr(diagnosis, "_trials", lambda: iter([Item("run onnx", True, "fast")]))
    assert main(["doctor"]) == 3
    out = capsys.readouterr().out
    assert "BAD  base" in out
    assert out.endswith("Not ready to generate.\n")


def test_without_a_model_nothing_is_ready(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(bundled, "_PACKAGE", tmp_path)
    assert main(["doctor", "--format", "json"]) == 3
    content = json.loads(capsys.readouterr().out)
    assert content["ready"] is False
    (model,) = [item for item in content["items"] if item["name"] == "model tiny"]
    assert model["ok"] is False
    assert model["remedy"].startswith("pip install ")


def test_json_is_the_whole_diagnosis(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(diagnosis, "diagnose", lambda: Diagnosis((OK,), True))
    assert main(["doctor", "--format", "json"]) == 0
    item = {"name": "model tiny", "ok": True, "detail": "all files as recorded", "remedy": None}
    assert json.loads(capsys.readouterr().out) == {"items": [item], "ready": True}


def test_a_backend_that_breaks_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    class Source:
        class manifest:  # noqa: N801
            @staticmethod
            def files_for(backend: str) -> tuple[str, ...]:
                return ("file",) if backend == "onnx" else ()

    def broken(backend: str) -> float:
        raise OSError("libgomp.so.1:\n cannot open shared object file")

    monkeypatch.setattr(diagnosis, "resolve", lambda name: Source)
    monkeypatch.setattr(diagnosis, "_speed", broken)
    (item,) = diagnosis._trials()
    assert item == Item("run onnx", False, "OSError: libgomp.so.1: cannot open shared object file")


def test_protections_are_told_and_so_are_those_that_are_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = {"network": "seccomp", "cpu": "rlimit"}
    monkeypatch.setattr(Sandbox, "protections", property(lambda _: found))
    items = {item.name: item for item in diagnosis._sandbox()}
    assert items["sandbox: network"] == Item(
        "sandbox: network", True, "refuses the network: seccomp"
    )
    assert items["sandbox: memory"] == Item(
        "sandbox: memory", None, "limits memory: not on this machine"
    )
    assert len(items) == len(PROTECTIONS)


def test_a_sandbox_that_does_not_start_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "_BOOT", "raise RuntimeError('no room')")
    (item,) = diagnosis._sandbox()
    assert (item.ok, item.name) == (False, "sandbox")
    assert item.detail.endswith("RuntimeError: no room")


def test_what_this_machine_protects_has_a_name() -> None:
    with Sandbox() as sandbox:
        assert sandbox.protections.keys() <= PROTECTIONS.keys()
