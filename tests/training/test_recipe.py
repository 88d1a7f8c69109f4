from __future__ import annotations

import re
from pathlib import Path

import pytest

from ondevice.errors import DataError
from ondevice.training.recipe import Recipe

from .conftest import RECIPE

TUNE = Path(__file__).parents[2] / "models" / "laptop" / "tune.toml"


def test_the_shipped_recipe_is_read() -> None:
    recipe = Recipe.read(TUNE)
    assert recipe.name == "laptop-tuned"
    assert recipe.data
    assert recipe.data.tasks == TUNE.parents[2] / "bench" / "everyday"
    assert recipe.data.families == TUNE.parents[1] / "families"
    assert recipe.training.keep == "best"


def test_defaults_stand_in_for_what_is_left_out(recipe: Path) -> None:
    read = Recipe.read(recipe)
    assert read.training.optimizer == "muon"
    assert read.data.linter == "fast"


def test_a_whole_number_may_stand_for_a_fraction(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("development = 0.2", "development = 0"))
    assert Recipe.read(recipe).data.development == 0.0


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("width = 64", "widht = 64", "model has no setting 'widht'; it has layers, width"),
        ('name = "mini"', 'title = "mini"', "recipe has no setting 'title'"),
        ("[model]", "[models]", "recipe has no setting 'models'"),
        ("layers = 2\n", "", "model lacks the setting 'layers'"),
        ('tasks = "tasks"\n', "", "data lacks the setting 'tasks'"),
        ("seed = 7\n", "", "recipe lacks the setting 'seed'"),
        ("layers = 2", "layers = 2.0", "model.layers must be of type int, not 2.0"),
        ("layers = 2", "layers = true", "model.layers must be of type int, not True"),
        ("layers = 2", 'layers = "2"', "model.layers must be of type int, not '2'"),
        ('tasks = "tasks"', "tasks = 5", "data.tasks must be of type str, not 5"),
        ("compile = false", "compile = 0", "training.compile must be of type bool, not 0"),
        ("development = 0.2", "development = true", "data.development must be of type float"),
        ("development = 0.2", "development = 20", "development must be between 0 and 1, not 20"),
        ("layers = 2", "layers = 0", "layers must be more than 0, not 0"),
        ("drawn = 2", "drawn = -1", "drawn must be more than 0, not -1"),
        ("warmup = 4", "learning_rate = nan", "learning_rate must be 0 or more, not nan"),
        ("drawn = 2", 'answers = "poems"', "'poems' is none of lintseq, whole"),
        ("warmup = 4", 'keep = "all"', "'all' is none of last, best"),
        ("heads = 2", "heads = 3", "the width 64 must be divisible by twice the heads, 3"),
        ("[model]", "[model", "no readable TOML file"),
    ],
)
def test_what_is_wrong_is_named(recipe: Path, old: str, new: str, message: str) -> None:
    assert old in RECIPE
    recipe.write_text(RECIPE.replace(old, new))
    with pytest.raises(DataError, match=re.escape(message)) as caught:
        Recipe.read(recipe)
    assert str(recipe) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_section_must_be_a_table(recipe: Path) -> None:
    recipe.write_text('name = "x"\nseed = 1\nmodel = 3\ndata = { tasks = "tasks" }\n')
    with pytest.raises(DataError, match="model must be a table"):
        Recipe.read(recipe)


def test_no_file_a_folder_and_no_text(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"there is no recipe at .*missing\.toml"):
        Recipe.read(tmp_path / "missing.toml")
    with pytest.raises(DataError, match="no readable TOML file"):
        Recipe.read(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"binary\.toml is no readable TOML file"):
        Recipe.read(tmp_path / "binary.toml")


def test_the_fingerprint_knows_what_a_run_depends_on(recipe: Path) -> None:
    original = Recipe.read(recipe).fingerprint()
    for old, new, same in (
        ("steps = 20", "steps = 40", True),
        ("compile = false", "compile = true", True),
        ('tasks = "tasks"', 'tasks = "elsewhere"', True),
        ("warmup = 4", 'warmup = 4\nkeep = "best"', True),
        ("drawn = 2", 'drawn = 2\nfamilies = "families"', False),
        ("seed = 7", "seed = 8", False),
        ("drawn = 2", "drawn = 3", False),
        ("warmup = 4", "warmup = 5", False),
    ):
        recipe.write_text(RECIPE.replace(old, new))
        assert (Recipe.read(recipe).fingerprint() == original) == same, new


def test_the_fingerprint_of_a_recorded_run_stays() -> None:
    """It could not be resumed, or prolonged, by code that changes it."""
    recipe = Recipe.read(TUNE.parents[1] / "laptop" / "recipe.toml")
    known = "8d7540d1f60079a90a4041a3cd788d7c653d4e9192d41cd5e4f9117ac93f9667"
    assert recipe.fingerprint() == known


@pytest.mark.parametrize("name", ["laptop", "small"])
def test_the_recipes_of_the_base_models_are_read(name: str) -> None:
    recipe = Recipe.read(TUNE.parents[1] / name / "recipe.toml")
    assert recipe.name == name
    assert recipe.data is None
    assert recipe.corpus
    assert recipe.corpus.folder == (TUNE.parents[2] / "runs" / "corpus").resolve()
    assert recipe.training.tokens_per_batch % recipe.model.context == 0


def test_the_tuning_of_small_fits_its_base() -> None:
    base, tuned = (Recipe.read(TUNE.parents[1] / "small" / f"{n}.toml") for n in ("recipe", "tune"))
    assert tuned.data
    assert tuned.model == base.model
    assert tuned.tokenizer == base.tokenizer


class TestPretraining:
    PRETRAINING = RECIPE.replace(
        '[data]\ntasks = "tasks"\ndrawn = 2\ndevelopment = 0.2', '[corpus]\nfolder = "corpus"'
    )

    @pytest.mark.parametrize(
        ("old", "new", "message"),
        [
            ("[corpus]", '[data]\ntasks = "tasks"\n[corpus]', "has a section data, to tune, or"),
            ('[corpus]\nfolder = "corpus"', "", "has a section data, to tune, or corpus"),
            ('folder = "corpus"', "", "corpus lacks the setting 'folder'"),
            ('"corpus"', '"corpus"\nedits = 1.5', "edits must be between 0 and 1, not 1.5"),
            ('"corpus"', '"corpus"\nedits = 0.7\nfunctions = 0.7', "must be at most 1 together"),
            ('"corpus"', '"corpus"\nsample = 0', "sample must be more than 0, not 0"),
        ],
    )
    def test_what_is_wrong_is_named(self, recipe: Path, old: str, new: str, message: str) -> None:
        assert old in self.PRETRAINING
        recipe.write_text(self.PRETRAINING.replace(old, new))
        with pytest.raises(DataError, match=re.escape(message)):
            Recipe.read(recipe)

    def test_where_the_corpus_lies_does_not_matter(self, recipe: Path, tmp_path: Path) -> None:
        recipe.write_text(self.PRETRAINING)
        here = Recipe.read(recipe)
        recipe.write_text(self.PRETRAINING.replace('"corpus"', '"elsewhere"'))
        there = Recipe.read(recipe)
        assert here.corpus != there.corpus
        assert here.fingerprint() == there.fingerprint()
        recipe.write_text(self.PRETRAINING.replace('"corpus"', '"corpus"\nedits = 0.3'))
        assert Recipe.read(recipe).fingerprint() != here.fingerprint()
