"""`show`, `compare` and `solve` as a person and as a program meet them."""

import json
import subprocess
import sys
import textwrap
import xml.etree.ElementTree as ElementTree

import pytest
from PIL import Image
from test_commands import run, wrong


def shown(capsys, *arguments):
    code, out, err = run(capsys, "show", *arguments, "--json")
    return code, json.loads(out.splitlines()[-1]), err


@pytest.fixture
def module_file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(
        textwrap.dedent(
            """
            from torch import nn

            def good(image=(3, 20, 20), classes=4):
                return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 18 * 18, classes))

            def bad(classes=4):
                return nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(100, classes))

            def failing():
                return undefined_name
            """
        )
    )
    return path


def test_the_json_holds_what_other_tools_rely_on(capsys):
    code, told, _ = shown(capsys, "lenet5", "--batch", "32")
    assert code == 0
    assert told["parameters"] == told["trainable"] == 61_706
    assert told["multiply_adds"] == 416_520
    assert told["flops"] == 833_040
    assert told["weight_bytes"] == 4 * 61_706
    assert told["receptive_field"] == {"size": [16, 16], "stride": [4, 4], "start": [5.5, 5.5]}
    assert told["activation_bytes"] > 32 * 4 * 6 * 28 * 28
    assert told["training_bytes"] > told["activation_bytes"]
    first = told["layers"][0]
    assert (first["name"], first["kind"], first["output"]) == ("conv1", "Conv2d", [6, 28, 28])
    assert (first["parameters"], first["multiply_adds"], first["fits"]) == (156, 117_600, True)
    assert first["receptive_field"] == {"size": [5, 5], "stride": [1, 1], "start": [0, 0]}
    assert told["multiplications"] == 416_520  # none besides those of the convolutions and matrices


def test_the_table_is_for_people(capsys):
    code, out, _ = run(capsys, "show", "lenet5")
    assert code == 0
    assert "conv1" in out
    assert "61,706 parameters" in out


def test_a_remainder_is_told_and_strict_refuses_it(capsys):
    net = ("conv 8 3 s3 p0-fc", "--image", "1x7x7")
    code, told, _ = shown(capsys, *net)
    assert code == 0
    assert told["layers"][0]["fits"].startswith("(7 + 2·0 − 3)/3 + 1 = 2.33: the last row and the last column")
    code, told, _ = shown(capsys, *net, "--strict")
    assert code == 2
    assert told["error"]["row"] == "conv1"
    assert [fix["image"] for fix in told["error"]["fixes"]] == [[1, 6, 6], [1, 9, 9]]
    for fix in told["error"]["fixes"]:
        image = "x".join(map(str, fix["image"]))
        assert shown(capsys, net[0], "--image", image, "--strict")[0] == 0


def test_every_fix_of_a_network_that_cannot_be_built_works(capsys):
    code, told, err = shown(capsys, "[(conv-relu)*2-pool]*6-fc")
    assert code == 2
    assert told["error"]["row"] == "pool6"
    assert "(1 + 2·0 − 2)/2 + 1" in told["error"]["formula"]
    assert "Repeat 5 times, not 6" in err
    assert 1 <= len(told["error"]["fixes"]) <= 3
    for fix in told["error"]["fixes"]:
        image = "x".join(map(str, fix.get("image", [3, 32, 32])))
        text = fix.get("notation", "[(conv-relu)*2-pool]*6-fc")
        assert shown(capsys, text, "--image", image)[0] == 0


def test_fix_prints_the_repaired_network(capsys):
    code, out, _ = run(capsys, "show", "[(conv-relu)*2-pool]*6-fc", "--fix")
    assert (code, out) == (0, "[(conv-relu)*2-pool]*5-fc\n")


def test_a_mistake_in_the_text_is_pointed_at(capsys):
    code, _, err = run(capsys, "show", "conv-rellu-fc")
    assert code == 2
    assert err.splitlines()[:3] == [
        "conv-rellu-fc",
        "     ^^^^^",
        "There is no layer called 'rellu'. Did you mean relu or relu6?",
    ]


def test_the_letters_of_the_lectures_pattern(capsys):
    pattern = "[(CONV-RELU)*N-POOL?]*M-(FC-RELU)*K-FC"
    code, told, _ = shown(capsys, pattern, "--N", "2", "--M", "3", "--K", "1")
    assert code == 0
    same = shown(capsys, "[(conv-relu)*2-pool]*3-(fc-relu)*1-fc")[1]
    assert told["layers"] == same["layers"]
    assert "say --M" in run(capsys, "show", pattern, "--N", "2", "--K", "1")[2]


