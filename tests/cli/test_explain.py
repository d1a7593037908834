"""`striate explain` as a person and as a program meet it: sheets, grades, and mistakes."""

import json
import os

import pytest
import torch
from PIL import Image
from test_commands import run, wrong
from torch import nn

import striate
from striate.data.preprocess import Preprocess
from striate.explain.target_layer import target_layer
from striate.model import Model
from striate.networks import Reference, build
from striate.verbs.explain import explain
from striate.verbs.explain_answer import drawn, looked, veiled

NOTATION = "[(conv-relu)*2-pool]*2-fc"
EXACTLY = ("method", "layer", "target", "deletion", "insertion", "randomisation", "file")
SIZE = (60, 100)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run of a small network for colour pictures, a photograph, and a data set of two classes."""
    folder = tmp_path_factory.mktemp("explain")
    torch.manual_seed(0)
    net = build(NOTATION, (3, 32, 32), 2)
    nn.init.normal_(list(net.modules())[-1].weight, std=0.3)  # answers that differ from picture to picture
    (folder / "run").mkdir()
    Model(net, ("red", "green"), centre(), Reference("notation", NOTATION)).save(folder / "run")
    Image.fromarray(photo().permute(1, 2, 0).numpy()).save(folder / "photo.png")
    draw = torch.Generator().manual_seed(1)
    for k, name in enumerate(("red", "green")):
        (folder / "data" / name).mkdir(parents=True)
        for number in range(8):
            pixels = torch.randint(60, (40, 40, 3), generator=draw, dtype=torch.uint8)
            pixels[4 + 2 * number :, 4 : 14 + 2 * number, k] = 220
            Image.fromarray(pixels.numpy()).save(folder / "data" / name / f"{number}.png")
    return folder


def centre():
    return Preprocess((3, 32, 32), (0.5,) * 3, (0.25,) * 3, "centre", resize=36)


def photo(red=(12, 24, 60, 72)):
    """(3, 60, 100) uint8: grey, with a red square at (top, bottom, left, right)."""
    draw = torch.Generator().manual_seed(0)
    grey = torch.randint(90, 110, (1, *SIZE), generator=draw, dtype=torch.uint8).repeat(3, 1, 1)
    top, bottom, left, right = red
    grey[:, top:bottom, left:right] = torch.tensor([230, 20, 20], dtype=torch.uint8)[:, None, None]
    return grey


def red_model(fit=None):
    """A network that answers "red" where there is some: red less green, then the mean."""
    net = nn.Sequential(nn.Conv2d(3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(2, 2))
    with torch.no_grad():
        net[0].weight.copy_(torch.tensor([[1.0, -1.0, 0.0], [-1.0, 1.0, 0.0]])[..., None, None])
        net[0].bias.fill_(-0.5)
        net[4].weight.copy_(20 * torch.tensor([[1.0, -1.0], [-1.0, 1.0]]))
        net[4].bias.zero_()
    return Model(net, ("red", "green"), fit or centre(), Reference("python", "Sequential"))


def told(capsys, *arguments):
    code, out, err = run(capsys, *arguments, "--json")
    assert code == 0, err
    return json.loads(out.splitlines()[-1])


def test_one_map_is_told_with_its_grade_and_drawn_beside_both_baselines(capsys, folder, tmp_path):
    out = tmp_path / "why.png"
    found = told(capsys, "explain", folder / "run", folder / "photo.png", "--target", "green", "-o", out)
    assert set(EXACTLY) <= set(found)
    model = striate.load(folder / "run")
    ready = model.preprocess.normalise(model.preprocess.open(folder / "photo.png")[None])
    assert (found["method"], found["target"], found["file"]) == ("grad_cam", "green", str(out))
    assert found["layer"] == target_layer(model.net, ready)
    assert set(found["baselines"]) == {"centre_blob", "edge_detector"}
    assert found["verdict"].startswith(("passes", "fails", "undecided"))
    answer = model.predict([folder / "photo.png"])[0]
    assert (found["label"], found["probability"]) == (answer.label, pytest.approx(answer.probability))
    with Image.open(out) as image:
        assert image.width > 4 * 300  # the picture, the map, two baselines


def test_the_grades_are_those_of_the_python_face(capsys, folder, tmp_path):
    found = told(
        capsys, "explain", folder / "run", folder / "photo.png", "--method", "saliency", "-o", tmp_path / "x.png"
    )
    maps, grades = striate.load(folder / "run").explain([folder / "photo.png"], "saliency")
    assert maps.maps.shape == (1, 32, 32)
    for name in ("deletion", "insertion", "randomisation"):
        assert found[name] == pytest.approx(getattr(grades[0], name))


def test_several_pictures_are_a_list_and_a_sheet_each(capsys, folder, tmp_path):
    photos = (folder / "photo.png", folder / "data" / "red" / "1.png")
    found = told(capsys, "explain", folder / "run", *photos, "-o", tmp_path / "x.png")
    assert [one["file"] for one in found] == [str(tmp_path / "x-1.png"), str(tmp_path / "x-2.png")]
    assert [one["picture"] for one in found] == [str(photo) for photo in photos]
    assert all((tmp_path / f"x-{k}.png").exists() for k in (1, 2))


def test_all_methods_are_graded_in_one_sheet(capsys, folder, tmp_path):
    found = told(capsys, "explain", folder / "run", folder / "photo.png", "--all", "-o", tmp_path / "x.png")
    assert [one["method"] for one in found] == [
        "deconvnet", "grad_cam", "grad_cam_plus_plus", "guided_backpropagation", "integrated_gradients", "occlusion",
        "saliency", "smooth_grad",
    ]  # fmt: skip
    assert {one["file"] for one in found} == {str(tmp_path / "x.png")}
    assert len({json.dumps(one["baselines"]) for one in found}) == 1


@pytest.mark.parametrize(
    "fit", [centre(), Preprocess((3, 32, 32), (0.5,) * 3, (0.25,) * 3, "resize")], ids=["cropped", "squeezed"]
)
def test_the_map_lies_on_the_cause_at_the_pictures_own_proportions(fit, tmp_path):
    Image.fromarray(photo().permute(1, 2, 0).numpy()).save(tmp_path / "photo.png")
    model = red_model(fit)
    seen = looked(model, tmp_path / "photo.png")
    from striate.verbs.explain import ExplainSettings

    (one,), _ = drawn(model, seen.given, ExplainSettings("model"), "grad_cam", 0)
    values = seen.place.on_picture(one.values)
    assert values.shape == SIZE
    y, x = divmod(int(values.argmax()), SIZE[1])
    assert 11 <= y <= 25
    assert 59 <= x <= 73
    assert one.grade.passed, one.grade.verdict


def test_what_the_network_is_not_shown_is_pale(tmp_path):
    Image.fromarray(photo().permute(1, 2, 0).numpy()).save(tmp_path / "photo.png")
    seen = looked(red_model(), tmp_path / "photo.png")
    top, left, bottom, right = seen.place.seen
    shown = veiled(seen)
    assert shown[:, top:bottom, left:right].equal(photo()[:, top:bottom, left:right])
    assert int(shown[:, :, 0].min()) > 150
    assert "the bright part only, 47% of the picture" in seen.said  # (60 * 32 / 36)^2 of 60 * 100


def test_kernels_need_no_picture_and_random_weights_are_told(capsys, tmp_path):
    found = told(capsys, "explain", "lenet5", "--method", "kernels", "--layer", "conv2", "-o", tmp_path / "x.png")
    assert (found["kernels"], found["shape"]) == (16, [6, 5, 5])
    assert "its weights are random" in found["note"]
    assert (
        "its weights are random" in run(capsys, "explain", "lenet5", "--method", "kernels", "-o", tmp_path / "x.png")[1]
    )


def test_a_network_of_anybody_s_own_is_told_which_picture_it_takes(capsys, folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text("from torch import nn\n\ndef net():\n    return nn.Conv2d(3, 10, 5)\n")
    photo = folder / "photo.png"
    assert "Give --image, as 3x224x224" in wrong(capsys, "explain", "mine.py:net", photo)
    found = told(
        capsys, "explain", "mine.py:net", photo, "--image", "3x40x40", "--method", "activations", "-o", "x.png"
    )
    assert found["layers"] == [""]
    assert "its weights are random" in found["note"]
    assert "a run has its own classes and image" in wrong(capsys, "explain", folder / "run", photo, "--image", "64")


def test_activations_are_of_every_layer(capsys, folder, tmp_path):
    found = told(
        capsys, "explain", folder / "run", folder / "photo.png", "--method", "activations", "-o", tmp_path / "x.png"
    )
    leaves = [name for name, m in striate.load(folder / "run").net.named_modules() if not list(m.children())]
    assert found["layers"] == leaves
    assert (tmp_path / "x.png").exists()


def test_the_receptive_field_of_the_most_active_unit_lies_on_the_cause(tmp_path):
    Image.fromarray(photo().permute(1, 2, 0).numpy()).save(tmp_path / "photo.png")
    (found,) = explain(red_model(), [tmp_path / "photo.png"], method="receptive_field", layer="0")
    one = found.told[0]
    assert one["unit"][0] == 0
    assert one["size"] == [1, 1]
    box = one["box"]
    assert 11 <= box["top"] < box["bottom"] <= 25
    assert 59 <= box["left"] < box["right"] <= 73


def test_a_named_unit_sees_its_place(capsys, folder, tmp_path):
    arguments = ("explain", folder / "run", folder / "photo.png", "--method", "receptive-field", "--layer", "conv1")
    found = told(capsys, *arguments, "--unit", "0,10,10", "-o", tmp_path / "x.png")
    scale = 60 / 36  # of the 36 rows that are 60 pixels, the middle 32 are seen
    assert found["size"] == [3, 3]
    assert found["box"]["top"] == int((2 + 9) * scale)
    assert found["box"]["bottom"] == pytest.approx((2 + 12) * scale, abs=1)


def test_the_pictures_that_excite_the_red_channel_are_the_red_ones(folder):
    (found,) = explain(red_model(), method="exciting", data=folder / "data", layer="0", channel=0)
    one = found.told[0]
    assert one["pictures"] == 16
    assert [patch["label"] for patch in one["patches"][:8]] == ["red"] * 8
    values = [patch["value"] for patch in one["patches"]]
    assert values == sorted(values, reverse=True)
    assert values[0] == pytest.approx(220 / 255 / 0.25 - 0.5, abs=0.1)  # where green is nearly 0


def test_the_embedding_sets_the_classes_apart(capsys, folder, tmp_path):
    arguments = ("explain", folder / "run", "--method", "embedding", "--data", folder / "data")
    found = told(capsys, *arguments, "--projection", "tsne", "-o", tmp_path / "x.png")
    assert (found["pictures"], found["projection"], found["layer"]) == (16, "tsne", None)
    assert told(capsys, *arguments, "--most", "10", "-o", tmp_path / "x.png")["pictures"] == 10
    with Image.open(tmp_path / "x.png") as image:
        assert min(image.size) > 1000


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--layer", "convv1"), "there is no layer called 'convv1'. Did you mean conv1"),
        (("--layer", "zzz"), "`striate show [(conv-relu)*2-pool]*2-fc` lists them all"),
        (("--target", "rad"), "there is no class called 'rad'. Did you mean red"),
        (("--target", "7"), "there is no class called '7'. There are 2: red, green"),
        (("--method", "gradcamm"), "there is no explanation called 'gradcamm'. Did you mean grad_cam"),
        (("--method", "saliency", "--layer", "conv1"), "saliency looks at pixels and takes no layer"),
        (("--method", "saliency", "--all"), "--all draws every method, and --method is saliency"),
        (("--method", "kernels"), "kernels takes no picture"),
        (("--method", "exciting"), "exciting takes no picture, and photo.png is given; it takes a data set as --data"),
        (("--channel", "1"), "--channel belongs to exciting, and the method is grad_cam"),
        (("--method", "activations", "--target", "red"), "--target belongs to explanations of an answer"),
        (("--method", "receptive_field", "--unit", "1,2"), "it must be channel,row,column"),
        (("--method", "receptive_field", "--unit", "a,b,c"), "it must be channel,row,column"),
        (("--method", "receptive_field", "--unit", "9999,0,0"), "its channels are 0 to"),
        (("--weights", "imagenet"), "run is a run and has weights of its own"),
        (("-o", "photo.png"), "which is a picture that is read"),
        (("-o", "why.xyz"), "its name must end in .png"),
        (("-o", "nowhere/why.png"), "there is no folder"),
        (("broken.png",), "broken.png: is not a JPEG"),
        (("missing.png",), "missing.png: there is no such file"),
    ],
)
def test_mistakes_cost_one_line(capsys, folder, monkeypatch, arguments, words):
    monkeypatch.chdir(folder)
    (folder / "broken.png").write_bytes(b"no picture")
    before = (folder / "photo.png").read_bytes()
    assert words in wrong(capsys, "explain", "run", "photo.png", *arguments)
    assert (folder / "photo.png").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run",), "grad_cam needs a picture. Give one or more behind run"),
        (("run", "--method", "embedding"), "embedding needs pictures to look through"),
        (("run", "--method", "embedding", "--data", "nodata"), "There is no folder of that name either"),
        (("run", "--method", "exciting", "--data", "data", "--channel", "9999"), "has channels 0 to"),
        (("run", "--method", "kernels", "--layer", "relu1"), "has no kernels. Convolutions are conv1"),
        (("run", "--method", "kernels", "--layer", "conv7"), "there is no layer called 'conv7'. Did you mean"),
        (("nets/none-1", "--method", "kernels"), "Give the folder of a finished run"),
        (("lenet55", "--method", "kernels"), "Did you mean lenet5"),
        (("resnet18", "--method", "kernels", "--weights", "imagenet7"), "there are no weights called 'imagenet7'"),
    ],
)
def test_mistakes_without_a_picture_cost_one_line(capsys, folder, monkeypatch, arguments, words):
    monkeypatch.chdir(folder)
    assert words in wrong(capsys, "explain", *arguments)


@pytest.mark.parametrize("method", ["grad_cam", "kernels", "receptive_field", "exciting"])
def test_a_network_without_convolutions_says_which_methods_apply(folder, method):
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 2))
    model = Model(net, ("red", "green"), centre(), Reference("python", "Sequential"))
    files = [folder / "photo.png"] if method in ("grad_cam", "receptive_field") else []
    data = {"data": folder / "data"} if method == "exciting" else {}
    with pytest.raises(striate.StriateError, match=r"no convolution, .* saliency, smooth_grad, .* take any network"):
        explain(model, files, method=method, **data)


def test_all_methods_of_a_network_without_convolutions_are_those_that_apply(folder):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 2))
    model = Model(net, ("red", "green"), centre(), Reference("python", "Sequential"))
    (found,) = explain(model, [folder / "photo.png"], method="all")
    assert [one["method"] for one in found.told] == ["integrated_gradients", "occlusion", "saliency", "smooth_grad"]
    assert any(line.startswith("left out: grad_cam: Sequential has no convolution") for line in found.words)
    (sheet,) = explain(model, [folder / "photo.png"], method="activations")
    assert sheet.told[0]["layers"] == ["0", "1"]


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="every folder can be written to")
def test_a_folder_that_cannot_be_written_to_is_told_before_anything_is_worked_out(capsys, folder, tmp_path):
    tmp_path.chmod(0o500)
    words = wrong(capsys, "explain", folder / "run", folder / "photo.png", "-o", tmp_path / "x.png")
    assert "cannot be written to" in words
