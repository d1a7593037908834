"""docs/layers.md says what to write: every row of its table builds, its word is read, its test is there."""

from pathlib import Path

import pytest
from torch import nn

from striate.layers.local import local
from striate.layers.maxout import Maxout
from striate.layers.pooling import avg_pool, max_pool, pool_to
from striate.layers.response_norm import response_norm
from striate.layers.same_padding import SameAvgPool2d, SameMaxPool2d, same_conv
from striate.layers.separable import depthwise, pointwise, separable
from striate.layers.unpool import unpooled
from striate.notation.words import SPELLINGS
from striate.rows import conv, deconv, linear, norm, stack

PAGE = Path(__file__).resolve().parents[2] / "docs" / "layers.md"
NAMES = {
    row.__name__: row
    for row in (
        Maxout, SameAvgPool2d, SameMaxPool2d, avg_pool, conv, deconv, depthwise, linear, local, max_pool, norm,
        pointwise, pool_to, response_norm, same_conv, separable, unpooled,
    )
}  # fmt: skip
WORDS = {
    "conv", "dw", "pw", "sep", "local", "deconv", "pool", "avgpool", "gap", "bn", "lrn", "dropout", "fc",
    "relu", "lrelu", "relu6", "elu", "sigmoid", "tanh", "maxout", "softmax",
}  # fmt: skip
TABLE = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| layer ")
]


def quoted(cell):
    """What stands between back quotes."""
    return cell.split("`")[1::2]


def test_the_page_has_every_layer_of_the_lectures():
    assert len(TABLE) == 26
    assert {word.split()[0] for *_, cell, _ in TABLE for word in quoted(cell)} == WORDS


@pytest.mark.parametrize("line", TABLE, ids=[line[0] for line in TABLE])
def test_what_the_page_writes_builds_and_is_read_and_tested(line):
    _, rows, rooms, word, test = line

    for text in quoted(rows):
        features = "linear" in text
        row = eval(
            text,  # as doctest runs what a page of ours says
            {"nn": nn, "n": 4, "rows": [nn.ReLU()], **NAMES},
        )
        stack((12,) if features else (4, 12, 12), *(row if isinstance(row, tuple) else (row,)))
    assert all(part in {*SPELLINGS, "...", "same"} for text in quoted(word) for part in text.split())
    assert all(
        (PAGE.parent.parent / "src" / Path(*room.split("."))).with_suffix(".py").exists() for room in quoted(rooms)
    )
    assert (Path(__file__).parent / quoted(test)[0]).exists()
