"""A training from data to run folder: what it leaves, that it repeats, and how it stops."""

import json
import signal

import pytest
import torch
from torch import nn

import striate
from striate.errors import ConfigError, RunError, ShapeError, WeightsError
from striate.model import load
from striate.run import Run
from striate.training.choices import slug
from striate.training.events import Done, Epoch, Started, Step
from striate.training.loop import Diverged, batches
from striate.training.schedule import rate_of


@pytest.fixture(scope="module")
def trained(few_digits, tmp_path_factory):
    events = []
    run = tmp_path_factory.mktemp("runs") / "lenet"
    result = striate.train(few_digits, "lenet5", run=run, epochs=12, batch_size=32, tell=events.append)
    return result, events


def test_a_few_seconds_of_600_digits_teach_lenet5_far_more_than_chance(trained):
    assert trained[0].accuracy > 0.85  # ten classes: chance is 0.10


def test_a_run_folder_holds_all_of_a_training(trained):
    folder = trained[0].run.folder
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [
            "checkpoints",
            "config.toml",
            "evaluation.safetensors",
            "log.jsonl",
            "model.json",
            "model.safetensors",
            "report.html",
        ]
    )


def test_the_card_says_what_the_model_is(trained):
    card = json.loads((trained[0].run.folder / "model.json").read_text())
    assert card["network"] == {"kind": "zoo", "text": "lenet5"}
    assert card["image"] == [1, 28, 28]
    assert card["classes"] == [str(digit) for digit in range(10)]
    assert card["facts"]["parameters"] == 61_706
    assert card["facts"]["accuracy"] == trained[0].accuracy
    low, high = card["facts"]["accuracy_interval"]
    assert low < card["facts"]["accuracy"] < high


def test_the_log_tells_the_start_steps_epochs_and_the_end(trained):
    result, events = trained
    logged = list(result.run.events())
    assert logged == [event.as_json() for event in events]
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Done)
    assert [e.epoch for e in events if isinstance(e, Epoch)] == list(range(1, 13))
    steps = [e.step for e in events if isinstance(e, Step)]
    assert steps == sorted(steps)
    assert result.steps == 12 * len(batches(events[0].examples, 32))


def test_the_saved_model_answers_as_the_trained_one_did(trained, few_digits):
    again = load(trained[0].run.folder)
    assert torch.equal(again.probabilities(few_digits.test.images), trained[0].evaluation.probabilities)


def test_the_written_configuration_starts_the_same_run_again(trained, few_digits, tmp_path):
    recipe = trained[0].run.config
    again = striate.train(few_digits, run=tmp_path / "again", recipe=recipe)
    ours, theirs = again.model.net.state_dict(), trained[0].model.net.state_dict()
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)


def test_another_seed_ends_with_other_weights(few_digits, tmp_path):
    first, second = (
        striate.train(few_digits, "simple_cnn", run=tmp_path / str(seed), epochs=1, seed=seed).model.net.fc.weight
        for seed in (0, 1)
    )
    assert not torch.equal(first, second)


def test_the_callers_own_random_numbers_do_not_change_a_training(few_digits, tmp_path):
    weights = []
    for noise in (1, 2):
        torch.manual_seed(noise)
        run = tmp_path / str(noise)
        weights.append(striate.train(few_digits, "simple_cnn", run=run, epochs=1).model.net.fc.weight)
    assert torch.equal(*weights)


def test_a_module_of_ones_own_is_trained_but_its_file_cannot_start_code(few_digits, tmp_path):
    def mine(image, classes):
        return nn.Sequential(nn.Conv2d(image[0], 4, 5, 2), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 12 * 12, classes))

    result = striate.train(few_digits, mine, run=tmp_path / "run", epochs=1)
    with pytest.raises(ConfigError, match="is Python code .*, which no file may start"):
        load(result.run.folder)
    assert torch.equal(
        load(result.run.folder, net=mine).probabilities(few_digits.test.images), result.evaluation.probabilities
    )


def test_lenet5_of_1998_gets_its_28_pixel_digits_padded_to_32(few_digits, tmp_path):
    result = striate.train(few_digits, "lenet5_1998", run=tmp_path / "run", epochs=1)
    assert result.model.preprocess.image == (1, 32, 32)
    assert result.model.preprocess.fit == "pad"
    assert result.model.facts["parameters"] == 60_000


