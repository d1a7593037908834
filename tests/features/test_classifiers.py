import numpy as np
import pytest
import torch

from striate.errors import DataError, UnknownName
from striate.features.classifiers import fitted
from striate.features.folds import folds
from striate.features.marks import kinds

KINDS = ("logistic", "linear_svm", "centroid", "nearest_neighbours")


def scaled(x):
    """Centred, and of mean squared length 1."""
    centred = x - x.mean(0)
    return centred / (centred**2).sum(1).mean() ** 0.5


def peer(kind, strength):
    linear, svm, near = (pytest.importorskip(f"sklearn.{name}") for name in ("linear_model", "svm", "neighbors"))
    if kind == "logistic":
        return linear.LogisticRegression(C=strength, tol=1e-8, max_iter=5000)
    if kind == "linear_svm":
        return svm.LinearSVC(C=strength, tol=1e-8, max_iter=100_000)
    if kind == "centroid":
        return near.NearestCentroid()
    return near.KNeighborsClassifier(int(strength), metric="cosine", weights=lambda d: np.exp((1 - d) / 0.07))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("pictures", "features"), [(60, 200), (200, 30)])
def test_answers_are_those_of_scikit_learn_at_the_chosen_strength(task, kind, pictures, features):
    x, labels, classes = task(pictures + 100, features)
    train, test = slice(0, pictures), slice(pictures, None)
    found = fitted(x[train], labels[train], classes, kind)
    mean, length = x[train].mean(0), ((x[train] - x[train].mean(0)) ** 2).sum(1).mean() ** 0.5
    theirs = peer(kind, found.strength).fit(((x[train] - mean) / length).numpy(), labels[train].numpy())
    expected = theirs.predict(((x[test] - mean) / length).numpy())
    answers = found.outputs(x[test]).argmax(1).numpy()
    assert (answers == expected).mean() >= 0.99  # one close call may fall to either side


def test_probabilities_of_logistic_regression_are_scikit_learns_before_the_temperature(task):
    linear = pytest.importorskip("sklearn.linear_model")
    x, labels, classes = task(80, 150)
    found = fitted(x, labels, classes, "logistic")
    z = scaled(x).numpy()
    expected = linear.LogisticRegression(C=found.strength, tol=1e-8, max_iter=5000).fit(z, labels).predict_proba(z)
    raw = (found.head()(x) * found.temperature).softmax(1)
    assert raw.numpy() == pytest.approx(expected, abs=0.01)


@pytest.mark.parametrize("kind", KINDS)
def test_two_classes_are_told_apart_as_well(task, kind):
    x, labels, classes = task(80, 40, 2, apart=0.6)
    found = fitted(x[:40], labels[:40], classes, kind)
    assert found.outputs(x[40:]).shape == (40, 2)
    assert (found.outputs(x[40:]).argmax(1) == labels[40:]).double().mean() > 0.85


@pytest.mark.parametrize("kind", KINDS)
def test_cross_validated_accuracy_is_that_of_new_pictures_within_chance(task, kind):
    x, labels, classes = task(1000, 50, apart=0.3)
    found = fitted(x[:200], labels[:200], classes, kind)
    fresh = (found.outputs(x[200:]).argmax(1) == labels[200:]).double().mean()
    assert found.accuracy == pytest.approx(float(fresh), abs=0.08)
    assert (found.held_out.argmax(1) == labels[:200]).double().mean() == pytest.approx(found.accuracy)


@pytest.mark.parametrize("kind", KINDS)
def test_labels_that_mean_nothing_are_not_learned(task, kind):
    x, labels, classes = task(200, 300, apart=0)
    found = fitted(x, labels, classes, kind)
    assert found.accuracy < 0.4  # chance is 0.25
    assert float((found.held_out / found.temperature).softmax(1).max(1).values.mean()) < 0.45


def test_turning_the_axes_of_the_features_changes_nothing(task):
    x, labels, classes = task(60, 80)
    turn = torch.linalg.qr(torch.randn(80, 80, generator=torch.Generator().manual_seed(3)))[0]
    first, second = (fitted(given, labels, classes, "logistic") for given in (x, x @ turn))
    answers, expected = second.outputs(x @ turn).softmax(1), first.outputs(x).softmax(1)
    assert answers.numpy() == pytest.approx(expected.numpy(), abs=0.01)


