"""The log in other places; it is the same log."""

from importlib.util import find_spec

import pytest

import striate
from striate.errors import ConfigError


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