def test_a_stop_finishes_the_step_saves_the_model_and_says_which_signal(few_digits, tmp_path):
    def stop_at_the_second_step(event):
        if isinstance(event, Step) and event.step == 2:
            signal.raise_signal(signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    result = striate.train(
        few_digits, "simple_cnn", run=tmp_path / "run", epochs=50, batch_size=64, tell=stop_at_the_second_step
    )
    assert result.stopped_by == signal.SIGTERM
    assert result.steps <= 3
    assert signal.getsignal(signal.SIGTERM) is before
    assert load(result.run.folder).facts["stopped"] is True
    assert list(result.run.events())[-1]["stopped"] is True


def test_a_loss_that_is_no_number_stops_the_training_and_says_what_to_try(few_digits, tmp_path):
    words = r"step \d+: the (loss|length of the gradient) is (nan|inf); .* Try a lower --rate than 100"
    with pytest.raises(Diverged, match=words):
        striate.train(few_digits, "lenet5", run=tmp_path / "run", epochs=3, rate=100.0, clip=1e30)


def test_a_run_is_never_overwritten_unasked(trained, few_digits):
    with pytest.raises(RunError, match="holds a run already. Give another folder, or --overwrite"):
        striate.train(few_digits, "simple_cnn", run=trained[0].run.folder, epochs=1)


def test_a_folder_of_something_else_is_never_touched(few_digits, tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match=r"holds thesis\.tex, which is not of a run"):
        striate.train(few_digits, "simple_cnn", run=tmp_path, epochs=1, overwrite=True)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["thesis.tex"]


def test_mistakes_are_found_before_the_run_folder_is_made(few_digits, tmp_path):
    for wrong in ({"net": "lenet55"}, {"net": "lenet5", "image": "1x4x4"}, {"net": "lenet5", "rate": -1.0}):
        with pytest.raises(striate.StriateError):
            striate.train(few_digits, run=tmp_path / "run", **wrong)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("net", "settings", "words"),
    [
        ("pool-gap", {}, r"the network has nothing to learn"),
        (
            "conv 8-gap",
            {},
            r"gives 8 for a picture; it must give 10, one for each class\. End it with a fully connected",
        ),
        ("conv 8", {}, r"gives 8x28x28 for a picture; it must give 10"),
        (
            "conv-gap-bn-fc",
            {"batch_size": 1},
            r"batch_size is 1, but row 'norm1' \(BatchNorm1d\) .* at least 2 pictures",
        ),
        (
            nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.LSTM(1352, 10)),
            {},
            r"gives tuple; it must give one tensor",
        ),
    ],
)
def test_a_network_that_cannot_learn_these_pictures_is_told_before_anything_is_written(
    few_digits, tmp_path, net, settings, words
):
    with pytest.raises(ConfigError, match=words):
        striate.train(few_digits, net, run=tmp_path / "run", epochs=1, **settings)
    assert not (tmp_path / "run").exists()


def test_a_size_the_network_cannot_take_names_row_size_and_what_fits(few_digits, tmp_path):
    with pytest.raises(ShapeError, match=r"lenet5 cannot take 1x8x8: row 'conv2': .*window of 5.* made for 1x28x28"):
        striate.train(few_digits, "lenet5", run=tmp_path / "run", image="8")


def test_a_damaged_model_is_refused_by_name(trained, tmp_path):
    whole = trained[0].run.weights.read_bytes()
    file = tmp_path / "model.safetensors"
    for at in (len(whole) - 1, len(whole) // 2):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(WeightsError, match=r"model\.safetensors: is damaged"):
            load(file)
    for cut in (0, 4, 100, len(whole) - 7):
        file.write_bytes(whole[:cut])
        with pytest.raises(WeightsError, match=r"model\.safetensors: (is|has)"):
            load(file)


def test_a_log_whose_last_line_was_cut_short_is_read_up_to_there(trained, tmp_path):
    lines = trained[0].run.log.read_bytes()
    (tmp_path / "log.jsonl").write_bytes(lines[:-10])
    assert len(list(Run.open(tmp_path).events())) == len(lines.splitlines()) - 1


def test_the_lectures_48000_pictures_in_batches_of_100_are_480_iterations():
    assert len(batches(48_000, 100)) == 480


@pytest.mark.parametrize("examples", range(2, 40))
def test_every_picture_is_in_one_batch_and_none_is_alone(examples):
    found = batches(examples, 4)
    assert [i for part in found for i in range(part.start, part.stop)] == list(range(examples))
    assert all(part.stop - part.start > 1 for part in found)


def test_one_cycle_rises_once_to_the_highest_rate_and_falls_without_reaching_zero():
    rates = [rate_of(step, 100, 0.3, "one-cycle") for step in range(100)]
    top = rates.index(max(rates))
    assert max(rates) == pytest.approx(0.3)
    assert rates[: top + 1] == sorted(rates[: top + 1])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] > 0


def test_slugs_are_one_plain_part_of_a_path():
    assert slug("../../etc/passwd-mnist") == "passwd-mnist"
    assert slug("net.py:function-x") == "net-function-x"
    assert slug("???") == "run"
