"""The model that is to be explained: a trained one, or a network whose weights are random, which is said."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from striate.errors import ConfigError, UnknownName

if TYPE_CHECKING:
    from torch import nn

    from striate.model import Model
    from striate.networks import Net
    from striate.rows import Shape

RANDOM = "random"  # what --weights says where none are wanted
RANDOM_SAID = "its weights are random: nothing was learned, and this is what chance gives"
PHOTOGRAPH = 64  # pixels; a network for smaller pictures is not one for photographs


def opened(
    source: Model | Net | Path, weights: str | None, net: Net | None, image: Shape | None = None
) -> tuple[Model, str]:
    """The model, and a sentence where its weights are random.

    That is so for `weights` "random", for a notation and a file of Python, and for a network of the zoo without public
    weights. Raises as `striate.model.load`.
    """
    from striate.model import Model, load
    from striate.networks import refer
    from striate.verbs.show import full_image
    from striate.weights.catalogue import weights_of
    from striate.zoo import networks

    if isinstance(source, Model):
        return source, ""
    named = str(source) if isinstance(source, Path) else source
    if isinstance(named, str) and Path(named).exists() and not named.partition(":")[0].endswith(".py"):
        if weights is not None:
            raise ConfigError(f"explain: {named} is a run and has weights of its own. Leave --weights out.")
        return load(named, net=net, image=image), ""
    shape = None if image is None else full_image(image, named)
    if weights not in (None, RANDOM):
        return load(named, weights, image=shape), ""
    if isinstance(named, str) and weights is None:
        known = named in networks or Path(named).name == named or ":" in named
        reference = refer(named) if known else None
        if reference is None or (reference.kind == "zoo" and weights_of(reference.text)):
            return load(named if reference is None else reference.text, net=net, image=shape), ""
    return untrained(named, shape), RANDOM_SAID


def untrained(net: Net, image: Shape | None = None, seed: int = 0) -> Model:
    """`net` as it is built for `image`, with weights drawn by `seed`; a module keeps those it has."""
    import torch

    from striate import networks
    from striate.data.preprocess import Preprocess
    from striate.model import Model
    from striate.verbs.show import full_image
    from striate.weights.catalogue import imagenet_classes, preparation_of

    reference, shape, count = networks.refer(net), full_image(image, net), networks.default_classes(net)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        module = networks.build(net, shape, count)
    names = imagenet_classes() if count == len(imagenet_classes()) else tuple(map(str, range(count)))
    if len(shape) == 3 and min(shape[1:]) < PHOTOGRAPH:
        half = (0.5,) * shape[0]
        preprocess = Preprocess((shape[0], shape[1], shape[2]), half, half, "resize")
    else:
        preprocess = preparation_of(reference.text, "")[0].for_image(shape)
    return Model(module.eval(), names, preprocess, reference)


def refuse_unknown(net: nn.Module, layer: str, shown: str, among: Sequence[str] = ()) -> None:
    """`UnknownName` with the nearest where `net` has no layer called `layer`. `shown`: how `striate show` knows it."""
    from striate.registry import nearest

    names = [name for name, _ in net.named_modules() if name]
    base, _, call = layer.rpartition(":")
    if layer in names or (base in names and call.isdecimal()):
        return
    listed = list(among) or names
    close = nearest(layer, listed)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"There are {', '.join(listed[:6])} ..."
    raise UnknownName(f"there is no layer called '{layer}'. {hint} `striate show {shown}` lists them all.")


def without_convolutions(model: Model, method: str) -> ConfigError:
    """The error where `method` needs convolutions and there are none."""
    return ConfigError(
        f"explain: {model.reference.text} has no convolution, so there is no {method} of it. saliency, smooth_grad, "
        "integrated_gradients, occlusion, activations and embedding take any network; guided_backpropagation and "
        "deconvnet any with ReLU."
    )
