"""A run folder as a training leaves it, small and with known numbers, and the pages made of it."""

import base64
import io
import json
from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from striate.analysis.analyse import analyse
from striate.reports.page import ReportInput, write_report
from striate.run import Run

VOID = {"meta", "link", "img", "source", "br", "path", "rect", "line", "circle"}


def small_net(image=(1, 8, 8), classes=3):
    """conv-relu-pool-fc with weights that do not depend on the time of day."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        pixels = 4 * (image[1] // 2) * (image[2] // 2)
        return nn.Sequential(
            nn.Conv2d(image[0], 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(pixels, classes)
        )  # fmt: skip


def small_evaluation(image=(1, 8, 8), classes=3, right=95, wrong=5):
    """`right` right answers and `wrong` wrong ones, where class k is taken for k + 1; the mistakes are kept."""
    chance = torch.Generator().manual_seed(1)
    labels = torch.arange(right + wrong) % classes
    predicted = labels.clone()
    predicted[right:] = (labels[right:] + 1) % classes
    worst = torch.arange(right, right + min(wrong, 24))
    images = torch.randint(256, (len(worst) + 4, *image), generator=chance, dtype=torch.uint8)
    return {
        "labels": labels,
        "predicted": predicted,
        "probability": torch.full((right + wrong,), 0.75),
        "true_probability": torch.full((right + wrong,), 0.125),
        "worst_index": worst,
        "worst_images": images[: len(worst)].clone(),
        "sample_images": images[len(worst) :].clone(),
        "sample_labels": torch.arange(4) % classes,
    }


def small_log(epochs=2, steps=20):
    events = []
    for epoch in range(1, epochs + 1):
        for k in range(steps):
            step = (epoch - 1) * steps + k + 1
            events.append(
                {"event": "step", "step": step, "epoch": epoch, "loss": 2 / step, "accuracy": 1 - 1 / (step + 1)}
            )
        test = {"test_loss": 1 / epoch, "test_accuracy": 0.9 + 0.025 * epoch}
        events.append({"event": "epoch", "epoch": epoch, "loss": 0.5, "accuracy": 0.8, **test})
    return [*events, {"event": "done", "stopped": False}]


@dataclass
class Page(HTMLParser):
    """What a browser would make of a page: text, elements, and the addresses it would ask for."""

    html: str
    words: list = field(default_factory=list)
    elements: list = field(default_factory=list)
    open: list = field(default_factory=list)

    def __post_init__(self):
        super().__init__()
        self.feed(self.html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag, attributes):
        self.words.append(" ")
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        self.words.append(" ")
        assert self.open[-1:] == [tag], f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        """The words of the page with plain single spaces."""
        return " ".join("".join(self.words).replace("\u202f", " ").replace("\u00a0", " ").split())

    def all(self, tag, **attributes):
        """The attributes of every `tag` whose attributes are as given."""
        return [a for t, a in self.elements if t == tag and all(a.get(k) == v for k, v in attributes.items())]


@pytest.fixture
def colours_of():
    """(h, w, 3) of the PNG in a data address, as whole numbers 0..255."""

    def read(address):
        data = base64.b64decode(address.removeprefix("data:image/png;base64,"), validate=True)
        return numpy.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)

    return read


@pytest.fixture
def make_run(tmp_path):
    """Write a run folder; what is given replaces the small run's own."""

    def make(*, image=(1, 8, 8), classes=("cat", "dog", "eel"), evaluation=None, log=None, facts=None):
        run = Run(tmp_path)
        run.config.write_text('data = "animals"\nepochs = 2\n')
        card = {"network": {"kind": "zoo", "text": "small"}, "image": list(image), "classes": list(classes)}
        card["facts"] = (
            {"seconds": 12.5, "seed": 7, "data": "animals", "training_examples": 900} if facts is None else facts
        )
        (tmp_path / "model.json").write_text(json.dumps({**card, "sha256": "ab" * 32}))
        tensors = small_evaluation(image, len(classes)) if evaluation is None else evaluation
        if tensors:
            save_file(tensors, run.evaluation)
        lines = [json.dumps(event) for event in (small_log() if log is None else log)]
        run.log.write_text("\n".join(lines) + "\n")
        return run

    return make


@pytest.fixture
def make_page():
    """The page of a run with a given network."""

    def make(run, net=None, *, title="small on animals", commands=("striate report here",)):
        card = json.loads((run.folder / "model.json").read_text())
        image, classes = tuple(card["image"]), len(card["classes"])
        net = small_net(image, classes) if net is None else net
        source = ReportInput(net, lambda x: x.float() / 255 - 0.5, analyse(net, image), title, commands)
        return Page(write_report(run, source).read_text())

    return make
