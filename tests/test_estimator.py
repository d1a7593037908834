"""The classifier as scikit-learn knows classifiers."""

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

from striate import ConvNetClassifier
from striate.errors import ConfigError, DataError

PLAIN = {"precision": "float32", "threads": 1, "memory_format": "channels_first", "shift": 0}


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:900], y[:900], X[900:1200], y[900:1200]


def small(**values):
    return ConvNetClassifier("[conv-relu]*2-pool-fc", image="1x8x8", **{"epochs": 8, "settings": PLAIN, **values})


@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks_pass():
    """On rows of any numbers, which become pictures of one line."""
    settings = {**PLAIN, "label_smoothing": 0.0}
    results = check_estimator(ConvNetClassifier("fc", epochs=60, batch_size=16, settings=settings), on_fail=None)
    assert [r["check_name"] for r in results if r["status"] == "failed"] == []
    assert sum(r["status"] == "passed" for r in results) > 50


def test_flat_rows_pictures_and_channels_last_are_the_same_pictures(digits):
    X, y, later, _ = digits
    flat = small(epochs=1).fit(X, y).predict_proba(later)
    square = small(epochs=1).fit(X.reshape(-1, 8, 8), y).predict_proba(later.reshape(-1, 8, 8))
    last = small(epochs=1).fit(X.reshape(-1, 8, 8, 1), y).predict_proba(later.reshape(-1, 8, 8, 1))
    assert np.array_equal(flat, square)
    assert np.array_equal(flat, last)
    assert np.allclose(flat.sum(1), 1)


def test_it_learns_digits_and_gives_labels_of_any_kind(digits):
    X, y, later, truth = digits
    names = np.array(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    found = small().fit(X, names[y])
    assert found.score(later, names[truth]) > 0.85
    assert sorted(found.classes_) == sorted(names)


def test_it_works_in_a_pipeline_and_a_grid_search(digits):
    X, y, later, truth = digits
    steps = make_pipeline(MinMaxScaler(), FunctionTransformer(lambda x: np.clip(x, 0, 1)), small(epochs=4))
    search = GridSearchCV(steps, {"convnetclassifier__rate": [1e-4, 0.1]}, cv=2).fit(X, y)
    assert search.best_params_ == {"convnetclassifier__rate": 0.1}
    assert search.score(later, truth) > 0.7


def test_the_same_seed_gives_the_same_model_and_a_clone_is_unfitted(digits):
    X, y, later, _ = digits
    first = small(epochs=1).fit(X, y)
    again = clone(first)
    assert not hasattr(again, "model_")
    assert np.array_equal(first.predict_proba(later), again.fit(X, y).predict_proba(later))


def test_a_run_is_kept_where_one_is_named(digits, tmp_path):
    X, y, *_ = digits
    small(epochs=1, run=tmp_path / "run").fit(X, y)
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_mistakes_are_one_line(digits):
    X, y, *_ = digits
    with pytest.raises(ConfigError, match="image is 1x9x9, but the rows of X have 64 numbers"):
        ConvNetClassifier("fc", image="1x9x9").fit(X, y)
    with pytest.raises(ConfigError, match="ConvNetClassifier: there is no setting 'epoch'. Did you mean epochs"):
        ConvNetClassifier("fc", settings={"epoch": 3}).fit(X, y)
    with pytest.raises(DataError, match="X has shape"):
        ConvNetClassifier("fc").fit(X.reshape(-1, 2, 2, 4, 4), y)
