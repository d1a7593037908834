"""`striate dream` and `striate style` as a person and as a program meet them: pictures, progress and mistakes."""

import json
import os

import pytest
import torch
from PIL import Image
from test_commands import run, wrong

import striate
from striate.data.classes import class_number
from striate.data.preprocess import Preprocess
from striate.model import Model
from striate.networks import Reference, build

NOTATION = "[(conv-relu)*2-pool]*2-fc"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished run of a small network for colour pictures, and two pictures."""
    folder = tmp_path_factory.mktemp("dream")
    torch.manual_seed(0)
    net = build(NOTATION, (3, 32, 32), 4)
    ready = Preprocess((3, 32, 32), (0.5,) * 3, (0.25,) * 3, "resize")
    names = ("cat", "dog", "great white shark", "emu")
    (folder / "run").mkdir()
    Model(net, names, ready, Reference("notation", NOTATION)).save(folder / "run")
    draw = torch.Generator().manual_seed(0)
    for name, size in (("photo.png", (40, 60)), ("other.jpg", (50, 50))):
        coarse = torch.rand(1, 3, 5, 6, generator=draw)
        pixels = torch.nn.functional.interpolate(coarse, size, mode="bicubic").clamp(0, 1)[0].permute(1, 2, 0)
        Image.fromarray((pixels * 255).byte().numpy()).save(folder / name)
    return folder


def size_of(path):
    with Image.open(path) as image:
        return image.size


def told(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out.splitlines()[-1])


def test_a_dream_is_a_picture_of_the_size_asked_for_with_more_of_the_layer(capsys, folder, tmp_path):
    out = tmp_path / "dream.png"
    found = told(capsys, "dream", folder / "run", folder / "photo.png", "--size", "48", "--steps", "8", "-o", out)
    assert found["after"] > 1.3 * found["before"]
    assert found["file"] == str(out)
    assert (found["class"], found["channel"], found["seed"], found["size"]) == (None, None, 0, [32, 48])
    assert size_of(out) == (48, 32)


def test_a_class_is_dreamt_of_from_nothing(capsys, folder, tmp_path):
    arguments = ("dream", folder / "run", "--class", "Great-White Shark", "--size", "40", "--steps", "15")
    found = told(capsys, *arguments, "-o", tmp_path / "shark.png")
    assert found["class"] == "great white shark"
    assert found["after"] > found["before"]
    assert 0 < found["probability"] < 1
    assert found["layer"] is None
    assert size_of(tmp_path / "shark.png") == (40, 40)


def test_the_python_face_gives_the_same_picture_as_the_command(capsys, folder, tmp_path):
    out = tmp_path / "x.png"
    told(
        capsys, "dream", folder / "run", folder / "photo.png", "--size", "40", "--steps", "3", "--seed", "5", "-o", out
    )
    found = striate.dream(folder / "run", folder / "photo.png", size=40, steps=3, seed=5)
    with Image.open(out) as image:
        assert found.image.tobytes() == image.tobytes()
    found.save(tmp_path / "y.png")
    assert (tmp_path / "y.png").read_bytes() == out.read_bytes()


def test_a_guide_and_a_channel_can_be_asked_for(capsys, folder, tmp_path):
    common = ("dream", folder / "run", folder / "photo.png", "--size", "40", "--steps", "4", "-o", tmp_path / "x.png")
    assert told(capsys, *common, "--guide", folder / "other.jpg")["after"] > 0
    assert told(capsys, *common, "--layer", "conv2_1", "--channel", "3")["channel"] == 3


def test_intermediate_pictures_stand_beside_the_last(capsys, folder, tmp_path):
    common = ("--size", "40", "--every", "4", "-o", tmp_path / "x.png")
    run(capsys, "dream", folder / "run", folder / "photo.png", "--octaves", "1", "--steps", "9", *common)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["x-0004.png", "x-0008.png", "x.png"]
    run(capsys, "style", folder / "photo.png", folder / "other.jpg", "--net", folder / "run", "--steps", "6", *common)
    assert "x-0004.png" in {p.name for p in tmp_path.iterdir()}


def test_a_picture_is_painted_in_the_style_of_another(capsys, folder, tmp_path):
    common = ("--net", folder / "run", "--size", "48", "--steps", "40", "-o", tmp_path / "x.png")
    found = told(capsys, "style", folder / "photo.png", folder / "other.jpg", *common)
    assert found["style"]["after"] < found["style"]["before"] / 3
    assert found["size"] == [32, 48]
    assert found["colours"] == "style"
    assert found["style_layers"]


def test_the_colours_of_the_content_are_kept_on_request(folder):
    kept = striate.style(
        folder / "photo.png", folder / "other.jpg", folder / "run", size=48, steps=8, colours="content"
    )
    taken = striate.style(folder / "photo.png", folder / "other.jpg", folder / "run", size=48, steps=8)
    with Image.open(folder / "photo.png") as image:
        wanted = image.resize((48, 32), Image.Resampling.BICUBIC)

    def hues(picture):
        _, blue, red = (
            torch.tensor(list(band.get_flattened_data())).float() for band in picture.convert("YCbCr").split()
        )
        return torch.stack([blue, red])

    away = [(hues(p) - hues(wanted)).abs().mean() for p in (kept.image, taken.image)]
    assert away[0] < 6
    assert away[0] < away[1] / 2


def test_a_class_is_found_by_name_number_and_nearly(folder):
    model = striate.load(folder / "run")
    assert [class_number(label, model.classes) for label in ("emu", "EMU", "great_white_shark", "1")] == [3, 3, 2, 1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--layer", "conv9_1"), "there is no layer called 'conv9_1'. Did you mean"),
        (("--class", "catt"), "there is no class called 'catt'. Did you mean cat"),
        (("--class", "7"), "there is no class called '7'. There are 4: cat, dog, great white shark, emu"),
        (("--class", "cat", "--layer", "conv1_1"), "--layer belongs to a layer and --class to a class"),
        (("--channel", "1", "--guide", "other.jpg"), "Leave --channel or --guide out"),
        (("--channel", "99999"), "has channels 0 to"),
        (("--size", "8"), "size is 8; it must be between 32 and 2048"),
        (("-o", "photo.png"), "which is a picture that is read"),
        (("-o", "dream.xyz"), "its name must end in .png"),
        (("-o", "nowhere/dream.png"), "there is no folder"),
        (("-o", "run.png"), "which is a folder"),
        (("--guide", "missing.png"), "missing.png: there is no such file"),
        (("--guide", "broken.png"), "broken.png"),
    ],
)
def test_mistakes_of_a_dream_cost_one_line(capsys, folder, monkeypatch, arguments, words):
    monkeypatch.chdir(folder)
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "run.png").mkdir(exist_ok=True)
    before = (folder / "photo.png").read_bytes()
    assert words in wrong(capsys, "dream", "run", "photo.png", "--steps", "1", *arguments)
    assert (folder / "photo.png").read_bytes() == before


def test_octaves_without_a_picture_are_told(capsys, folder):
    assert "--octaves are of a picture" in wrong(capsys, "dream", folder / "run", "--octaves", "3")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("missing.jpg",), "missing.jpg: there is no such file"),
        (("other.jpg", "--colours", "mine"), "colours is 'mine'; it must be one of style, content, matched"),
        (("other.jpg", "--layers", "conv1_1,conv9_9"), "there is no layer called 'conv9_9'"),
        (("other.jpg", "--layers", ","), "layers is empty"),
        (("other.jpg", "-o", "other.jpg"), "which is a picture that is read"),
        (("other.jpg", "--net", "efficientnet_lite9"), "Did you mean"),
    ],
)
def test_mistakes_of_a_style_cost_one_line(capsys, folder, monkeypatch, arguments, words):
    monkeypatch.chdir(folder)
    net = () if "--net" in arguments else ("--net", "run")
    assert words in wrong(capsys, "style", "photo.png", *arguments, *net, "--steps", "1")


def test_a_network_without_convolutions_says_so(capsys, tmp_path, folder):
    net = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 2))
    ready = Preprocess((3, 32, 32), (0.5,) * 3, (0.25,) * 3, "resize")
    model = Model(net, ("a", "b"), ready, Reference("python", "Sequential"))
    with pytest.raises(striate.StriateError, match="no convolution"):
        striate.dream(model, folder / "photo.png", size=32)
    with pytest.raises(striate.StriateError, match="no convolution"):
        striate.style(folder / "photo.png", folder / "other.jpg", model, size=32)
    assert striate.dream(model, class_="b", size=32, steps=5).after > 0


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="every folder can be written to")
def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_worked_out(capsys, folder, tmp_path):
    tmp_path.chmod(0o500)
    words = wrong(capsys, "dream", folder / "run", folder / "photo.png", "-o", tmp_path / "x.png")
    assert "cannot be written to" in words
