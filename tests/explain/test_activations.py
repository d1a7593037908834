import pytest
import torch
from torch import Tensor, nn

from striate.analysis.analyse import analyse
from striate.explain.activations import activations, strongest
from striate.zoo import networks


def test_every_layer_of_lenet5_gives_what_it_gives_when_run_by_hand():
    net, image = networks["lenet5"]().eval(), torch.randn(2, 1, 28, 28)
    seen = activations(net, image)
    assert [a.name for a in seen] == [name for name, _ in net.named_children()]
    x = image
    for a, layer in zip(seen, net, strict=True):
        assert a.given == tuple(x.shape)
        x = layer(x)
        assert a.output.equal(x)
        assert a.layer is layer


def test_a_layer_that_works_in_place_does_not_change_what_was_seen_before():
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(inplace=True))
    conv, relu = activations(net, torch.randn(1, 1, 8, 8))
    assert (conv.output < 0).any()
    assert relu.output.equal(conv.output.relu())


def test_dropout_and_batch_norm_behave_as_in_use_and_keep_their_mode():
    net = nn.Sequential(nn.BatchNorm2d(1), nn.Dropout(0.9))
    net[0].eval()
    net.training = True
    before = {name: value.clone() for name, value in net.state_dict().items()}
    image = torch.ones(1, 1, 2, 2)
    assert activations(net, image)[1].output.equal(activations(net, image)[0].output)
    assert [m.training for m in net.modules()] == [True, False, True]
    assert all(value.equal(before[name]) for name, value in net.state_dict().items())


def test_a_layer_called_twice_is_seen_twice_and_named_as_in_the_analysis():
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.step = nn.Conv2d(1, 1, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return self.step(self.step(x))

    first, second = activations(Twice(), torch.randn(1, 1, 5, 5))
    assert (first.name, second.name) == ("step", "step:2")
    assert [layer.name for layer in analyse(Twice(), (1, 5, 5)).layers] == ["step", "step:2"]
    assert not first.output.equal(second.output)


def test_no_hook_stays_behind_even_where_the_network_fails():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.Linear(7, 3))
    with pytest.raises(RuntimeError):
        activations(net, torch.randn(1, 1, 8, 8))
    assert not any(layer._forward_hooks for layer in net.modules())
    assert all(layer.training for layer in net.modules())


def test_outputs_that_are_not_one_tensor_are_left_out():
    net = nn.Sequential(nn.Identity(), nn.GRU(4, 3, batch_first=True))
    assert [a.name for a in activations(net, torch.randn(1, 2, 4))] == ["0"]


def test_nothing_that_is_seen_has_a_graph():
    assert not any(a.output.requires_grad for a in activations(networks["lenet5"](), torch.randn(1, 1, 28, 28)))


def test_the_strongest_channels_are_given_in_their_own_order():
    output = torch.tensor([0.0, 5.0, -9.0, 1.0, 6.0])[:, None, None].expand(5, 2, 2)
    assert strongest(output, 3) == [1, 2, 4]
    assert strongest(output[:, 0, 0], 2) == [2, 4]
    assert strongest(output, 99) == [0, 1, 2, 3, 4]
