"""What people and machines are shown of an analysis."""

import json

from rich.console import Console
from torch import nn

from striate.analysis.analyse import analyse
from striate.zoo import networks

LENET = analyse(networks["lenet5"](), (1, 28, 28), batch=32)

TEXT = """\
layer    kind                         output  parameters  multiply-adds  sees  every
conv1    Conv2d     5x5, padding 2   6×28×28         156        117,600     5      1
relu1    ReLU                        6×28×28                                5      1
pool1    MaxPool2d  2x2, stride 2    6×14×14                                6      2
conv2    Conv2d     5x5             16×10×10       2,416        240,000    14      2
relu2    ReLU                       16×10×10                               14      2
pool2    MaxPool2d  2x2, stride 2     16×5×5                               16      4
flatten  Flatten                         400                               16      4
fc1      Linear     400 to 120           120      48,120         48,000    28
relu3    ReLU                            120                               28
fc2      Linear     120 to 84             84      10,164         10,080    28
relu4    ReLU                             84                               28
fc3      Linear     84 to 10              10         850            840    28

61,706 parameters (246.8 kB)
416,520 multiply-adds (833,040 FLOPs) for one picture of 1×28×28
"""


def test_lenet5_as_text():
    assert str(LENET).startswith(TEXT)
    assert str(LENET).endswith(
        "a unit of the last map sees 16×16 pixels, one every 4; the first is centred on 5.5, 5.5"
    )


def test_the_json_has_the_documented_keys_and_is_json():
    found = json.loads(json.dumps(LENET.as_json()))
    assert {
        "parameters", "trainable", "multiply_adds", "multiplications", "flops", "activation_bytes", "weight_bytes",
        "training_bytes", "receptive_field", "layers",
    } <= set(found)  # fmt: skip
    assert found["receptive_field"] == {"size": [16, 16], "stride": [4, 4], "start": [5.5, 5.5]}
    assert (found["parameters"], found["flops"]) == (61_706, 2 * 416_520)
    first = found["layers"][0]
    assert first["name"] == "conv1"
    assert (first["kind"], first["output"], first["parameters"], first["fits"]) == ("Conv2d", [6, 28, 28], 156, True)
    assert {"multiply_adds", "receptive_field", "weights", "biases", "inputs", "activation_bytes"} <= set(first)


def test_a_layer_that_does_not_fit_says_so_in_json_and_below_the_table():
    analysis = analyse(nn.Sequential(nn.Conv2d(1, 1, 3, 3)), (1, 7, 7))
    said = "(7 + 2·0 − 3)/3 + 1 = 2.33: the last row and the last column are never seen"
    assert analysis.as_json()["layers"][0]["fits"] == said
    assert f"0: {said}." in str(analysis).splitlines()


def test_the_same_remark_for_many_layers_is_made_once():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Conv2d(1, 1, 2, 2), nn.Conv2d(1, 1, 2, 2)

        def forward(self, x):
            return self.a(x) + self.b(x)

    assert str(analyse(Twice(), (1, 5, 5))).count("never seen") == 1


def test_html_shows_every_layer_and_runs_nothing():
    net = nn.Sequential()
    net.add_module("<script>", nn.Conv2d(1, 2, 3))
    html = analyse(net, (1, 8, 8))._repr_html_()
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert LENET._repr_html_().count("<tr>") == 13


def test_a_terminal_gets_a_table_that_fits_its_width():
    console = Console(width=100, force_terminal=False)
    with console.capture() as shown:
        console.print(LENET)
    lines = shown.get().splitlines()
    assert max(map(len, lines)) <= 100
    assert sum("MaxPool2d" in line for line in lines) == 2


def test_a_network_of_a_thousand_rows_is_shown_line_by_line():
    net = nn.Sequential(*[nn.ReLU() for _ in range(1000)])
    console = Console(width=100)
    with console.capture() as shown:
        console.print(analyse(net, (1, 4, 4)))
    assert sum("ReLU" in line for line in shown.get().splitlines()) == 1000


def test_axes_that_differ_are_written_out():
    text = str(analyse(nn.Conv2d(1, 2, (1, 7), (1, 2)), (1, 8, 9)))
    assert "1×7" in text
    assert "1×2" in text
