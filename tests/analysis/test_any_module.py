"""What an analysis does with anybody's module: it leaves it alone, names what it cannot follow, explains mistakes."""

import copy
import gc
import random

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from striate.analysis.analyse import analyse
from striate.errors import ConfigError, ShapeError, StriateError


class Block(nn.Module):
    """A residual block that uses one ReLU twice and adds in its own forward."""

    def __init__(self, maps: int = 4):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(maps, maps, 3, padding=1), nn.Conv2d(maps, maps, 3, padding=1)
        self.bn, self.relu = nn.BatchNorm2d(maps), nn.ReLU(inplace=True)

    def forward(self, x):
        y = self.relu(self.bn(self.conv1(x)))
        y = self.conv2(y)
        y += x
        return self.relu(y)


# ------------------------------------------------------------------------------------- the module does not notice


def test_a_network_is_afterwards_exactly_as_it_was():
    net = nn.Sequential(nn.utils.parametrizations.weight_norm(nn.Conv2d(4, 4, 3)), Block(), nn.Dropout())
    net[2].eval()
    before, modes = copy.deepcopy(net.state_dict()), [module.training for module in net.modules()]
    tensors = [id(tensor) for tensor in (*net.parameters(), *net.buffers())]
    seeds = torch.get_rng_state(), random.getstate()
    analyse(net, (4, 12, 12))
    assert [module.training for module in net.modules()] == modes
    assert [id(tensor) for tensor in (*net.parameters(), *net.buffers())] == tensors
    assert all(torch.equal(before[key], value) for key, value in net.state_dict().items())
    assert all(p.grad is None for p in net.parameters())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())
    assert torch.equal(torch.get_rng_state(), seeds[0])
    assert random.getstate() == seeds[1]
    net(torch.rand(2, 4, 12, 12)).sum().backward()


def test_what_a_forward_keeps_for_itself_is_not_left_on_meta():
    class Keeps(nn.Module):
        last = None

        def forward(self, x):
            self.last = x
            return x + 1

    net = Keeps()
    analyse(net, (3,))
    assert net.last is None


def test_a_failed_analysis_leaves_the_network_as_it_was_too():
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Linear(7, 2)).eval()
    with pytest.raises(ShapeError):
        analyse(net, (3, 8, 8))
    assert not net.training
    assert net[0].weight.device.type == "cpu"


def test_a_network_larger_than_any_memory_is_answered():
    with torch.device("meta"):
        net = nn.Sequential(nn.Flatten(), nn.Linear(10**8, 10**6))
    analysis = analyse(net, (1, 10**4, 10**4))
    assert analysis.weight_bytes == 4 * (10**14 + 10**6)


def test_tensors_made_in_a_forward_take_no_memory_either():
    class Makes(nn.Module):
        def forward(self, x):
            return x + torch.zeros(10**6, 10**6)[0, 0] + torch.arange(3.0)[1]

    assert analyse(Makes(), (3, 4, 4)).layers[-1].output == (3, 4, 4)


def test_constants_that_live_beside_the_parameters_are_taken_along():
    class Normalised(nn.Module):
        def __init__(self):
            super().__init__()
            self.mean = torch.rand(3, 1, 1)  # not a buffer: it stays where it is

        def forward(self, x):
            return (x.to("cpu") - self.mean).clamp(0)

    assert [layer.kind for layer in analyse(Normalised(), (3, 4, 4)).layers] == ["Normalised"]


def test_half_precision_is_counted_by_its_bytes():
    analysis = analyse(nn.Conv2d(1, 2, 3, bias=False).half(), (1, 5, 5))
    assert (analysis.weight_bytes, analysis.activation_bytes) == (2 * 18, 2 * 18)


def test_nothing_of_a_network_is_kept():
    import weakref

    net = Block()
    gone = weakref.ref(net)
    analysis = analyse(net, (4, 8, 8))
    del net
    gc.collect()
    assert gone() is None
    assert analysis.parameters == 304


# ------------------------------------------------------------------------------------- what depends on the data


class Asks(nn.Module):
    def __init__(self, how):
        super().__init__()
        self.conv, self.how, self.fc = nn.Conv2d(1, 2, 3), how, nn.Linear(2, 3)

    def forward(self, x):
        x = self.conv(x)
        return self.fc(self.how(x).mean((2, 3)))


def branch(x):
    return x * 2 if x.sum() > 0 else x


def scale(x):
    return x * x.max().item()


def choose(x):
    return x * x[x > 0].mean()


def numpy(x):
    return x * float(x.numpy().max())


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (branch, "'_local_scalar_dense' depends on the data; it was taken as true"),
        (scale, "'_local_scalar_dense' depends on the data; it was taken as 1"),
        (choose, "'index' by a mask depends on the data; every element was taken"),
    ],
)
def test_what_only_the_data_can_tell_is_named_and_the_table_goes_on(how, said):
    analysis = analyse(Asks(how), (1, 5, 5))
    assert any(note.startswith(said) for note in analysis.notes), analysis.notes
    assert analysis.layers[-1].output == (3,)
    assert analysis.parameters == sum(layer.parameters for layer in analysis.layers) == 20 + 9


