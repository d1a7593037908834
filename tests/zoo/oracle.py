"""Other people's implementations of the same networks: with the same weights they must give the same outputs.

A family adds its own in a file `oracles_<family>.py` with a dict of that name, which `test_oracles.py` finds:

    ORACLES = {"resnet50": Oracle(lambda: torchvision_model("resnet50"))}

Nothing is imported from these packages until a test asks for one; where one is missing the test is skipped by name.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from other_packages import timm, torchvision
from torch import Tensor, nn

from striate.rows import Shape

State = dict[str, Tensor]


@dataclass(frozen=True)
class Oracle:
    """`build` gives their network; it is called on the meta device, so its weights cost nothing.

    `image` is what both networks are shown: small is quick, and a side that is odd on its way tells a floor from a
    ceiling. `keys` are patterns and replacements (of `re.sub`, in this order) that turn their keys to ours; `adapt`
    then changes what names cannot say. `float64` where rounding would hide a fault or feign one.
    """

    build: Callable[[], nn.Module]
    image: Shape = (3, 64, 82)
    keys: Mapping[str, str] = field(default_factory=dict)
    adapt: Callable[[State], State] = dict
    float64: bool = False
    slow: bool = False

    def translated(self, state: State) -> State:
        """Their state dict under our keys."""
        renamed = {}
        for key, value in state.items():
            for pattern, replacement in self.keys.items():
                key = re.sub(pattern, replacement, key)
            renamed[key] = value
        return self.adapt(renamed)


def torchvision_model(name: str, **options: object) -> nn.Module:
    """torchvision's network without trained weights."""
    return getattr(torchvision().models, name)(weights=None, **options)


def timm_model(name: str, **options: object) -> nn.Module:
    """timm's network without trained weights."""
    return timm().create_model(name, pretrained=False, **options)


def randomised(net: nn.Module, dtype: torch.dtype, seed: int = 0) -> nn.Module:
    """`net`, built on the meta device, in memory, with random weights and random batch statistics."""
    random = torch.Generator().manual_seed(seed)
    net = net.to_empty(device="cpu").to(dtype)
    for key, value in net.state_dict().items():
        if key.endswith("running_var") or (value.ndim == 1 and key.endswith("weight")):
            value.uniform_(0.5, 1.5, generator=random)
        elif value.ndim > 1:
            value.normal_(0, (2 / value[0].numel()) ** 0.5, generator=random)
        elif value.is_floating_point():
            value.normal_(0, 0.1, generator=random)
        else:
            value.zero_()
    return net.eval()
