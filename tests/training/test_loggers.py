"""The log in other places; it is the same log."""

import signal
from importlib.util import find_spec

import pytest

import striate
from striate.errors import ConfigError
from striate.training.events import Step


def stopped(data, run, place):
    """The folder of a training of two epochs that was asked to stop within the second."""
    seen = []

    def tell(event):
        if isinstance(event, Step) and event.epoch == 2 and not seen:
            seen.append(event)
            signal.raise_signal(signal.SIGTERM)

    result = striate.train(data, "simple_cnn", run=run, epochs=2, log_to=place, tell=tell)
    assert result.stopped_by == signal.SIGTERM
    return run


@pytest.mark.parametrize("place", ["tensorboard", "mlflow"])
def test_a_package_that_is_missing_is_named_with_its_command_before_anything_is_written(place, few_digits, tmp_path):
    if find_spec(place) is not None:
        pytest.skip(f"{place} is installed")
    with pytest.raises(ConfigError, match=rf"Run: pip install 'striate\[{place}\]'"):
        striate.train(few_digits, "simple_cnn", run=tmp_path / "run", epochs=1, log_to=place)
    assert not (tmp_path / "run").exists()


@pytest.mark.filterwarnings("ignore")
def test_tensorboard_gets_every_epoch(few_digits, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    result = striate.train(few_digits, "simple_cnn", run=tmp_path / "run", epochs=2, log_to="tensorboard")
    read = EventAccumulator(str(result.run.folder / "tensorboard"))
    read.Reload()
    ours = [event["test_accuracy"] for event in result.run.events() if event["event"] == "epoch"]
    assert [scalar.value for scalar in read.Scalars("epoch/test_accuracy")] == pytest.approx(ours)


@pytest.mark.filterwarnings("ignore")
def test_mlflow_gets_every_epoch_in_a_database_beside_the_run(few_digits, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    result = striate.train(few_digits, "simple_cnn", run=tmp_path / "run", epochs=2, log_to="mlflow")
    assert (tmp_path / "mlflow.db").exists()
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (experiment,) = [each for each in client.search_experiments() if each.name == "striate"]
    (found,) = client.search_runs([experiment.experiment_id])
    ours = [event["loss"] for event in result.run.events() if event["event"] == "epoch"]
    assert [m.value for m in client.get_metric_history(found.info.run_id, "epoch/loss")] == pytest.approx(ours)
    assert found.data.params["net"] == "simple_cnn"


@pytest.mark.filterwarnings("ignore")
def test_a_run_that_goes_on_is_the_same_run_in_mlflow(few_digits, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    run = stopped(few_digits, tmp_path / "run", "mlflow")
    striate.train(few_digits, "simple_cnn", resume=run)
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (experiment,) = [each for each in client.search_experiments() if each.name == "striate"]
    (found,) = client.search_runs([experiment.experiment_id])
    assert [m.step for m in client.get_metric_history(found.info.run_id, "epoch/loss")] == [1, 2]


@pytest.mark.filterwarnings("ignore")
def test_steps_that_are_taken_again_are_in_tensorboard_once(few_digits, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = stopped(few_digits, tmp_path / "run", "tensorboard")
    striate.train(few_digits, "simple_cnn", resume=run)
    read = EventAccumulator(str(run / "tensorboard"))
    read.Reload()
    steps = [scalar.step for scalar in read.Scalars("step/loss")]
    assert steps == sorted(set(steps))