def test_a_linear_kind_becomes_one_fully_connected_layer(task):
    x, labels, classes = task(40, 20)
    head = fitted(x, labels, classes, "centroid").head()
    assert type(head) is torch.nn.Linear
    assert (head.in_features, head.out_features) == (20, 4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_head_exports_and_answers_for_any_batch(task, kind):
    x, labels, classes = task(40, 20)
    head = fitted(x, labels, classes, kind).head()
    batch = torch.export.Dim("batch", min=2, max=64)
    exported = torch.export.export(head, (x[:5],), dynamic_shapes=({0: batch},)).module()
    assert torch.allclose(exported(x[:9]), head(x[:9]), atol=1e-5)


@pytest.mark.parametrize("grouped", [False, True])
def test_every_picture_is_held_out_once_and_no_group_stands_on_both_sides(grouped):
    labels = np.repeat([0, 1, 2], [30, 12, 6])
    groups = np.arange(48) // 2 if grouped else None
    parts = folds(labels, ("a", "b", "c"), groups=groups)
    assert len(parts) == (3 if grouped else 5)
    assert sorted(np.concatenate([test for _, test in parts])) == list(range(48))
    for train, test in parts:
        assert not set(train) & set(test)
        assert set(labels[test]) == {0, 1, 2}
        if grouped:
            assert not set(groups[train]) & set(groups[test])


def test_copies_of_one_picture_flatter_unless_they_are_a_group(task):
    x, labels, classes = task(40, 60, apart=0)
    x, labels, copies = x.repeat(4, 1), labels.repeat(4), list(range(40)) * 4
    assert fitted(x, labels, classes, "nearest_neighbours").accuracy > 0.9
    assert fitted(x, labels, classes, "nearest_neighbours", groups=copies).accuracy < 0.5


def test_a_class_that_a_fold_lacks_is_a_mistake_there_and_no_crash(task):
    x = task(12, 20, 3)[0]
    labels = torch.tensor([0] * 5 + [1] * 5 + [2] * 2)
    fit = kinds["logistic"]
    kept = labels < 2
    tensors = fit(x[kept].numpy(), labels[kept].numpy(), 3, (1.0,))[0]
    logits = x.numpy() @ tensors["weight"].T + tensors["bias"]
    assert (logits[:, 2] < logits[:, :2].min(1)).all()


def test_features_that_are_all_the_same_give_even_odds():
    found = fitted(torch.ones(10, 3), torch.arange(10) % 2, ("a", "b"), "logistic")
    assert found.outputs(torch.ones(1, 3)).softmax(1)[0].tolist() == pytest.approx([0.5, 0.5], abs=1e-3)


def test_mistakes_cost_one_line(task):
    x, labels, classes = task(20, 5)
    with pytest.raises(UnknownName, match="Did you mean logistic"):
        fitted(x, labels, classes, "logistc")
    with pytest.raises(DataError, match="class 'class 3' has one picture; each class needs two or more"):
        fitted(x[:8][[0, 1, 2, 3, 4, 5, 6]], labels[:7], classes)
    with pytest.raises(DataError, match="class 'fifth' has no picture"):
        fitted(x, labels, (*classes, "fifth"))
    with pytest.raises(DataError, match="class 'class 0' has one group of pictures"):
        fitted(x, labels, classes, groups=labels.tolist())
    with pytest.raises(DataError, match="there is one class, a"):
        fitted(x, labels * 0, ("a",))
    with pytest.raises(DataError, match="labels are 0 to 3, but there are 3 classes"):
        fitted(x, labels, classes[:3])
    with pytest.raises(DataError, match="picture 2 has features that are not numbers"):
        fitted(x.index_fill(0, torch.tensor(2), float("nan")), labels, classes)
    with pytest.raises(DataError, match=r"need features \(n, f\) with a label each"):
        fitted(x, labels[:3], classes)
