"""Names of tensors in public checkpoints, and how they become ours.

Our networks carry torchvision's names, or else timm's, so most checkpoints need nothing. A key map is here where a
public file says otherwise. Each is tried, and the one after which most names are known is taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass

Rename = Callable[[list[str]], list[str]]

PREFIXES = ("module.", "_orig_mod.", "model.", "net.", "network.", "backbone.", "encoder.")
LAST_LAYER = ("fc", "classifier", "last_linear", "head.fc", "head", "linear", "_fc", "classif", "output", "logits")
BOOKKEEPING = "num_batches_tracked"  # a count that files from before 2018 do not have, and that answers do not need


@dataclass(frozen=True)
class KeyMap:
    """`rename` gives our names for theirs, one by one; `origin` says whose names they are."""

    origin: str
    rename: Rename


def patterns(*pairs: tuple[str, str]) -> Rename:
    """A renaming by regular expressions, all of them in this order.

    >>> patterns((r"linear", "fc"))(["linear.weight", "conv1.weight"])
    ['fc.weight', 'conv1.weight']
    """
    compiled = [(re.compile(pattern), replacement) for pattern, replacement in pairs]

    def rename(names: list[str]) -> list[str]:
        for pattern, replacement in compiled:
            names = [pattern.sub(replacement, name) for name in names]
        return names

    return rename


def lite_of_timm(names: list[str]) -> list[str]:
    """timm's EfficientNet-Lite: blocks are counted in stages there, and through the network here.

    >>> lite_of_timm(["conv_stem.weight", "blocks.0.0.conv_dw.weight", "blocks.1.0.conv_pwl.weight", "bn2.bias"])
    ['_conv_stem.weight', '_blocks.0._depthwise_conv.weight', '_blocks.1._project_conv.weight', '_bn1.bias']
    """
    found = {match[0]: match for name in names if (match := re.match(r"blocks\.(\d+)\.(\d+)\.", name))}
    order = sorted(found, key=lambda block: (int(found[block][1]), int(found[block][2])))
    outside = {"conv_stem": "_conv_stem", "bn1": "_bn0", "conv_head": "_conv_head", "bn2": "_bn1", "classifier": "_fc"}
    first = {"conv_dw": "_depthwise_conv", "bn1": "_bn1", "conv_pw": "_project_conv", "bn2": "_bn2"}
    later = {
        "conv_pw": "_expand_conv", "bn1": "_bn0", "conv_dw": "_depthwise_conv", "bn2": "_bn1",
        "conv_pwl": "_project_conv", "bn3": "_bn2",
    }  # fmt: skip
    renamed = []
    for name in names:
        match = re.match(r"blocks\.\d+\.\d+\.", name)
        block = match[0] if match else ""
        layer, dot, rest = name[len(block) :].partition(".")
        table = (first if block.startswith("blocks.0.") else later) if block else outside
        place = f"_blocks.{order.index(block)}." if block else ""
        renamed.append(f"{place}{table.get(layer, layer)}{dot}{rest}")
    return renamed


KEY_MAPS = (
    KeyMap(
        "torchvision's first DenseNets",
        patterns((r"(denselayer\d+\.(?:norm|relu|conv))\.(\d)", r"\1\2")),
    ),
    KeyMap(
        "timm's VGG",
        patterns(
            (r"^pre_logits\.fc1\.", "classifier.0."), (r"^pre_logits\.fc2\.", "classifier.3."),
            (r"^head\.fc\.", "classifier.6."),
        ),
    ),
    KeyMap("timm's EfficientNet-Lite", lite_of_timm),
    KeyMap("CIFAR repositories' shortcuts", patterns((r"\.shortcut\.", ".downsample."))),
)  # fmt: skip


def known(names: Collection[str], ours: Collection[str]) -> int:
    """How many of `names` are ours."""
    return len(set(names) & set(ours))


def without_prefix(names: list[str], ours: Collection[str]) -> tuple[list[str], str]:
    """`names` without what wrappers put before them, and what that was.

    A prefix goes if more names are known without it, or if all names have it and none is known.

    >>> without_prefix(["module.conv1.weight", "module.fc.bias"], ["conv1.weight", "fc.bias"])
    (['conv1.weight', 'fc.bias'], 'module.')
    """
    gone = ""
    while True:
        now = known(names, ours)
        for prefix in PREFIXES:
            bare = [name.removeprefix(prefix) for name in names]
            everywhere = not now and all(name.startswith(prefix) for name in names)
            if bare != names and len(set(bare)) == len(bare) and (known(bare, ours) > now or everywhere):
                names, gone = bare, gone + prefix
                break
        else:
            return names, gone


def renamed(names: list[str], ours: Collection[str]) -> tuple[list[str], list[str]]:
    """`names` as ours, in the same order, and sentences about what was done to them."""
    names, prefix = without_prefix(names, ours)
    notes = [f"'{prefix}' was taken off the names"] if prefix else []
    best, most = None, known(names, ours)
    for each in KEY_MAPS:
        tried = each.rename(names)
        if len(set(tried)) == len(tried) and known(tried, ours) > most:
            best, most = (each.origin, tried), known(tried, ours)
    if best is not None:
        names = best[1]
        notes.append(f"the names are those of {best[0]}")
    return _last_layer(names, ours, notes)


def _last_layer(names: list[str], ours: Collection[str], notes: list[str]) -> tuple[list[str], list[str]]:
    """The classifier called as ours, where it is the one layer that is called otherwise."""
    if not known(names, ours):
        return names, notes
    lacking = {name.rpartition(".")[0] for name in set(ours) - set(names) if not name.endswith(BOOKKEEPING)}
    foreign = {name.rpartition(".")[0] for name in set(names) - set(ours)} & set(LAST_LAYER)
    if len(lacking) == len(foreign) == 1 and lacking <= set(LAST_LAYER):
        (there,), (here,) = foreign, lacking
        names = [f"{here}.{name.removeprefix(there + '.')}" if name.startswith(f"{there}.") else name for name in names]
        notes = [*notes, f"the last layer is called {there} there and {here} here"]
    return names, notes
