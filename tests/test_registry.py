"""Things found by name."""

import pytest

from striate.errors import UnknownName
from striate.zoo import networks


@pytest.mark.parametrize("name", ["lenet5", "LeNet-5", "lenet_5", "LENET 5"])
def test_a_name_may_be_written_as_people_vary_it(name):
    assert networks[name] is networks["lenet5"]
    assert networks.name_of(name) == "lenet5"


def test_a_misspelt_name_is_offered_the_nearest():
    with pytest.raises(UnknownName, match=r"there is no network called 'lenet55'\. Did you mean lenet5"):
        networks["lenet55"]


def test_a_name_like_nothing_known_is_told_what_there_is():
    with pytest.raises(UnknownName, match=r"There are .*lenet5, .*simple_cnn"):
        networks["qqqqq"]
