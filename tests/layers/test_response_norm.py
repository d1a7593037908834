import numpy as np
import pytest
from loops import applied, gradients_agree, numbers
from torch import nn

from striate.layers.response_norm import response_norm


def section_3_3(a, n, alpha, beta, k):
    """The formula of the paper: the sum runs from max(0, i − n/2) to min(N − 1, i + n/2)."""
    b, maps = np.empty_like(a), len(a)
    for i in range(maps):
        near = range(max(0, i - n // 2), min(maps - 1, i + n // 2) + 1)
        b[i] = a[i] / (k + alpha * sum(a[j] ** 2 for j in near)) ** beta
    return b


@pytest.mark.parametrize("maps", [3, 5, 11])
@pytest.mark.parametrize("constants", [(5, 1e-4, 0.75, 2.0), (3, 0.3, 0.5, 1.0)])
def test_it_is_the_formula_of_the_paper(maps, constants):
    a = 30 * numbers(maps, 4, 3)

    np.testing.assert_allclose(applied(response_norm(*constants), a), section_3_3(a, *constants), rtol=1e-6)


def test_the_layer_of_torch_divides_alpha_by_the_number_of_maps():
    a = 30 * numbers(11, 4, 3)

    np.testing.assert_allclose(
        applied(nn.LocalResponseNorm(5, 0.5, 0.75, 2.0), a), section_3_3(a, 5, 0.5 / 5, 0.75, 2.0), rtol=1e-6
    )


def test_its_gradients_are_those_of_small_differences():
    assert gradients_agree(response_norm(3, 0.5), 5, 2, 2)
