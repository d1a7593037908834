"""What the plain loops share: EfficientNet-Lite0 with its package's weights as a torch module, and photographs.

Pictures are opened with Pillow, resized to 256 along the shorter side (bicubic), and cut to 224 in the middle, by the
datasets of a DataLoader: what torchvision's or timm's examples do. The module is the one that Striate uses too: only
what is done with it differs.
"""

import numpy as np
import torch
from PIL import Image

import striate


class Photographs(torch.utils.data.Dataset):
    """(3, 224, 224) float32 and the label of each file; mirrored at random where `train`."""

    def __init__(self, files, train=False):
        self.files, self.train = files, train

    def __len__(self):
        return len(self.files)

    def __getitem__(self, index):
        file, label = self.files[index]
        with Image.open(file) as opened:
            picture = opened.convert("RGB")
        width, height = picture.size
        ratio = 256 / min(width, height)
        picture = picture.resize((round(width * ratio), round(height * ratio)), Image.BICUBIC)
        left, top = (picture.width - 224) // 2, (picture.height - 224) // 2
        pixels = torch.from_numpy(np.array(picture.crop((left, top, left + 224, top + 224)))).permute(2, 0, 1)
        x = (pixels.float() - 127) / 128
        return (x.flip(2) if self.train and torch.rand(()) < 0.5 else x), label


def network(classes):
    """The network with its ImageNet weights and a new last layer."""
    net = striate.load("efficientnet_lite0").net
    net._fc = torch.nn.Linear(net._fc.in_features, classes)
    return net


@torch.no_grad()
def outputs(net, files, batch=32):
    """What `net` gives for all pictures, in eval mode and float32, and their labels."""
    net.eval()
    loader = torch.utils.data.DataLoader(Photographs(files), batch_size=batch, num_workers=2)
    given = [(net(x), y) for x, y in loader]
    return torch.cat([x for x, _ in given]), torch.cat([y for _, y in given])
