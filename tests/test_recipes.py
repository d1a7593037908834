"""Every recipe is one that can be started."""

from pathlib import Path

import pytest

from striate.verbs.train import read_recipe
from striate.zoo import networks

RECIPES = sorted((Path(__file__).parents[1] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_its_settings_are_settings_of_a_training_and_its_comment_says_how_to_start_it(path):
    assert read_recipe(path)["net"] in networks
    assert f"--recipe recipes/{path.name}" in path.read_text()


def test_there_are_recipes():
    assert RECIPES
