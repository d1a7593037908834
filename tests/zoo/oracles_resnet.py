"""torchvision's and timm's residual networks, and those that grew from them."""

from oracle import Oracle, timm_model, torchvision_model
from torch import nn


def strided_early(name: str) -> nn.Module:
    """torchvision's ResNet with the stride of every bottleneck moved to its first 1x1, as the paper has it."""
    net = torchvision_model(name)
    for block in net.modules():
        if hasattr(block, "conv3"):
            block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    return net


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
