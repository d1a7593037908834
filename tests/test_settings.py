"""Settings: every name, type and bound is checked, and what is wrong is said in one line."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from striate.errors import ConfigError
from striate.settings import checked, kinds, read_toml, setting, shape, to_toml
from striate.training.config import TrainConfig


@dataclass(frozen=True)
class Oven:
    dish: str = setting(positional="DISH", meaning="what to bake")
    heat: float = setting(180.0, meaning="temperature in degrees Celsius", low=30.0, high=300.0)
    minutes: int = setting(20, meaning="time in minutes", low=1)
    mode: str = setting("fan", meaning="how", choices=("fan", "grill"))
    tin: Path | None = setting(None, meaning="the tin")
    size: tuple[int, ...] | None = setting(None, meaning="sizes of the tin")
    glaze: bool = setting(False, meaning="with egg")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"heat": 1000}, r"^here: heat is 1000; it must be between 30 and 300\.$"),
        ({"minutes": 0}, r"^here: minutes is 0; it must be at least 1\.$"),
        ({"minutes": "soon"}, r"^here: minutes is 'soon'; it must be a whole number\.$"),
        ({"minutes": 2.5}, r"^here: minutes is 2\.5; it must be a whole number\.$"),
        ({"minutes": True}, r"^here: minutes is True; it must be a whole number\.$"),
        ({"heat": "nan"}, r"^here: heat is nan; it must be between 30 and 300\.$"),
        ({"mode": "microwave"}, r"^here: mode is 'microwave'; it must be one of fan, grill\.$"),
        ({"minute": 3}, r"^here: there is no setting 'minute'\. Did you mean minutes\?$"),
        ({"size": "3xx"}, r"^here: size is '3xx'; it must be sizes of 1 to 65,536, as 3x224x224\.$"),
        ({"glaze": 1}, r"^here: glaze is 1; it must be bool\.$"),
    ],
)
def test_a_wrong_value_is_named_with_its_place_and_what_it_must_be(values, words):
    with pytest.raises(ConfigError, match=words):
        checked(Oven, {"dish": "pie", **values}, where="here")


def test_a_missing_value_is_named_with_its_meaning():
    with pytest.raises(ConfigError, match="here: dish is missing: what to bake"):
        checked(Oven, {}, where="here")


def test_texts_from_a_command_line_become_values_of_the_right_kind():
    oven = checked(Oven, {"dish": "pie", "heat": "200", "minutes": "5", "size": "2x3", "tin": "a/b"}, where="")
    assert oven == Oven("pie", 200.0, 5, tin=Path("a/b"), size=(2, 3))


def test_written_toml_reads_back_to_the_same_settings(tmp_path):
    oven = Oven('a "pie"\n', 99.5, size=(1, 28, 28), glaze=True)
    (tmp_path / "oven.toml").write_text(to_toml(oven, comment="bake again"))
    assert checked(Oven, read_toml(tmp_path / "oven.toml"), where="") == oven


@pytest.mark.parametrize("text", ["rate = ", "rate = 1\nrate = 2", "\x00"])
def test_a_file_that_is_not_toml_is_named(tmp_path, text):
    (tmp_path / "r.toml").write_text(text)
    with pytest.raises(ConfigError, match=r"r\.toml: cannot be read as TOML"):
        read_toml(tmp_path / "r.toml")


def test_a_missing_recipe_is_named(tmp_path):
    with pytest.raises(ConfigError, match="there is no such file"):
        read_toml(tmp_path / "none.toml")


@pytest.mark.parametrize("text", ["", "x", "0", "3x0x3", "1x2x3x4x5", "-3", "3.5"])
def test_a_shape_needs_one_to_four_sizes_of_at_least_one(text):
    with pytest.raises(ValueError, match="must be sizes of 1 to 65,536"):
        shape(text)


def test_every_setting_of_a_training_has_a_meaning():
    assert set(kinds(TrainConfig)) == set(TrainConfig.__dataclass_fields__)
    assert all(f.metadata["meaning"] for f in TrainConfig.__dataclass_fields__.values())
