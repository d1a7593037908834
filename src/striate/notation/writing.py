"""A network back to notation, where the notation has words for all of it."""

from __future__ import annotations

from typing import Any

from torch import nn

from striate.arithmetic import same_padding
from striate.layers.branches import Branches
from striate.layers.local import LocallyConnected
from striate.layers.maxout import Maxout
from striate.layers.pooling import AVERAGE, BORDER, GLOBAL_AVERAGE, GLOBAL_MAX, MAX
from striate.layers.skip import Skip
from striate.layers.squeeze_excitation import SqueezeExcitation
from striate.layers.unpool import Unpooled
from striate.misfit import CONVOLUTIONS, NORMS, TRANSPOSED, axes_of, times, window
from striate.notation.arguments import Border
from striate.notation.folding import joined
from striate.notation.meanings import SIGNALS, kept, spread
from striate.rows import ZEROS

PLAIN = {  # layers without settings, and their words
    nn.ReLU: "relu", nn.ReLU6: "relu6", nn.SELU: "selu", nn.SiLU: "silu", nn.Mish: "mish", nn.Hardswish: "hswish",
    nn.Tanh: "tanh", nn.Sigmoid: "sigmoid", nn.Identity: "id",
}  # fmt: skip
ONLY: dict[Any, tuple[str, dict[str, object]]] = {  # layers that have a word with these settings and no others
    nn.GELU: ("gelu", {"approximate": "none"}), nn.Softmax: ("softmax", {"dim": 1}),
    nn.Softplus: ("softplus", {"beta": 1.0, "threshold": 20.0}), nn.PReLU: ("prelu", {"num_parameters": 1}),
}  # fmt: skip


class NoWord(Exception):
    """The notation has no word for a layer, or for one of its settings."""


def write(net: nn.Module) -> str | None:
    """The notation from which `build` makes a network of the same shapes and parameters; None where there is none.

    >>> write(nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(128, 10)))
    'conv 8 3-relu-fc 10'
    """
    try:
        return joined(Words().of(net))
    except NoWord:
        return None


def require(holds: bool) -> None:
    """`NoWord` where a layer is not as the notation builds it."""
    if not holds:
        raise NoWord


def unpacked(layer: nn.Module) -> list[nn.Module]:
    """The layers of a Sequential in a Sequential, one after the other."""
    require(not layer._forward_hooks and not layer._forward_pre_hooks)
    if type(layer).forward is not nn.Sequential.forward or separable(layer):
        return [layer]
    return [inner for child in layer.children() for inner in unpacked(child)]


def separable(layer: nn.Module) -> bool:
    """Whether this is what the row `separable` builds."""
    return [name for name, _ in layer.named_children()] == ["depthwise", "pointwise"]