def test_a_picture_too_small_for_a_network_of_the_zoo_is_offered_one_that_fits(capsys):
    code, told, _ = shown(capsys, "lenet5", "--image", "3")
    assert code == 2
    assert told["error"]["row"] == "conv2"
    (fix,) = told["error"]["fixes"]
    assert shown(capsys, "lenet5", "--image", "x".join(map(str, fix["image"])))[0] == 0


def test_a_users_own_file(capsys, module_file):
    code, told, _ = shown(capsys, f"{module_file}:good")
    assert code == 0
    assert told["image"] == [3, 20, 20]
    assert told["layers"][-1]["output"] == [10]  # classes, unless they are given
    code, told, _ = shown(capsys, f"{module_file}:bad", "--image", "3x20x20")
    assert code == 2
    assert told["error"]["row"] == "2"
    assert told["error"]["fixes"]


def test_a_users_file_that_fails_shows_its_own_traceback_and_not_ours(capsys, module_file):
    code, _, err = run(capsys, "show", f"{module_file}:failing", "--image", "3x20x20")
    assert code == 2
    assert "NameError: name 'undefined_name' is not defined" in err
    assert str(module_file) in err
    assert "striate/" not in err.replace(str(module_file), "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{file}"], "name the function or class after a colon"),
        (["{file}:nothing"], "It has good, bad, failing."),
        (["none.py:net"], "none.py: there is no such file."),
        (["lenet5", "--image", "axb"], "it must be sizes of 1 to 65,536"),
        (["lenet5", "--batch", "0"], "batch is 0; it must be at least 1."),
        (["lenet5", "--svg", "/nowhere/at/all.svg"], "/nowhere/at/all.svg: there is no folder"),
    ],
)
def test_mistakes_of_show_are_one_line(capsys, module_file, arguments, words):
    assert words in wrong(capsys, "show", *(a.format(file=module_file) for a in arguments))


def test_drawings_are_written(capsys, tmp_path):
    code, _, _ = run(capsys, "show", "lenet5", "--svg", tmp_path / "net.svg", "--png", tmp_path / "net.png")
    assert code == 0
    assert ElementTree.parse(tmp_path / "net.svg").getroot().tag.endswith("svg")
    with Image.open(tmp_path / "net.png") as picture:
        assert picture.size[0] > 400


def test_a_network_too_large_for_any_memory_is_answered(capsys):
    code, told, _ = shown(capsys, "conv 100000 3-gap-fc", "--image", "100x20000x20000")
    assert code == 0
    assert told["activation_bytes"] > 10**14


def test_solve_gives_every_padding_that_fits(capsys):
    code, out, _ = run(capsys, "solve", "--input", "32", "--kernel", "5", "--stride", "2", "--output", "16", "--json")
    assert code == 0
    assert {tuple(fit["padding"]) for fit in json.loads(out)["fits"]} == {(1, 2), (2, 1), (0, 3), (3, 0)}


@pytest.mark.parametrize(
    ("arguments", "unknown", "value"),
    [
        ("--input 28 --kernel 5", "output", 24),
        ("--output 28 --kernel 5 --padding 2", "input", 28),
        ("--input 32 --output 28", "kernel", 5),
        ("--input 7 --output 3 --kernel 3 --padding 0", "stride", 2),
        ("--input 9 --output 5 --kernel 3 --padding 0 --stride 1", "dilation", 2),
    ],
)
def test_any_one_number_can_be_asked_for(capsys, arguments, unknown, value):
    code, out, _ = run(capsys, "solve", *arguments.split(), "--json")
    told = json.loads(out)
    assert (code, told["unknown"]) == (0, unknown)
    assert [fit[unknown] for fit in told["fits"]] == [value]


def test_compare_gives_ratios_to_the_first(capsys):
    code, out, _ = run(capsys, "compare", "vgg16", "mobilenet_v1", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["networks"]["mobilenet_v1"]["parameters"] == 4_231_976
    assert told["ratios"]["mobilenet_v1"]["parameters"] == pytest.approx(4_231_976 / 138_357_544)


def test_compare_tells_the_decks_convolution_as_a_separable_one(capsys):
    """Deck 003: 85,162,752 against 10,793,196 multiplications."""
    code, out, _ = run(capsys, "compare", "conv 64 3 p0", "--image", "3x224x224", "--equivalents")
    assert code == 0
    assert "85,162,752" in out
    assert "10,793,196" in out


def test_a_thousand_rows_are_shown_within_three_seconds_of_processor_time():
    code = (
        "import time, torch, striate\n"
        "begun = time.process_time()\n"
        "assert len(striate.show('(conv 8-relu)*500-gap-fc').layers) > 1000\n"
        "print(time.process_time() - begun)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 3
