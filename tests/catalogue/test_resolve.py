from __future__ import annotations

from pathlib import Path

import pytest

from ondevice.catalogue import bundled_models, find_damage, installed_models, resolve
from ondevice.catalogue.installed import folder_of
from ondevice.errors import ModelFormatError, ModelNotFoundError

from .conftest import MakeModel


@pytest.mark.parametrize("name", [None, "tiny"])
def test_the_bundled_model_is_the_default(installed: Path, name: str | None) -> None:
    source = resolve(name)
    assert source.path == installed / "models" / "tiny"
    assert source.name == "tiny"
    assert source.manifest is not None


def test_a_checkout_has_its_models_beside_the_package(
    installed: Path, make_model: MakeModel
) -> None:
    beside = make_model(installed.parent / "models" / "other")
    assert list(bundled_models()) == ["tiny"], "that is someone else's folder"
    (installed.parent / "pyproject.toml").touch()
    assert bundled_models()["other"] == beside


def test_names_win_over_paths_and_paths_can_still_be_said(
    installed: Path, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    make_model(tmp_path / "tiny")
    monkeypatch.chdir(tmp_path)
    assert resolve("tiny").path == installed / "models" / "tiny"
    assert resolve("./tiny").path.resolve() == tmp_path / "tiny"
    assert resolve(Path("tiny")).path.resolve() == tmp_path / "tiny"


@pytest.mark.usefixtures("installed")
class TestPaths:
    def test_a_lone_file_has_no_manifest(self, tmp_path: Path) -> None:
        file = tmp_path / "some.GGUF"
        file.touch()
        source = resolve(str(file))
        assert (source.path, source.manifest, source.name) == (file, None, "some")

    def test_a_file_of_a_model_folder_has_the_manifest(
        self, tmp_path: Path, make_model: MakeModel
    ) -> None:
        folder = make_model(tmp_path / "mine")
        (folder / "stray.onnx").touch()
        assert resolve(folder / "model.gguf").name == "mine"
        assert resolve(folder / "model.gguf").manifest is not None
        assert resolve(folder / "stray.onnx").manifest is None

    def test_a_folder_with_weights_and_no_manifest(self, tmp_path: Path) -> None:
        (tmp_path / "bare").mkdir()
        (tmp_path / "bare" / "model.onnx").touch()
        source = resolve(tmp_path / "bare")
        assert (source.path, source.manifest, source.name) == (tmp_path / "bare", None, "bare")

    def test_a_folder_without_any_weights(self, tmp_path: Path) -> None:
        with pytest.raises(ModelFormatError, match="holds no model"):
            resolve(tmp_path)

    def test_a_file_that_is_no_model(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").touch()
        with pytest.raises(ModelFormatError, match=r"notes\.txt is no model"):
            resolve(tmp_path / "notes.txt")

    def test_a_broken_manifest_is_not_passed_over(
        self, tmp_path: Path, make_model: MakeModel
    ) -> None:
        folder = make_model(tmp_path / "mine")
        (folder / "ondevice.json").write_text("{}")
        for model in (folder, folder / "model.gguf"):
            with pytest.raises(ModelFormatError, match=r"ondevice\.json"):
                resolve(model)

    @pytest.mark.parametrize("model", ["a\0b", "x" * 5000 + "/y"])
    def test_a_path_that_cannot_be(self, model: str) -> None:
        with pytest.raises(ModelNotFoundError):
            resolve(model)

    @pytest.mark.parametrize("model", ["missing.gguf", "folder/of/model", Path("missing")])
    def test_a_path_that_is_not_there(self, model: str | Path) -> None:
        with pytest.raises(ModelNotFoundError, match=r"no such file or folder.*\.onnx"):
            resolve(model)


def test_an_unknown_name_lists_the_known(installed: Path) -> None:
    with pytest.raises(
        ModelNotFoundError, match=r"bundled models: tiny\. .*models list.*\.gguf file"
    ) as far:
        resolve("qwerty")
    assert "did you mean" not in str(far.value)
    with pytest.raises(ModelNotFoundError, match="did you mean 'tiny'"):
        resolve("tinny")


@pytest.mark.parametrize("name", ["smollm2-135m", "some-org/a.model", "org/name:file.gguf"])
def test_what_could_be_pulled_is_said_to_be(installed: Path, name: str) -> None:
    with pytest.raises(ModelNotFoundError, match=f"not on this machine.*models pull {name}"):
        resolve(name)


def test_a_pulled_model_goes_by_its_name(
    installed: Path, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ONDEVICE_DATA", str(tmp_path / "data"))
    pulled = make_model(tmp_path / "data" / "models" / "org--name")
    make_model(tmp_path / "data" / "models" / "short")
    make_model(tmp_path / "data" / "models" / ".org--partial.partial")
    assert [*installed_models()] == ["org--name", "short"]
    monkeypatch.chdir(tmp_path)
    assert resolve("org/name").path == pulled
    make_model(tmp_path / "org" / "name")
    make_model(tmp_path / "short")
    assert resolve("org/name").path == Path("org/name"), "a path of that form is meant"
    assert resolve("short").path == tmp_path / "data" / "models" / "short"


@pytest.mark.parametrize("name", ["..", "../x", "org/..", ".hidden", "a/b/c", "", "x" * 300])
def test_no_name_leads_out_of_the_place_for_models(name: str) -> None:
    assert folder_of(name) is None


def test_a_package_without_models_says_so(installed: Path) -> None:
    (installed / "models" / "tiny" / "ondevice.json").unlink()
    with pytest.raises(ModelNotFoundError, match="none in this installation"):
        resolve()


def test_damage_is_found(installed: Path) -> None:
    source = resolve()
    assert source.manifest is not None
    weights = source.path / "model.gguf"
    assert find_damage(source.path, source.manifest) == {}
    weights.write_bytes(b"WEIGHTS")
    assert "checksum" in find_damage(source.path, source.manifest)["model.gguf"]
    weights.write_bytes(b"weight")
    assert find_damage(source.path, source.manifest) == {"model.gguf": "has 6 bytes instead of 7"}
    weights.unlink()
    assert find_damage(source.path, source.manifest) == {"model.gguf": "is missing"}
