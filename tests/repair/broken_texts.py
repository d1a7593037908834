"""Notations that can be read and cannot be built."""

from __future__ import annotations

import random

from striate.rows import Shape

WIDTHS = (4, 6, 8, 12)
ENDS = ("-fc", "-gap-fc", "-(fc-relu)*1-fc", "-relu-fc 20-fc", "")


def sound_words(dice: random.Random) -> str:
    width = dice.choice(WIDTHS)
    return dice.choice(
        (
            f"conv {width}",
            f"conv {width} 3 - relu",
            f"conv {width} 5 - norm - relu",
            f"(conv {width}-relu)*2",
            f"sep {width}",
            f"conv {width} 3 - tanh - dropout",
            f"dw 3-pw {width}",
            "relu",
            "norm",
            f"res(conv-relu-conv)-conv {width} 1",
        )
    )


def broken_words(dice: random.Random, mistake: str, image: Shape) -> str:
    """Words that do not fit maps of the size of `image`, in one of several ways."""
    width, side, few = dice.choice(WIDTHS), max(image[1:]), dice.randrange(2, 5)
    conv = f"conv {width}"
    ways = {
        "kernel": (f"{conv} {side + 3} p0", f"pool {side + 2}", f"avgpool {side * 2} s1", f"local {width} {side + 1}"),
        "channels": (f"conv {2 * width + 1} 1 - maxout 2", f"conv {width + 1} 1 - conv {2 * width} 3 g{width + 3}"),
        "groups": (f"{conv} 3 g5", f"conv 7 1 - {conv} 3 g4", "conv 10 1-deconv 9 2 g5"),
        "flatten": (f"fc {width * 16} - {conv}", f"flatten - {conv} 3", "gap - pool", "fc 20-relu-dw 3"),
        "strides": (f"({conv} 3 s2 p0-relu)*{few + 3}", f"[{conv}-pool]*{few + 4}", f"pool*{few + 4}"),
        "dilation": (f"{conv} 3 d{side} p0", f"{conv} 5 d{side // 2} p1", f"pool 3 s1 d{side}"),
        "transposed": (f"deconv 6 3 s1 p{side + 1}", f"deconv 6 4 s2 o{few}", f"deconv {width} 2 s1 p{side}"),
        "skip": (
            f"{conv}-res(conv {width + 2}-relu-conv {width + 2})",
            f"{conv}-res({conv} 3 s2)",
            f"{conv}-res({conv} 5 p0-relu)",
            f"{conv} - res(conv {2 * width} 3 s2-norm; pw {width})",
            f"{conv}-res(conv-res({conv} 3 p0))",
        ),
        "concat": (
            f"concat({conv} 1, {conv} 3 s2)",
            f"concat({conv} 3 p0, {conv} 5 p0, pool 3 s1 p1)",
            f"concat({conv}, pool)",
            f"concat({conv} 1, concat(conv 4 3 s2, pool 2)-{conv})",
            f"concat(id, {conv} 4 s3 p0-relu)",
        ),
        "features": (f"fc 30-unflatten {'x'.join(['4'] * len(image))}", "fc 12-maxout 5"),
    }
    return dice.choice(ways[mistake])


def broken_text(dice: random.Random, image: Shape, mistakes: tuple[str, ...]) -> str:
    parts = [sound_words(dice) for _ in range(dice.randrange(0, 3))]
    for mistake in mistakes:
        parts += [broken_words(dice, mistake, image), *(sound_words(dice) for _ in range(dice.randrange(0, 2)))]
    text = "-".join(parts) + dice.choice(ENDS)
    return text.upper() if dice.random() < 0.2 else text
