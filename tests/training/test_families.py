"""One network of each family learns: a few steps on a few real digits bring its loss well down."""

import pytest
import torch
from torch.nn.functional import interpolate

from striate.data.loader import Loader
from striate.data.measure import for_training
from striate.data.records import Pictures
from striate.model import Model
from striate.networks import refer
from striate.tasks.classify import Classify
from striate.training.config import TrainConfig
from striate.training.initialise import he
from striate.training.loop import Loop
from striate.training.machine import Machine
from striate.training.ranks import Ranks
from striate.zoo import networks

FAMILIES = {  # one network of each file: the side of the pictures it is shown, in pixels
    "lenet5_1998": 32, "lenet5": 28, "simple_cnn": 28, "alexnet": 127, "alexnet_grouped": 131, "zfnet": 127,
    "vgg11_bn": 32, "googlenet_bn": 64, "inception_v3": 107, "inception_v4": 107, "inception_resnet_v2": 107,
    "resnet18": 64, "resnet50_v1": 64, "resnet101_d": 64, "resnet20_cifar": 32, "resnext50_32x4d": 64,
    "seresnet50": 64, "dpn68": 64, "pyramidnet110_48": 32, "nasnet_a_mobile": 64, "amoebanet_b": 64,
    "mobilenet_v1_025": 64, "squeezenet1_1": 64, "densenet121": 64, "xception": 96, "efficientnet_lite0": 64,
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", FAMILIES)
def test_a_few_steps_bring_the_loss_down(few_digits, name):
    side, channels = FAMILIES[name], networks[name].facts.image[0]
    some = few_digits.train.images[:: len(few_digits.train) // 32][:32]
    labels = few_digits.train.labels[:: len(few_digits.train) // 32][:32]
    pixels = interpolate(some, (side, side), mode="bilinear", antialias=True).expand(-1, channels, -1, -1).contiguous()
    torch.manual_seed(0)
    net = networks[name](image=(channels, side, side), classes=10)
    he(net)
    pictures = Pictures(pixels, labels)
    preprocess = for_training(pictures, (channels, side, side))
    config = TrainConfig("", epochs=24, batch_size=32, rate=0.05, label_smoothing=0.0)
    model = Model(net, few_digits.classes, preprocess, refer(name), task=Classify())
    machine = Machine(torch.device("cpu"), "float32")
    losses = []
    with Loader(pictures, preprocess) as loader:
        loop = Loop(model, loader, config=config, machine=machine, ranks=Ranks())
        for number in range(1, 25):
            loop.run(number, lambda: False, lambda _: None)
            losses.append(loop.totals.means()[0])
    assert min(losses[-3:]) < 0.95 * max(losses[:2]), losses
