"""The neocognitron learns without labels, and its answer does not depend on where a pattern is."""

from itertools import product

import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from striate.errors import ShapeError
from striate.rows import output_shape
from striate.zoo.neocognitron import CCells, SCells, candidates, digits, falloff, learn, neocognitron


def shifted(down, right):
    """The five digits, moved by up to two pixels: all their ink stays in the picture."""
    return torch.roll(digits(), (down, right), (2, 3))


def shifts(distance):
    """All moves of which the larger part is `distance` pixels."""
    span = range(-distance, distance + 1)
    return [move for move in product(span, span) if max(map(abs, move)) == distance]


def trained(seed, patterns):
    torch.manual_seed(seed)
    net = neocognitron()
    learn(net, patterns)
    return net


def answers(net, patterns):
    """(n,) the cell of UC3 that answers most, −1 where none does."""
    with torch.no_grad():
        strength, cell = net(patterns).max(1)
    return torch.where(strength > 0, cell, -1)


def presented():
    """(100, 1, 16, 16): each of the five patterns 20 times, moved by up to one pixel."""
    moves = torch.randint(-1, 2, (20, 2), generator=torch.Generator().manual_seed(0)).tolist()
    return torch.cat([shifted(*move) for move in moves])


@pytest.fixture(scope="module")
def net():
    return trained(0, presented())


def test_its_layers_have_the_sizes_of_the_paper():
    shape, sizes = (1, 16, 16), []
    for layer in list(neocognitron())[:-1]:
        shape = output_shape(layer, shape)
        sizes.append(shape)

    assert sizes == [(24, n, n) for n in (16, 10, 8, 6, 2, 1)]
    cells = [planes * n * n for planes, n, _ in sizes]
    assert (sum(cells[::2]), sum(cells[1::2])) == (7776, 3288)


def test_its_trained_connections_are_29400_excitatory_and_72_inhibitory():
    state = {name: p.numel() for name, p in neocognitron().named_parameters()}

    assert sum(n for name, n in state.items() if name.endswith(".a")) == 24 * 25 * (1 + 24 + 24) == 29_400
    assert sum(n for name, n in state.items() if name.endswith(".b")) == 72


def test_after_learning_each_digit_ends_on_a_cell_of_its_own_and_no_other_cell_answers(net):
    with torch.no_grad():
        cells = net(digits())

    assert len(set(cells.argmax(1).tolist())) == 5
    assert (cells > 0).sum(1).tolist() == [1, 1, 1, 1, 1]


def test_before_learning_no_digit_has_a_cell_of_its_own():
    torch.manual_seed(0)
    with torch.no_grad():
        cells = neocognitron()(digits())

    assert (cells > 0.05).sum() == 0


def test_a_digit_that_is_moved_ends_on_the_same_cell_also_further_than_it_was_while_learning(net):
    own = answers(net, digits())
    same = {d: torch.stack([answers(net, shifted(*move)) == own for move in shifts(d)]).float().mean() for d in (1, 2)}

    assert same[1] == 1
    assert same[2] > 0.95


@pytest.mark.parametrize("seed", range(4))
def test_it_tolerates_shifts_also_where_it_has_seen_each_digit_in_one_place_only(seed):
    net = trained(seed, digits().repeat(20, 1, 1, 1))
    own = answers(net, digits())

    same = [answers(net, shifted(*move)) == own for distance in (1, 2) for move in shifts(distance)]

    assert -1 not in own
    assert torch.stack(same).float().mean() > 0.9


def test_of_six_beginnings_at_least_five_give_each_digit_its_own_cell():
    alone = [len(set(answers(trained(seed, presented()), digits()).tolist())) for seed in range(6)]

    assert sum(n == 5 for n in alone) >= 5


def test_its_cells_sort_handwritten_digits_far_better_than_chance(few_digits):
    def small(pictures):
        return interpolate(pictures.images[:, :, 2:26, 2:26].float() / 255, size=(16, 16), mode="area")

    seen, new = few_digits.train, few_digits.test
    torch.manual_seed(0)
    net = neocognitron()

    learn(net, small(seen)[torch.randperm(len(seen))[:300]])
    table = torch.zeros(25, 10)
    for cell, label in zip(answers(net, small(seen)), seen.labels, strict=True):
        table[cell, label] += 1
    named = table.argmax(1)  # a cell is called what it answered most often; that is all that labels are used for
    right = (named[answers(net, small(new))] == new.labels).float().mean()

    assert right > 0.35  # chance is 0.1


