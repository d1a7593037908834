"""The vocabulary: every word of the notation, and what may stand behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import nn

from striate.notation import meanings as means
from striate.notation.arguments import Settings
from striate.notation.meanings import Rows, State


@dataclass(frozen=True)
class Vocable:
    """`bare`: settings that are numbers without a key, in order; `keyed`: those with one, and switches."""

    title: str
    rows: Callable[[Settings, State], Rows]
    bare: tuple[str, ...] = ()
    keyed: tuple[str, ...] = ()
    also: tuple[str, ...] = ()  # other spellings


def plain(title: str, stem: str, build: Callable[[], nn.Module], *also: str) -> Vocable:
    """A layer without settings."""
    return Vocable(title, partial(means.plain_rows, stem, build), also=also)


def sloped(title: str, stem: str, build: Callable[[float], nn.Module], slope: float, *also: str) -> Vocable:
    """An activation with one number."""
    return Vocable(title, partial(means.sloped_rows, stem, build, slope), ("slope",), also=also)


BORDER = ("padding", "same", "same^")
WINDOW = ("kernel", "stride", *BORDER, "dilation", "nobias")
TRANSPOSED = ("kernel", "stride", "padding", "output_padding", "dilation", "groups", "nobias")

WORDS = {
    "conv": Vocable(
        "Convolution", means.conv_rows, ("out", "kernel"), (*WINDOW, "groups"),
        ("convolution", "conv1d", "conv2d", "conv3d"),
    ),
    "pw": Vocable(
        "Pointwise convolution", means.pointwise_rows, ("out",), ("stride", "groups", "nobias"), ("pointwise",),
    ),
    "dw": Vocable("Depthwise convolution", means.depthwise_rows, ("kernel",), WINDOW, ("depthwise", "dwconv")),
    "sep": Vocable("Separable convolution", means.separable_rows, ("out", "kernel"), WINDOW, ("separable", "sepconv")),
    "deconv": Vocable(
        "Transposed convolution", means.deconv_rows, ("out", "kernel"), TRANSPOSED,
        ("tconv", "upconv", "convtranspose"),
    ),
    "local": Vocable(
        "Locally connected", means.local_rows, ("out", "kernel"), ("kernel", "stride", "padding", "nobias"),
    ),
    "fc": Vocable("Fully connected", means.fc_rows, ("out",), ("nobias",), ("linear", "dense")),
    "pool": Vocable(
        "Max pooling", means.pool_rows, ("kernel",), ("kernel", "stride", *BORDER, "dilation", "ceil"),
        ("maxpool", "pooling"),
    ),
    "avgpool": Vocable(
        "Average pooling", means.average_rows, ("kernel",), ("kernel", "stride", *BORDER, "ceil"), ("meanpool",),
    ),
    "gap": Vocable("Global average", partial(means.global_rows, "gap", False), ("size",), (), ("globalavgpool",)),
    "gmp": Vocable("Global maximum", partial(means.global_rows, "gmp", True), ("size",), (), ("globalmaxpool",)),
    "up": Vocable("Upsampling", means.up_rows, ("size",), ("linear",), ("upsample",)),
    "pad": Vocable("Zero padding", means.pad_rows, ("padding",), (), ("zeropad",)),
    "flatten": Vocable("Flatten", means.flatten_rows),
    "unflatten": Vocable("Unflatten", means.unflatten_rows, ("shape",)),
    "norm": Vocable("Batch norm", means.norm_rows, also=("bn", "batchnorm")),
    "lrn": Vocable("Local response norm", means.lrn_rows, ("maps",)),
    "dropout": Vocable("Dropout", means.dropout_rows, ("share",), also=("drop",)),
    "se": Vocable("Squeeze and excitation", means.excitation_rows, ("reduction",)),
    "maxout": Vocable("Maxout", means.maxout_rows, ("pieces",)),
    "relu": plain("ReLU", "relu", nn.ReLU),
    "relu6": plain("ReLU6", "relu", nn.ReLU6),
    "lrelu": sloped("Leaky ReLU", "lrelu", nn.LeakyReLU, 0.01, "leakyrelu", "leaky"),
    "prelu": plain("PReLU", "prelu", nn.PReLU),
    "elu": sloped("ELU", "elu", nn.ELU, 1.0),
    "selu": plain("SELU", "selu", nn.SELU),
    "gelu": plain("GELU", "gelu", nn.GELU),
    "silu": plain("SiLU", "silu", nn.SiLU, "swish"),
    "mish": plain("Mish", "mish", nn.Mish),
    "hswish": plain("Hard swish", "hswish", nn.Hardswish, "hardswish"),
    "tanh": plain("tanh", "tanh", nn.Tanh),
    "sigmoid": plain("Sigmoid", "sigmoid", nn.Sigmoid),
    "softplus": plain("Softplus", "softplus", nn.Softplus),
    "softmax": plain("Softmax", "softmax", partial(nn.Softmax, dim=1)),
    "id": plain("Identity", "id", nn.Identity, "identity"),
}  # fmt: skip

CALLS = {"res": ";", "concat": ","}  # words whose parts stand in brackets, and what divides the parts
UNPOOL = "unpool"  # the other bracket of the pool before it

SPELLINGS = (
    {also: name for name, word in WORDS.items() for also in (name, *word.also)}
    | {name: name for name in (*CALLS, UNPOOL)}
    | {"residual": "res", "skip": "res", "cat": "concat", "concatenate": "concat"}
)  # every spelling of a word, and its name
