"""Explained answers in a report: which pictures, how many, and maps that lie where the cause is."""

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from striate.analysis.analyse import analyse
from striate.data.preprocess import Preprocess
from striate.reports.page import ReportInput, write_report
from striate.reports.record import read
from striate.reports.why import affordable, whys
from striate.zoo import networks


def bright_net():
    """Answers "cat" for what is bright, else "dog": the mean of what is above the middle."""
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 3))
    with torch.no_grad():
        net[0].weight.fill_(1.0)
        net[0].bias.zero_()
        net[4].weight.copy_(torch.tensor([[60.0], [0.0], [0.0]]))
        net[4].bias.copy_(torch.tensor([0.0, 1.0, -5.0]))
    return net


def bright(make_run, *, corner=(1, 2), labels=(0, 1, 0)):
    """A run whose samples are dark with a bright square (the first), and dark (the others); one mistake is kept."""
    samples = torch.zeros(3, 1, 16, 16, dtype=torch.uint8)
    samples[1, :, 7, 7] = 2  # else it would be the picture before it
    samples[2, :, 8, 8] = 1
    y, x = corner
    samples[0, :, y : y + 4, x : x + 4] = 255
    evaluation = {
        "labels": torch.tensor([0, 1, 0]), "predicted": torch.tensor([0, 1, 1]), "probability": torch.full((3,), 0.8),
        "true_probability": torch.full((3,), 0.5), "worst_index": torch.tensor([2]), "worst_images": samples[2:],
        "sample_images": samples[:2], "sample_labels": torch.tensor(labels[:2]),
    }  # fmt: skip
    return make_run(image=(1, 16, 16), evaluation={name: value.clone() for name, value in evaluation.items()})


def explained(run, net, preprocess=None):
    record = read(run)
    ready = tuple(images.float() / 255 - 0.5 for images in (record.samples, record.answers.worst_images))
    return whys(net, ready, record, analyse(net, (1, 16, 16)), preprocess)


def test_right_and_wrong_answers_are_explained_with_grades(make_run):
    found = explained(bright(make_run), bright_net())
    assert [(one.truth, one.answer, one.right) for one in found.shown] == [
        ("cat", "cat", True), ("dog", "dog", True), ("cat", "dog", False),
    ]  # fmt: skip
    assert found.layer == "1"
    assert all(one.grade.startswith("deletion ") for one in found.shown)
    assert all(one.verdict.startswith(("passes", "fails", "undecided")) for one in found.shown)


@pytest.mark.parametrize(("preprocess", "shift"), [(None, 0), ("padded", 2)])
def test_the_map_is_coloured_where_the_cause_is(make_run, colours_of, preprocess, shift):
    run, net = bright(make_run, corner=(9, 3)), bright_net()
    padded = Preprocess((1, 20, 20), (0.5,), (1.0,), "pad", content=(16, 16))
    if preprocess is None:
        found = explained(run, net)
    else:
        record = read(run)
        ready = tuple(padded.normalise(padded.pixels(x)) for x in (record.samples, record.answers.worst_images))
        found = whys(net, ready, record, analyse(net, (1, 20, 20)), padded)
    pixels = colours_of(found.shown[0].map.light)
    blue = torch.from_numpy(pixels[..., 2] - pixels[..., 0]).double().clamp(min=0)
    side = pixels.shape[0] / 16
    y, x = (float((blue.sum(1 - axis) * torch.arange(len(blue))).sum() / blue.sum()) / side for axis in (0, 1))
    assert (y, x) == (pytest.approx(11, abs=0.7), pytest.approx(5, abs=0.7))


def test_the_page_has_the_section_with_its_numbers(make_run, make_page):
    page = make_page(bright(make_run), bright_net())
    assert page.all("section", id="why")
    assert "by Grad-CAM at layer 1" in page.text
    assert "cat , rightly" in page.text
    assert "randomisation 0." in page.text
    assert "cat taken for dog" in page.text


def test_a_network_without_convolutions_says_so(make_run, make_page):
    page = make_page(make_run(), nn.Sequential(nn.Flatten(), nn.Linear(64, 3)))
    assert "This network has no convolution, so there are no maps for Grad-CAM to look at." in page.text


class Counts(nn.Module):
    """A network whose answer has no slope."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 3, 3)

    def forward(self, x):
        return torch.from_numpy(self.conv(x).detach().numpy()).mean((2, 3))


def test_what_cannot_be_explained_is_said_and_the_page_is_written(make_run, make_page):
    page = make_page(make_run(), Counts())
    assert "The answers could not be explained: the answer of Counts cannot be followed back" in page.text
    assert page.all("section", id="mixed")


def test_a_run_that_kept_no_picture_has_no_section(make_run, make_page):
    page = make_page(make_run(evaluation={}))
    assert not page.all("section", id="why")


def test_a_stopped_run_without_answers_explains_its_samples(make_run, make_page):
    run = bright(make_run)
    kept = {name: value for name, value in load_file(run.evaluation).items() if name.startswith("sample_")}
    save_file(kept, run.evaluation)
    page = make_page(run, bright_net())
    assert "dog , rightly" in page.text
    assert not page.all("section", id="confidence")


@pytest.mark.parametrize(
    ("name", "pictures", "graded"), [("lenet5", 12, True), ("resnet18", 2, True), ("vgg16", 2, False)]
)
def test_larger_networks_explain_fewer_pictures(name, pictures, graded):
    image = networks[name].facts.image
    with torch.device("meta"):
        net = networks[name]()
    number, steps = affordable(analyse(net, image))
    assert (number, steps > 0) == (pictures, graded)


def test_explaining_leaves_the_network_as_it_was(make_run):
    net = bright_net().train()
    before = {key: value.clone() for key, value in net.state_dict().items()}
    explained(bright(make_run), net)
    assert all(layer.training for layer in net.modules())
    assert all(value.equal(before[key]) for key, value in net.state_dict().items())
    assert all(p.requires_grad and p.grad is None for p in net.parameters())


def test_a_report_of_224_pixel_pictures_stays_within_8_megabytes(make_run):
    draw = torch.Generator().manual_seed(0)
    noise = torch.randint(256, (45, 3, 224, 224), generator=draw, dtype=torch.uint8)
    labels, predicted = torch.randint(10, (2, 400), generator=draw)
    wrong = (labels != predicted).nonzero()[:, 0]
    run = make_run(
        image=(3, 224, 224),
        classes=tuple(f"class {k}" for k in range(10)),
        evaluation={
            "labels": labels, "predicted": predicted, "probability": torch.rand(400, generator=draw),
            "true_probability": torch.rand(400, generator=draw), "worst_index": wrong[:24],
            "worst_images": noise[:24].clone(), "sample_images": noise[24:33].clone(),
            "sample_labels": torch.arange(9), "suspicious_index": wrong[:12].clone(),
            "suspicious_suggestion": predicted[wrong[:12]], "suspicious_own": torch.rand(12, generator=draw),
            "suspicious_probability": torch.rand(12, generator=draw), "suspicious_images": noise[33:].clone(),
        },
    )  # fmt: skip
    net = nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10),
    )  # fmt: skip
    source = ReportInput(net, lambda x: x.float() / 255 - 0.5, analyse(net, (3, 224, 224)), "noise")
    page = write_report(run, source).read_text()
    assert page.count("Picture of what spoke for") >= 4
    assert page.count("looks like") >= 12
    assert len(page.encode()) < 8_000_000
