"""torchvision's and timm's networks from AlexNet to EfficientNet-Lite."""

from collections.abc import Callable

import torch
from oracle import Oracle, State, timm_model, torchvision_model

from striate.zoo import networks


def in_our_order(name: str) -> Callable[[State], State]:
    """Names of a network whose layers run in the same order under other names."""

    def adapt(state: State) -> State:
        with torch.device("meta"):
            ours = networks[name]().state_dict()
        return dict(zip(ours, state.values(), strict=True))

    return adapt


VGG = [f"vgg{depth}{normed}" for depth in (11, 13, 16, 19) for normed in ("", "_bn")]  # a second of random numbers each
FLAT = (3, 91, 107)

ORACLES = {
    **{name: Oracle(lambda name=name: torchvision_model(name), slow=True) for name in VGG},
    **{n: Oracle(lambda n=n: torchvision_model(n)) for n in ("alexnet", "squeezenet1_0", "squeezenet1_1")},
    "googlenet_bn": Oracle(lambda: torchvision_model("googlenet", aux_logits=False, init_weights=False)),
    "googlenet_bn_aux": Oracle(lambda: torchvision_model("googlenet", aux_logits=True, init_weights=False)),
    "inception_v3": Oracle(lambda: torchvision_model("inception_v3", aux_logits=False, init_weights=False), image=FLAT),
    "inception_v3_aux": Oracle(
        lambda: torchvision_model("inception_v3", init_weights=False), image=(3, 299, 299), slow=True
    ),
    "inception_v4": Oracle(lambda: timm_model("inception_v4"), image=FLAT),
    "inception_resnet_v2": Oracle(lambda: timm_model("inception_resnet_v2"), image=FLAT),
    "xception": Oracle(lambda: timm_model("legacy_xception"), image=(3, 67, 80)),
    "mobilenet_v1": Oracle(lambda: timm_model("mobilenetv1_100"), image=(3, 64, 80)),
    **{
        f"efficientnet_lite{n}": Oracle(
            lambda n=n: timm_model(f"tf_efficientnet_lite{n}"),
            image=(3, 65, 80),
            adapt=in_our_order(f"efficientnet_lite{n}"),
        )
        for n in range(3)
    },
}
