"""The loaders of a training stay open, and what was read once is kept where it fits."""

import pytest
import torch

import striate
from striate.data.loader import Loader
from striate.data.preprocess import Preprocess
from striate.data.read import read
from striate.settings import checked
from striate.training.config import TrainConfig
from striate.training.reading import Reading

PREPARED = Preprocess((1, 8, 8), (0.5,), (0.5,), "resize")


@pytest.fixture
def folder(tmp_path):
    """Small pictures of two classes, in parts that have names."""
    from PIL import Image

    draw = torch.Generator().manual_seed(0)
    for part, count in (("train", 12), ("test", 6)):
        for number in range(count):
            file = tmp_path / "set" / part / "ab"[number % 2] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(torch.randint(256, (8, 8), generator=draw).to(torch.uint8).numpy()).save(file)
    return tmp_path / "set"


def config(**values):
    return checked(TrainConfig, {"data": "", **values}, where="test")


def test_a_part_has_one_loader_until_the_training_ends(folder):
    data = read(folder)
    with Reading(config(), 1, lambda text: None) as reading:
        first = reading.of(data.train, PREPARED)
        assert reading.of(data.train, PREPARED) is first
        assert reading.of(data.test, PREPARED) is not first
        assert sum(len(batch.index) for batch in first.batches([torch.arange(4)])) == 4
    with pytest.raises(striate.StriateError, match="is closed"):
        list(first.batches([torch.arange(4, 8)]))


def test_the_parts_share_the_memory_and_one_that_does_not_fit_leaves_it_to_the_next(folder, monkeypatch):
    given = []
    usual = Loader.__init__

    def noted(self, *args, memory=None, **more):
        given.append(memory)
        usual(self, *args, memory=memory, **more)

    monkeypatch.setattr(Loader, "__init__", noted)
    monkeypatch.setattr("striate.training.reading.default_memory", lambda: 1600)
    data = read(folder)
    with Reading(config(), 2, lambda text: None) as reading:
        for part in (data.train, data.test):
            reading.of(part, PREPARED)
        reading.of(data.whole(), PREPARED)
    assert (len(data.train), len(data.test)) == (12, 6)  # 64 bytes each
    assert given == [800, 32, 32]


def test_held_out_pictures_are_read_once_and_files_that_vanish_after_that_only_leave_the_report(folder, tmp_path):
    def tell(event):
        if event.event == "epoch" and event.epoch == 1:
            for file in folder.glob("test/*/*.png"):
                file.unlink()

    result = striate.train(folder, "simple_cnn", run=tmp_path / "run", image=(1, 8, 8), epochs=3, tell=tell)
    assert result.model.facts["unreadable"] == 0
    assert len(result.evaluation.labels) == 6
