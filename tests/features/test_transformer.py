import numpy as np
import pytest
import torch

from striate.errors import DataError

sklearn = pytest.importorskip("sklearn")
pandas = pytest.importorskip("pandas")


@pytest.fixture
def run(tmp_path):
    """The folder of a saved model: lenet5 with random weights."""
    from striate.data.preprocess import Preprocess
    from striate.model import Model
    from striate.networks import build, refer

    torch.manual_seed(0)
    preprocess = Preprocess((1, 32, 32), (0.5,), (0.5,), "resize")
    model = Model(build("lenet5", (1, 32, 32), 10).eval(), tuple("abcdefghij"), preprocess, refer("lenet5"))
    model.save(tmp_path)
    return str(tmp_path)


@pytest.fixture
def pictures():
    """Dark pictures and bright ones, grey: (n, h, w) uint8."""
    chance = np.random.default_rng(0)
    labels = np.arange(30) % 2
    return (chance.integers(0, 100, (30, 28, 28)) + 120 * labels[:, None, None]).astype(np.uint8), labels


def test_it_is_cloned_with_its_parameters_and_without_what_it_fitted(run, pictures):
    from sklearn.base import clone

    from striate.features.transformer import ConvNetFeatures

    fitted = ConvNetFeatures(run, layer="fc1").fit(pictures[0])
    assert fitted.get_params() == {"net": run, "weights": None, "layer": "fc1"}
    again = clone(fitted)
    assert again.get_params() == fitted.get_params()
    assert not hasattr(again, "model_")
    assert again.set_params(layer=None).layer is None


def test_features_are_those_of_the_model(run, pictures):
    from striate.features.transformer import ConvNetFeatures
    from striate.model import load

    step = ConvNetFeatures(run)
    assert len(step.fit(pictures[0]).get_feature_names_out()) == 84
    found = step.fit_transform(pictures[0])
    expected = load(run).features(torch.from_numpy(pictures[0][:, None]))
    assert found == pytest.approx(expected.numpy())
    assert found.dtype == np.float32
    assert list(step.get_feature_names_out())[:2] == ["f0", "f1"]
    assert len(step.get_feature_names_out()) == found.shape[1]


def test_channels_come_last_and_files_are_read(run, pictures, tmp_path):
    from PIL import Image

    from striate.features.transformer import ConvNetFeatures

    grey = pictures[0][:3]
    step = ConvNetFeatures(run).fit(grey)
    expected = step.transform(grey)
    assert step.transform(grey[..., None]) == pytest.approx(expected)
    assert step.transform(np.repeat(grey[..., None], 3, 3)) == pytest.approx(expected, abs=1e-5)
    files = [tmp_path / f"{i}.png" for i in range(3)]
    for file, picture in zip(files, grey, strict=True):
        Image.fromarray(picture).save(file)
    assert step.transform(files) == pytest.approx(expected)
    names = [str(file) for file in files]
    for given in (tuple(names), np.array(names), pandas.Series(names, index=[7, 3, 5])):
        assert step.transform(given) == pytest.approx(expected)


def test_many_pictures_have_the_features_that_they_have_alone(run, pictures):
    from striate.features.transformer import ConvNetFeatures

    many = np.concatenate([pictures[0], pictures[0][::-1]])
    step = ConvNetFeatures(run).fit(many)
    alone = np.concatenate([step.transform(many[i : i + 1]) for i in range(len(many))])
    assert step.transform(many) == pytest.approx(alone, abs=1e-5)


def test_a_file_that_cannot_be_read_is_named(run, tmp_path):
    from striate.features.transformer import ConvNetFeatures

    (tmp_path / "empty.png").write_bytes(b"")
    files = [tmp_path / "empty.png"]
    with pytest.raises(DataError, match=r"empty\.png: is empty"):
        ConvNetFeatures(run).fit(files).transform(files)


def test_it_works_in_a_pipeline_and_a_grid_search(run, pictures):
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline

    from striate.features.transformer import ConvNetFeatures

    pipeline = make_pipeline(ConvNetFeatures(run), LogisticRegression(max_iter=1000))
    search = GridSearchCV(pipeline, {"convnetfeatures__layer": [None, "fc1"]}, cv=2).fit(*pictures)
    assert search.best_score_ == 1


def test_mistakes_cost_one_line(run, pictures):
    from sklearn.exceptions import NotFittedError

    from striate.features.transformer import ConvNetFeatures

    step = ConvNetFeatures(run)
    with pytest.raises(NotFittedError):
        step.transform(pictures[0])
    step.fit(pictures[0])
    for wrong, match in (
        (pictures[0].astype(float), "float64"),
        (pictures[0][:0], r"\(0, 28, 28\)"),
        (np.zeros((2, 8, 8, 4), np.uint8), "channels, 1 or 3"),
        ([], "are list"),
        ("photographs", "are str"),
        (3, "are int"),
    ):
        with pytest.raises(DataError, match=match):
            step.transform(wrong)
