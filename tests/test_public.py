"""The public face of the package."""

import importlib.util
import inspect

import pytest

import striate


@pytest.mark.parametrize("name", striate.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert inspect.getdoc(getattr(striate, name))


@pytest.mark.parametrize("name", striate.__all__)
def test_no_public_function_is_hidden_by_a_module_of_the_same_name(name):
    assert importlib.util.find_spec(f"striate.{name}") is None


def test_a_name_that_does_not_exist_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'tarin'"):
        striate.tarin  # noqa: B018  the look-up is the test
