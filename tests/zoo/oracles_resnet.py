"""torchvision's and timm's residual networks, and those that grew from them."""

from collections import OrderedDict
from collections.abc import Callable

from oracle import Oracle, timm_model, torchvision_model
from other_packages import torchvision
from torch import Tensor, nn
from torch.nn.functional import pad


def strided_early(name: str) -> nn.Module:
    """torchvision's ResNet with the stride of every bottleneck moved to its first 1x1, as the paper has it."""
    net = torchvision_model(name)
    for block in net.modules():
        if hasattr(block, "conv3"):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    return net


class EverySecond(nn.Module):
    """Shortcut A, written with slices: every second pixel, and as many zero maps again."""

    def forward(self, x: Tensor) -> Tensor:
        return pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, x.shape[1]))


def projection(channels: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(channels, 2 * channels, 1, 2, bias=False), nn.BatchNorm2d(2 * channels))


def cifar(n: int, shortcut: Callable[[int], nn.Module]) -> nn.Module:
    """Section 4.2 from torchvision's basic blocks."""
    block = torchvision().models.resnet.BasicBlock
    rows = [("conv1", nn.Conv2d(3, 16, 3, padding=1, bias=False)), ("bn1", nn.BatchNorm2d(16)), ("relu", nn.ReLU())]
    rows += [("layer1", nn.Sequential(*(block(16, 16) for _ in range(n))))]
    for i, width in (2, 32), (3, 64):
        first = block(width // 2, width, 2, shortcut(width // 2))
        rows += [(f"layer{i}", nn.Sequential(first, *(block(width, width) for _ in range(n - 1))))]
    rows += [("avgpool", nn.AdaptiveAvgPool2d(1)), ("flatten", nn.Flatten()), ("fc", nn.Linear(64, 10))]
    return nn.Sequential(OrderedDict(rows))


ORACLES = {
    "resnet18": Oracle(lambda: torchvision_model("resnet18")),
    "resnet34": Oracle(lambda: torchvision_model("resnet34")),
    "resnet50": Oracle(lambda: torchvision_model("resnet50")),
    "resnet101": Oracle(lambda: torchvision_model("resnet101")),
    "resnet152": Oracle(lambda: torchvision_model("resnet152"), slow=True),
    "resnet50_v1": Oracle(lambda: strided_early("resnet50")),
    "resnet101_v1": Oracle(lambda: strided_early("resnet101"), slow=True),
    "resnet152_v1": Oracle(lambda: strided_early("resnet152"), slow=True),
    "resnet101_d": Oracle(lambda: timm_model("resnet101d")),
    "resnet152_d": Oracle(lambda: timm_model("resnet152d"), slow=True),
    "resnet20_cifar": Oracle(lambda: cifar(3, lambda channels: EverySecond()), image=(3, 31, 32)),
    "resnet110_cifar": Oracle(lambda: cifar(18, lambda channels: EverySecond()), image=(3, 31, 32)),
    "resnet20_cifar_b": Oracle(lambda: cifar(3, projection), image=(3, 31, 32)),
    "resnext50_32x4d": Oracle(lambda: torchvision_model("resnext50_32x4d")),
    "resnext101_32x8d": Oracle(lambda: torchvision_model("resnext101_32x8d")),
    "resnext101_64x4d": Oracle(lambda: torchvision_model("resnext101_64x4d"), slow=True),
    "seresnet50": Oracle(lambda: timm_model("legacy_seresnet50")),
    "seresnet50_v15": Oracle(lambda: timm_model("seresnet50")),
    "senet154": Oracle(lambda: timm_model("legacy_senet154")),
    "dpn68": Oracle(lambda: timm_model("dpn68")),
    "dpn92": Oracle(lambda: timm_model("dpn92")),
    "dpn98": Oracle(lambda: timm_model("dpn98"), slow=True),
    "dpn131": Oracle(lambda: timm_model("dpn131"), slow=True),
    "densenet121": Oracle(lambda: torchvision_model("densenet121")),
    "densenet161": Oracle(lambda: torchvision_model("densenet161")),
    "densenet169": Oracle(lambda: torchvision_model("densenet169"), slow=True),
    "densenet201": Oracle(lambda: torchvision_model("densenet201"), slow=True),
}