def test_an_s_cell_answers_most_to_the_feature_that_it_has_learnt_and_not_to_others():
    torch.manual_seed(0)
    layer = SCells((1, 5, 5), planes=1, r=4.0, q=1000.0, padding=0)
    bar, across = torch.zeros(2, 1, 1, 5, 5)
    bar[..., 2], across[..., 2, :] = 1, 1

    with torch.no_grad():
        layer.reinforce(bar)

        assert layer(bar).item() == pytest.approx(1, abs=0.05)  # r ((1 + r)/r − 1)
        assert layer(across).item() == 0


def test_s_cells_follow_the_equation_in_a_loop():
    torch.manual_seed(0)
    layer = SCells((2, 6, 7), planes=3, r=1.5, q=16.0, padding=1).double()
    with torch.no_grad():
        layer.b.uniform_(0, 2)
    u = torch.rand(1, 2, 6, 7, dtype=torch.float64)
    a, b, c = layer.a.detach().numpy(), layer.b.detach().numpy(), np.outer(layer.c, layer.c)

    seen = np.pad(u[0].numpy(), [(0, 0), (1, 1), (1, 1)])
    expected = np.empty((3, 4, 5))
    for plane, row, column in np.ndindex(3, 4, 5):
        region = seen[:, row : row + 5, column : column + 5]
        excited = (a[plane] * region).sum()
        inhibited = 1.5 / 2.5 * b[plane] * np.sqrt((c * region**2).sum())
        expected[plane, row, column] = 1.5 * max((1 + excited) / (1 + inhibited) - 1, 0)

    np.testing.assert_allclose(layer(u)[0].detach(), expected, atol=1e-12)
    assert 2 * c.sum() == pytest.approx(1)


def test_c_cells_follow_the_equation_in_a_loop():
    u = torch.rand(1, 3, 6, 6, dtype=torch.float64)
    d = np.outer(*[falloff().double()] * 2)

    seen = np.pad(u[0].numpy(), [(0, 0), (3, 4), (3, 4)])
    sums = np.empty((3, 5, 5))
    for plane, row, column in np.ndindex(3, 5, 5):
        sums[plane, row, column] = (d * seen[plane, 2 * row : 2 * row + 5, 2 * column : 2 * column + 5]).sum()
    x = np.maximum((1 + sums) / (1 + sums.mean(0)) - 1, 0)

    np.testing.assert_allclose(CCells((3, 6, 6)).double()(u)[0], x / (0.5 + x), atol=1e-12)


def test_a_candidate_is_the_largest_of_some_column_of_5x5_cells_in_all_planes():
    output = torch.rand(4, 8, 9, generator=torch.Generator().manual_seed(0))

    expected = torch.zeros_like(output)
    for row, column in product(range(8 - 4), range(9 - 4)):
        group = output[:, row : row + 5, column : column + 5]
        plane, y, x = np.unravel_index(int(group.argmax()), group.shape)
        expected[plane, row + y, column + x] = group.max()

    torch.testing.assert_close(candidates(output), expected)


def test_learning_changes_only_planes_with_a_representative_and_never_makes_a_connection_negative(net):
    torch.manual_seed(0)
    layer = SCells((1, 16, 16), planes=24, r=4.0, q=1.0, padding=2)
    before = layer.a.detach().clone()
    u = digits()[:1]

    with torch.no_grad():
        chosen = candidates(layer(u)[0]).flatten(1).amax(1) > 0
        layer.reinforce(u)

    changed = (layer.a != before).flatten(1).any(1)
    assert torch.equal(changed, chosen)
    assert 0 < chosen.sum() < 24
    assert all((p >= 0).all() for p in net.parameters())


def test_an_empty_picture_teaches_nothing_and_excites_nothing(net):
    state = {key: value.clone() for key, value in net.state_dict().items()}

    learn(net, torch.zeros(1, 1, 16, 16))

    assert all(torch.equal(value, state[key]) for key, value in net.state_dict().items())
    assert answers(net, torch.zeros(1, 1, 16, 16)).tolist() == [-1]


def test_it_takes_other_sizes_and_refuses_those_that_are_too_small():
    assert output_shape(neocognitron((1, 28, 28), 10), (1, 28, 28)) == (10,)
    with pytest.raises(ShapeError, match=r"row 's3': a layer of S-cells looks through a window of 5, but only 4 are"):
        neocognitron((1, 10, 10))
    with pytest.raises(ShapeError, match=r"row 's1': S-cells need \(channels, height, width\)"):
        neocognitron((256,))