class Words:
    """One pass over layers in the order they run. `flat`: whether they have become features; None is not known."""

    def __init__(self, flat: bool | None = None):
        self.flat = flat

    def of(self, net: nn.Module) -> list[str]:
        """The words of `net`, one after the other."""
        layers, found = unpacked(net), []
        while layers:
            layer = layers.pop(0)
            below = layers[0] if layers else nn.Identity()
            if isinstance(layer, nn.Flatten):
                require((layer.start_dim, layer.end_dim) == (1, -1))
                self.flat = True
                found += [] if type(below) is nn.Linear else ["flatten"]
            elif type(layer) in (*GLOBAL_AVERAGE, *GLOBAL_MAX):
                found.append(self.pooled_to(layer))
                if type(below) is nn.Flatten and found[-1][4:] == "1":
                    found[-1] = found[-1][:3]
                    self.of(layers.pop(0))
            elif joins(layer, below):
                found.append(self.word(layers.pop(0), sides(layer)))
            else:
                found += self.unpooled(layer) if type(layer) is Unpooled else [self.word(layer)]
        return found

    def word(self, layer: nn.Module, above: Border | None = None) -> str:
        """The word of one layer; `above` is the border that the layer above it puts around its input."""
        kind: Any = type(layer)
        if kind in PLAIN:
            return PLAIN[kind]
        if kind in ONLY:
            word, settings = ONLY[kind]
            require(all(getattr(layer, name) == value for name, value in settings.items()))
            return word
        if kind in CONVOLUTIONS or kind in MAX or kind in AVERAGE:
            return self.windowed(layer, above)
        if kind in TRANSPOSED:
            return self.transposed(layer)
        if kind in ZEROS:
            return f"pad {border_text(sides(layer))}"
        write_one = WRITERS.get(kind)
        require(write_one is not None or separable(layer))
        return getattr(self, write_one or "separable")(layer)  # type: ignore[no-any-return]

    def windowed(self, layer: Any, above: Border | None) -> str:
        axes = axes_of(layer)
        self.flat = False
        kernel, stride, padding, dilation = zip(*window(layer, axes), strict=True)
        border = above or own_border(layer)
        if type(layer) in CONVOLUTIONS:
            require(layer.padding_mode == "zeros")
            depthwise = layer.groups == layer.in_channels == layer.out_channels and layer.groups > 1
            said = ["dw"] if depthwise else [f"conv {layer.out_channels}"]
            said += [size(kernel), *keyed("s", stride, 1), *keyed("d", dilation, 1)]
            said += [f"p{border_text(border)}"] if border != kept(kernel, stride, dilation) else []
            said += [f"g{layer.groups}"] if layer.groups > 1 and not depthwise else []
            return " ".join(said + (["nobias"] if layer.bias is None else []))
        largest = type(layer) in MAX
        require(not layer.return_indices if largest else layer.count_include_pad or not any(padding))
        require(getattr(layer, "divisor_override", None) is None)
        said = ["pool" if largest else "avgpool", size(kernel)]
        said += [f"s{size(stride)}"] if stride != kernel else []
        said += [f"p{border_text(border)}"] if any(sum(both) for both in border) else []
        return " ".join([*said, *keyed("d", dilation, 1), *(["ceil"] if layer.ceil_mode else [])])

    def transposed(self, layer: Any) -> str:
        require(layer.padding_mode == "zeros")
        self.flat = False
        kernel, stride, padding, dilation = zip(*window(layer, axes_of(layer)), strict=True)
        usual = [spread(*along) for along in zip(kernel, stride, dilation, strict=True)]
        said = [f"deconv {layer.out_channels}", size(kernel), *keyed("s", stride, 2), *keyed("d", dilation, 1)]
        if list(zip(padding, layer.output_padding, strict=True)) != usual:
            said += [f"p{size(padding)}", f"o{size(layer.output_padding)}"]
        said += [f"g{layer.groups}"] if layer.groups > 1 else []
        return " ".join(said + (["nobias"] if layer.bias is None else []))

    def pooled_to(self, layer: Any) -> str:
        require(not getattr(layer, "return_indices", False))
        wanted = layer.output_size if isinstance(layer.output_size, tuple) else (layer.output_size,)
        require(all(isinstance(n, int) for n in wanted))
        self.flat = False
        return f"{'gmp' if type(layer) in GLOBAL_MAX else 'gap'} {size(wanted)}"

    def linear(self, layer: nn.Linear) -> str:
        require(self.flat is not False)
        self.flat = True
        return f"fc {layer.out_features}{' nobias' if layer.bias is None else ''}"

    def norm(self, layer: Any) -> str:
        require(layer.affine and layer.track_running_stats and (layer.eps, layer.momentum) == (1e-5, 0.1))
        return "norm"

    def response(self, layer: nn.LocalResponseNorm) -> str:
        require((layer.alpha, layer.beta, layer.k) == (1e-4, 0.75, 1.0))
        return f"lrn {layer.size}"

    def dropout(self, layer: nn.Dropout) -> str:
        return f"dropout {layer.p:g}"

    def leaky(self, layer: nn.LeakyReLU) -> str:
        require(0 <= layer.negative_slope <= 1)
        return f"lrelu {layer.negative_slope:.12g}"

    def elu(self, layer: nn.ELU) -> str:
        require(0 <= layer.alpha <= 1)
        return f"elu {layer.alpha:.12g}"

    def maxout(self, layer: Maxout) -> str:
        return f"maxout {layer.pieces}"

    def excitation(self, layer: SqueezeExcitation) -> str:
        return f"se {layer.reduction}"

    def unflatten(self, layer: nn.Unflatten) -> str:
        wanted: Any = layer.unflattened_size
        require(layer.dim == 1 and all(isinstance(n, int) and n > 0 for n in wanted))
        self.flat = False
        return f"unflatten {times(wanted)}"

    def upsample(self, layer: nn.Upsample) -> str:
        scale = layer.scale_factor if isinstance(layer.scale_factor, tuple) else (layer.scale_factor,)
        require(layer.size is None and not layer.align_corners and all(n and n == int(n) for n in scale))
        require(layer.mode == "nearest" or layer.mode in SIGNALS)
        linear = "" if layer.mode == "nearest" else " linear"
        return f"up {size(tuple(int(n or 1) for n in scale))}{linear}"

    def local(self, layer: LocallyConnected) -> str:
        self.flat = False
        said = [f"local {layer.out}", size(layer.kernel), *keyed("s", layer.stride, 1), *keyed("p", layer.padding, 0)]
        return " ".join(said + (["nobias"] if layer.bias is None else []))

    def separable(self, layer: Any) -> str:
        depth, point = layer.depthwise, layer.pointwise
        require(type(depth) in CONVOLUTIONS and type(point) is type(depth) and set(point.kernel_size) == {1})
        require(depth.bias is None and depth.out_channels == depth.in_channels == depth.groups)
        require(point.groups == 1 and not any(point.padding) and set(point.stride) == {1})
        said = self.windowed(depth, None).split(" ")[1 if depth.groups > 1 else 2 : -1]
        return " ".join([f"sep {point.out_channels}", *said, *(["nobias"] if point.bias is None else [])])

    def unpooled(self, layer: Unpooled) -> list[str]:
        kernel, stride = layer.pool.kernel_size, layer.pool.stride
        said = ["pool", size(kernel), *([f"s{size(stride)}"] if stride != kernel else [])]
        return [" ".join(said + (["ceil"] if layer.pool.ceil_mode else [])), *self.of(layer.inside), "unpool"]

    def skip(self, layer: Skip) -> str:
        before = self.flat
        body = joined(self.of(layer.body))
        if type(layer.shortcut) is nn.Identity:
            return f"res({body})"
        return f"res({body}; {joined(Words(before).of(layer.shortcut))})"

    def branches(self, layer: Branches) -> str:
        parts, flat = [], []
        for names in layer.order:
            words = Words(self.flat)
            parts.append(joined(words.of(nn.Sequential(*(layer.get_submodule(name) for name in names)))))
            flat.append(words.flat)
        self.flat = None if None in flat else all(flat)
        return f"concat({', '.join(parts)})"


