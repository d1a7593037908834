"""Memory: a real training step under torch's profiler, and cases worked by hand."""

import pytest
import torch
from torch import nn
from torch.profiler import ProfilerActivity, profile

from striate.analysis.analyse import analyse
from striate.analysis.memory import OPTIMIZERS, Ledger
from striate.zoo import networks

BUILD = {
    "sgd": lambda p: torch.optim.SGD(p, 0.01),
    "momentum": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9),
    "nesterov": lambda p: torch.optim.SGD(p, 0.01, momentum=0.9, nesterov=True),
    "rmsprop": torch.optim.RMSprop,
    "adagrad": torch.optim.Adagrad,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "amsgrad": lambda p: torch.optim.Adam(p, amsgrad=True),
}


def peak_of_a_real_step(net: nn.Module, image: tuple[int, ...], batch: int, optimizer: str) -> int:
    """Bytes: what stands before the second step, and the most that torch's profiler sees allocated on top during it."""
    x, y = torch.rand(batch, *image), torch.zeros(batch, dtype=torch.long)
    steps = BUILD[optimizer](net.train().parameters())

    def step() -> None:
        steps.zero_grad()
        nn.functional.cross_entropy(net(x), y).backward()
        steps.step()

    step()
    steps.zero_grad()
    kept = [value for state in steps.state.values() for value in state.values() if isinstance(value, torch.Tensor)]
    standing = sum(t.numel() * t.element_size() for t in (*net.parameters(), *net.buffers(), *kept, x))
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as watched:
        step()
    events = [event for event in watched.profiler.kineto_results.events() if event.name() == "[memory]"]
    live = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return standing + peak


@pytest.mark.parametrize(
    ("name", "image", "batch"),
    [
        ("lenet5", (1, 28, 28), 64),
        ("simple_cnn", (1, 28, 28), 64),
        ("resnet20_cifar", (3, 32, 32), 32),
        ("squeezenet1_1", (3, 96, 96), 4),
        ("mobilenet_v1_025", (3, 96, 96), 4),
        ("resnet18", (3, 64, 64), 4),
        ("densenet121", (3, 64, 64), 2),
        pytest.param("resnet18", (3, 224, 224), 8, marks=pytest.mark.slow),
        pytest.param("mobilenet_v1", (3, 224, 224), 8, marks=pytest.mark.slow),
        pytest.param("vgg11", (3, 224, 224), 4, marks=pytest.mark.slow),
        pytest.param("googlenet", (3, 224, 224), 8, marks=pytest.mark.slow),
        pytest.param("nasnet_a_mobile", (3, 224, 224), 2, marks=pytest.mark.slow),
    ],
)
def test_a_training_step_takes_what_the_profiler_sees(name, image, batch):
    net = networks[name](image=image)
    said = analyse(net, image, batch=batch).training_bytes
    assert said == pytest.approx(peak_of_a_real_step(net, image, batch, "sgd"), rel=0.05)


@pytest.mark.parametrize("optimizer", sorted(OPTIMIZERS))
def test_each_optimizer_takes_what_the_profiler_sees(optimizer):
    net = nn.Sequential(nn.Flatten(), nn.Linear(400, 300), nn.ReLU(), nn.Linear(300, 10))
    said = analyse(net, (1, 20, 20), batch=4, optimizer=optimizer).training_bytes
    assert said == pytest.approx(peak_of_a_real_step(net, (1, 20, 20), 4, optimizer), rel=0.01)


def test_a_training_step_by_hand():
    """Linear 4 -> 3, batch 2: 12 weights, as many gradients, 8 inputs, 6 outputs, the loss and its gradient."""
    analysis = analyse(nn.Linear(4, 3, bias=False), (4,), batch=2)
    assert analysis.weight_bytes == 4 * 12
    assert analysis.training_bytes == 4 * (12 + 12 + 8 + 6 + 1 + 1)
    assert analyse(nn.Linear(4, 3, bias=False), (4,), batch=2, optimizer="momentum").training_bytes == 4 * (40 + 12)


def test_an_answer_needs_the_weights_the_buffers_and_the_largest_neighbours():
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU(inplace=True), nn.Conv2d(2, 1, 1, bias=False)
    )
    analysis = analyse(net, (1, 10, 10), batch=5)
    weights, buffers = 4 * (18 + 4 + 2), 4 * 4 + 8
    maps = 4 * 2 * 64
    assert analysis.weight_bytes == weights
    # the image is held by the caller; at the most two sets of maps are there, before and behind the norm
    assert analysis.inference_bytes == weights + buffers + 5 * (4 * 100 + 2 * maps)


def test_an_inplace_relu_takes_nothing():
    plain, inplace = (analyse(nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(how)), (1, 22, 22)) for how in (False, True))
    assert plain.inference_bytes - inplace.inference_bytes == 4 * 8 * 20 * 20
    assert plain.activation_bytes - inplace.activation_bytes == 4 * 8 * 20 * 20


def test_frozen_layers_need_no_gradients():
    net = nn.Sequential(nn.Flatten(), nn.Linear(100, 100), nn.Linear(100, 1))
    before = analyse(net, (1, 10, 10), optimizer="adam").training_bytes
    net[1].requires_grad_(False)
    after = analyse(net, (1, 10, 10), optimizer="adam").training_bytes
    assert before - after > 3 * 4 * 100 * 100  # the gradient and the two that Adam keeps


def test_a_ledger_forgets_what_is_freed():
    ledger = Ledger()
    first, second = torch.empty(10), torch.empty(20)
    ledger.hold([first, first.view(2, 5), second])
    assert (ledger.live, ledger.peak) == (120, 120)
    del second
    assert (ledger.live, ledger.peak) == (40, 120)