def test_what_cannot_go_on_without_data_is_named_and_the_rest_of_the_table_is_given():
    analysis = analyse(Asks(numpy), (1, 5, 5))
    assert any("x.numpy()" in note and "only the parameters are known" in note for note in analysis.notes)
    assert [(layer.name, layer.output, layer.parameters) for layer in analysis.layers] == [
        ("conv", (2, 3, 3), 20), ("fc", (), 9),
    ]  # fmt: skip
    assert analysis.training_bytes > analysis.weight_bytes


def test_a_batch_that_cannot_be_trained_on_says_so():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.AdaptiveAvgPool2d(1), nn.BatchNorm2d(2))
    analysis = analyse(net, (1, 5, 5))
    assert "no training step can be taken on one picture; training_bytes is that of two." in analysis.notes
    assert analysis.training_bytes == analyse(net, (1, 5, 5), batch=2).training_bytes


# ------------------------------------------------------------------------------------------------------- mistakes


def test_a_layer_that_does_not_fit_is_named_with_formula_and_fix():
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Sequential(nn.ReLU(), nn.Linear(100, 10)))
    with pytest.raises(
        ShapeError, match=r"row '1\.1': Linear\(.*\) needs \(100,\), but its input is \(8, 6, 6\)\. Put nn\.Flatten"
    ) as caught:
        analyse(net, (3, 8, 8))
    assert caught.value.formula == "8·6·6 = 288"
    assert (caught.value.path, caught.value.given) == (("1", "1"), (8, 6, 6))


def test_a_kernel_larger_than_its_input_is_explained():
    with pytest.raises(ShapeError, match="row '0': .* looks through a window of 5, but only 3 are there") as caught:
        analyse(nn.Sequential(nn.Conv2d(1, 1, 5)), (1, 3, 3))
    assert caught.value.formula == "(3 + 2·0 − 5)/1 + 1 = −1, which is less than 1"


def test_a_skip_that_does_not_match_is_told_with_both_shapes():
    class Skip(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 8, 3, 2, 1)

        def forward(self, x):
            return self.conv(x) + x

    with pytest.raises(ShapeError, match="'add' in Skip cannot combine 8x4x4 and 3x8x8") as caught:
        analyse(nn.Sequential(Skip()), (3, 8, 8))
    assert (caught.value.path, caught.value.formula) == (("0",), "8x4x4 ≠ 3x8x8")


def test_an_image_without_pixels_is_refused():
    with pytest.raises(ConfigError, match="every size must be 1 or more"):
        analyse(nn.ReLU(), (3, 0, 8))


def test_a_lazy_module_is_told_what_it_needs():
    with pytest.raises(ShapeError, match="row '0': a lazy module has no parameters before it has seen a picture"):
        analyse(nn.Sequential(nn.LazyConv2d(3, 3)), (1, 8, 8))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_scripted_module_is_told_why_it_cannot_be_looked_into():
    net = nn.Sequential(nn.ReLU(), torch.jit.trace(nn.Conv2d(1, 1, 3), torch.rand(1, 1, 8, 8)))
    with pytest.raises(StriateError, match="'1' is a scripted module, which hides its layers"):
        analyse(net, (1, 8, 8))


def test_an_optimizer_that_is_not_known_is_offered_the_nearest():
    with pytest.raises(ConfigError, match="there is none called 'adm'. Did you mean adam"):
        analyse(nn.Conv2d(1, 1, 3), (1, 8, 8), optimizer="adm")


def test_a_fault_of_the_program_itself_is_not_dressed_up():
    class Faulty(nn.Module):
        def forward(self, x):
            return self.nothing(x)

    with pytest.raises(AttributeError, match="nothing"):
        analyse(Faulty(), (1, 8, 8))


def test_one_forward_that_takes_more_than_an_image_is_told_apart():
    with pytest.raises(StriateError, match="missing 1 required positional argument"):
        analyse(nn.Bilinear(2, 2, 2), (2,))


def test_functions_of_torch_are_enough_for_a_network():
    class Plain(nn.Module):
        def __init__(self):
            super().__init__()
            self.w1, self.w2 = nn.Parameter(torch.rand(4, 1, 3, 3)), nn.Parameter(torch.rand(36, 2))

        def forward(self, x):
            return F.max_pool2d(F.relu(F.conv2d(x, self.w1)), 2).flatten(1) @ self.w2

    (layer,) = analyse(Plain(), (1, 8, 8)).layers  # a module without children is one layer
    assert (layer.parameters, layer.multiply_adds, layer.output) == (36 + 72, 36 * 36 + 72, (2,))