WRITERS: dict[Any, str] = {
    nn.Linear: "linear", nn.LocalResponseNorm: "response", nn.Dropout: "dropout", nn.LeakyReLU: "leaky", nn.ELU: "elu",
    nn.Unflatten: "unflatten", nn.Upsample: "upsample", Maxout: "maxout", SqueezeExcitation: "excitation",
    LocallyConnected: "local", Skip: "skip", Branches: "branches", **dict.fromkeys(NORMS, "norm"),
}  # fmt: skip


def joins(pad: nn.Module, below: nn.Module) -> bool:
    """Whether `pad` is the border of the layer below it, which has none of its own."""
    if type(pad) in BORDER:
        require(bool(pad.value == float("-inf")) and type(below) in MAX)
    elif type(pad) not in ZEROS or type(below) not in (*CONVOLUTIONS, *AVERAGE):
        return False
    return not any(sum(both) for both in own_border(below))


def own_border(layer: Any) -> Border:
    """(before, after) of each axis as the layer itself pads; torch's "same" puts an odd pixel after."""
    along = window(layer, axes_of(layer))
    if layer.padding == "same":
        return tuple(same_padding(kernel, dilation) for kernel, _, _, dilation in along)
    return tuple((padding, padding) for _, _, padding, _ in along)


def sides(pad: Any) -> Border:
    """(before, after) of each axis, height first, of a layer that pads."""
    require(min(pad.padding) >= 0)
    pairs = zip(pad.padding[::2], pad.padding[1::2], strict=True)
    return tuple(pairs)[::-1]


def border_text(border: Border) -> str:
    """1 for one on both sides of each axis, 0+1x1+1 where they differ."""
    said = [str(before) if before == after else f"{before}+{after}" for before, after in border]
    return said[0] if len(set(said)) == 1 else "x".join(said)


def size(along: Any) -> str:
    """3, or 5x3 where the axes differ."""
    numbers = (along,) if isinstance(along, int) else tuple(along)
    return str(numbers[0]) if len(set(numbers)) == 1 else times(numbers)


def keyed(key: str, along: Any, default: int) -> list[str]:
    """s2, unless all axes have the default."""
    return [] if size(along) == str(default) else [f"{key}{size(along)}"]
