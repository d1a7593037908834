"""Networks that are not ours, built in other ways: attention, windows, folded batches, gates, recurrence."""

import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from striate.analysis.analyse import analyse
from striate.analysis.result import Analysis


def checked(net: nn.Module, image: tuple[int, ...]) -> Analysis:
    """The analysis, after its counts were found equal to those of torch's counter and of the parameters themselves."""
    analysis = analyse(net, image)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        net.eval()(torch.empty(1, *image, device="meta"))
    assert analysis.flops == counter.get_total_flops()
    assert analysis.parameters == sum(parameter.numel() for parameter in net.parameters())
    assert analysis.parameters == sum(layer.parameters for layer in analysis.layers)
    assert analysis.notes == ()
    return analysis


@pytest.mark.parametrize(
    ("name", "sees"),
    [
        ("resnet18", 435),
        ("convnext_tiny", 1688),
        ("efficientnet_b0", 224),  # squeeze and excitation: the whole image
        ("mobilenet_v3_small", 224),
        ("shufflenet_v2_x0_5", 527),
        ("mnasnet0_5", 843),
        ("swin_t", 224),
        ("maxvit_t", 224),
        ("vit_b_32", 32),  # the last map is that of the patches
    ],
)
def test_networks_of_torchvision(name, sees, torchvision):
    with torch.device("meta"):
        net = getattr(torchvision.models, name)()
    view = checked(net, (3, 224, 224)).receptive_field
    assert set(view.size) == {sees}


@pytest.mark.parametrize(
    "name",
    ["regnety_002", "convmixer_768_32", "edgenext_xx_small", "coatnet_pico_rw_224", "gcresnet50t", "hrnet_w18_small"],
)
def test_networks_of_timm(name, timm):
    with torch.device("meta"):
        net = timm.create_model(name)
    checked(net, (3, 224, 224))


def test_a_network_for_video(torchvision):
    with torch.device("meta"):
        net = torchvision.models.video.r3d_18()
    assert checked(net, (3, 16, 112, 112)).receptive_field.size == (109, 219, 219)


def test_a_network_for_segmentation_gives_a_dictionary(torchvision):
    with torch.device("meta"):
        net = torchvision.models.segmentation.fcn_resnet50(weights_backbone=None)
    analysis = analyse(net, (3, 64, 64))
    assert analysis.layers[-1].output == (21, 64, 64)
    assert analysis.training_bytes > analysis.inference_bytes


def test_every_module_of_torch_with_a_picture_for_input():
    """The parts of `torch.nn` that take one tensor: each is one layer, and none is left unknown."""
    parts = [
        nn.PixelShuffle(2), nn.PixelUnshuffle(2), nn.ChannelShuffle(2), nn.LocalResponseNorm(3), nn.InstanceNorm2d(4),
        nn.Unfold(3), nn.ReflectionPad2d(2), nn.CircularPad2d(1), nn.ReplicationPad2d(1), nn.Dropout2d(), nn.GELU(),
        nn.Softmax2d(), nn.LPPool2d(2, 2), nn.AdaptiveMaxPool2d(3), nn.UpsamplingBilinear2d(scale_factor=2), nn.Mish(),
        nn.PReLU(4), nn.RReLU(), nn.CELU(), nn.Hardshrink(), nn.Softsign(), nn.GLU(1), nn.Threshold(0, 1),
        nn.LayerNorm((8, 8)), nn.Identity(), nn.Flatten(), nn.LogSigmoid(), nn.Hardswish(),
    ]  # fmt: skip
    for part in parts:
        analysis = analyse(part, (4, 8, 8))
        with torch.no_grad():
            assert analysis.layers[0].output == tuple(part.eval()(torch.rand(1, 4, 8, 8)).shape[1:]), part
        assert (len(analysis.layers), analysis.notes) == (1, ()), part


def test_recurrence_over_features():
    class Reads(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.lstm = nn.Conv1d(2, 4, 3), nn.LSTM(4, 6, batch_first=True)

        def forward(self, x):
            return self.lstm(self.conv(x).transpose(1, 2))[0][:, -1]

    analysis = analyse(Reads(), (2, 10))
    assert analysis.layers[-1].multiply_adds == 8 * 4 * 6 * (4 + 6)  # eight steps of four gates
    assert analysis.layers[-1].output == (8, 6)


SHOW = """
import sys, time, resource, torch
memory = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
before, start = memory(), time.process_time()
from striate.zoo import networks
from striate.analysis.analyse import analyse
with torch.device("meta"):
    net = networks["resnet152"]()
text = str(analyse(net, (3, 224, 224), batch=32))
print(time.process_time() - start, memory() - before, "sympy" in sys.modules, len(text.splitlines()))
"""


def test_resnet152_is_shown_in_a_second_of_one_processor_and_60_megabytes_beyond_torch():
    run = subprocess.run([sys.executable, "-c", SHOW], capture_output=True, text=True, check=True)
    seconds, megabytes, compiler, lines = run.stdout.split()
    assert compiler == "False"
    assert float(megabytes) < 60
    assert float(seconds) < 1.0
    assert int(lines) > 500
