import pytest
import torch
from safetensors.torch import load_file, save_file

from striate.errors import RunError
from striate.reports.record import read
from striate.run import Run


def changed(run, **tensors):
    save_file({**load_file(run.evaluation), **tensors}, run.evaluation)
    return run


def test_a_run_is_read_as_it_was_written(make_run):
    record = read(make_run())
    assert record.classes == ("cat", "dog", "eel")
    assert (len(record.steps), len(record.epochs), record.epoch_ends) == (40, 2, (20, 40))
    assert record.finished
    assert record.answers is not None
    assert len(record.answers.labels) == 100


def test_a_log_that_was_cut_off_in_its_last_line_is_read_up_to_there(make_run):
    run = make_run()
    run.log.write_text(run.log.read_text()[:-20])
    record = read(run)
    assert len(record.epochs) == 2
    assert not record.finished


@pytest.mark.parametrize("name", ["config.toml", "model.json"])
def test_a_missing_file_is_named(make_run, name):
    run = make_run()
    (run.folder / name).unlink()
    with pytest.raises(RunError, match=rf"{name}: is missing. Give the folder of a run that has saved its model"):
        read(run)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{\n"classes": [', "line 2 is not JSON"),
        ("[]", "needs the list 'classes'"),
        ('{"classes": ["a"], "image": 3, "facts": {}}', "needs the list 'image'"),
        ('{"classes": ["a"], "image": [1], "facts": []}', "needs the table 'facts'"),
    ],
)
def test_a_damaged_card_is_named_with_what_is_wrong_in_it(make_run, text, problem):
    run = make_run()
    (run.folder / "model.json").write_text(text)
    with pytest.raises(RunError, match=f"model.json: {problem}"):
        read(run)


def test_a_truncated_evaluation_is_refused(make_run):
    run = make_run()
    run.evaluation.write_bytes(run.evaluation.read_bytes()[:100])
    with pytest.raises(RunError, match=r"evaluation.safetensors: cannot be read \(.*\). Evaluate the run again."):
        read(run)


@pytest.mark.parametrize(
    ("tensors", "problem"),
    [
        ({"predicted": torch.zeros(99).long()}, r"'predicted' is \(99,\), but there are 100 labels"),
        ({"labels": torch.full((100,), 3)}, "'labels' goes beyond the 3 classes of model.json"),
        ({"predicted": torch.full((100,), -1)}, "'predicted' goes beyond the 3 classes"),
        ({"worst_index": torch.tensor([100, 0, 0, 0, 0])}, "'worst_index' does not fit its 5 pictures"),
        ({"worst_index": torch.tensor([1])}, "'worst_index' does not fit its 5 pictures"),
        ({"sample_labels": torch.tensor([0, 1, 2, 3])}, "'sample_labels' do not fit their 4 pictures and 3 classes"),
    ],
)
def test_an_evaluation_that_does_not_fit_is_refused(make_run, tensors, problem):
    with pytest.raises(RunError, match=f"evaluation.safetensors: {problem}"):
        read(changed(make_run(), **tensors))


def test_an_evaluation_with_a_part_missing_is_refused(make_run):
    run = make_run()
    tensors = load_file(run.evaluation)
    del tensors["probability"]
    save_file(tensors, run.evaluation)
    with pytest.raises(RunError, match="holds no 'probability'"):
        read(run)


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RunError, match=r"model.json: is missing"):
        read(Run(tmp_path / "nowhere"))
