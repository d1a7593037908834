import sys

import pytest
import torch

from striate.errors import DataError
from striate.features import index as of_index
from striate.features.card import Card
from striate.features.index import build, load_index, save_index, search
from striate.weights.files import load_tensors, save_tensors

CARD = Card("lenet5", "a" * 64, None, "b" * 64)


def features(entries=50, width=16, seed=0):
    return torch.randn(entries, width, generator=torch.Generator().manual_seed(seed))


def made(entries=50, **more):
    return build(features(entries), [f"{i}.jpg" for i in range(entries)], CARD, **more)


def test_the_best_are_those_of_scikit_learns_brute_force(monkeypatch):
    neighbors = pytest.importorskip("sklearn.neighbors")
    monkeypatch.setattr(of_index, "CELLS", 120)  # blocks of two queries
    queries = features(7, seed=1)
    expected = neighbors.NearestNeighbors(n_neighbors=5, metric="cosine").fit(features()).kneighbors(queries)
    similarities, positions = search(made(), queries, 5)
    assert positions.tolist() == expected[1].tolist()
    assert similarities.numpy() == pytest.approx(1 - expected[0], abs=1e-6)


def test_a_picture_of_the_index_finds_itself_and_its_copies_in_order():
    index = build(features(4)[[0, 1, 1, 2]], list("abcd"), CARD)
    similarities, positions = search(index, features(4)[1:2], 3)
    assert positions[0, :2].tolist() == [1, 2]
    assert similarities[0, :2].tolist() == pytest.approx([1, 1])


def test_fewer_entries_than_asked_for_are_all_given_and_a_blank_picture_is_like_none():
    similarities, positions = search(made(3), torch.zeros(1, 16), 10)
    assert positions.tolist() == [[0, 1, 2]]
    assert similarities.tolist() == [[0, 0, 0]]
    assert search(made(3), torch.zeros(0, 16), 2)[0].shape == (0, 2)


@pytest.mark.parametrize("folder", [False, True])
@pytest.mark.parametrize("labels", [None, ["ä"] * 50])
def test_an_index_comes_back_as_it_was(tmp_path, folder, labels):
    place = tmp_path if folder else tmp_path / "my.index"
    save_index(place, made(labels=labels))
    again = load_index(place)
    assert again.features.equal(made().features)
    assert (again.files, again.labels, again.card) == (made().files, labels and tuple(labels), CARD)


def test_large_sets_are_searched_by_a_graph_that_is_kept_in_the_file(tmp_path, monkeypatch):
    pytest.importorskip("usearch")
    exact = made(2000)
    monkeypatch.setattr(of_index, "EXACT", 1000)
    large = made(2000)
    save_index(tmp_path / "i", large)
    again = load_index(tmp_path / "i")
    assert again.searchable is not None
    queries = features(40, seed=2)
    found, expected = search(again, queries, 10), search(exact, queries, 10)
    hits = [len(set(a) & set(b)) for a, b in zip(found[1].tolist(), expected[1].tolist(), strict=True)]
    assert sum(hits) / 400 > 0.95
    assert found[0][:, 0].tolist() == pytest.approx(expected[0][:, 0].tolist(), abs=0.05)


def test_without_usearch_every_picture_is_compared_with_the_same_result(monkeypatch):
    pytest.importorskip("usearch")
    monkeypatch.setattr(of_index, "EXACT", 10)
    large = made()
    monkeypatch.setitem(sys.modules, "usearch.index", None)
    poor = made()
    assert (poor.graph, large.searchable) == (None, None)
    for index in (poor, large):
        assert search(index, features(3, seed=1), 5)[1].equal(search(made(), features(3, seed=1), 5)[1])


def test_a_graph_that_another_user_made_is_not_read(tmp_path, monkeypatch):
    pytest.importorskip("usearch")
    monkeypatch.setattr(of_index, "EXACT", 10)
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / "mine"))
    save_index(tmp_path / "i", made())
    assert load_index(tmp_path / "i").searchable is not None
    assert (tmp_path / "mine" / "graphs.key").stat().st_mode & 0o077 == 0
    (tmp_path / "file").write_text("in the way")
    for place in ("theirs", "file/theirs"):  # with a key of their own, and with none
        monkeypatch.setenv("STRIATE_CACHE", str(tmp_path / place))
        assert load_index(tmp_path / "i").graph is None
    tensors, card = load_tensors(tmp_path / "i")
    for mark in ("", None, "none"):
        save_tensors(tmp_path / "forged", tensors, {**card, "mark": mark})
        assert load_index(tmp_path / "forged").graph is None
    assert search(load_index(tmp_path / "i"), features(1), 1)[1].tolist() == [[0]]


def test_a_graph_of_another_index_is_not_used(monkeypatch):
    pytest.importorskip("usearch")
    monkeypatch.setattr(of_index, "EXACT", 10)
    other = made(30)
    index = of_index.Index(made().features, made().files, None, CARD, other.graph)
    assert index.searchable is None
    assert search(index, features(1), 1)[1].tolist() == [[0]]


def test_an_index_made_by_other_weights_is_refused_and_both_are_named(tmp_path):
    save_index(tmp_path / "i", made())
    asked = Card("resnet18", "c" * 64, None, "b" * 64)
    with pytest.raises(
        DataError, match="made by lenet5 .weights aaaaaaaaaaaa., but you ask with resnet18 .weights ccc"
    ):
        asked.require(load_index(tmp_path / "i").card, "i")
    with pytest.raises(DataError, match="layer before the classifier.*layer conv2"):
        Card("lenet5", "a" * 64, "conv2", "b" * 64).require(load_index(tmp_path / "i").card, "i")


def test_a_damaged_index_is_refused(tmp_path):
    save_index(tmp_path / "i", made())
    whole = (tmp_path / "i").read_bytes()
    for cut in (0, 5, len(whole) // 2, len(whole) - 1):
        (tmp_path / "i").write_bytes(whole[:cut])
        with pytest.raises(DataError, match="i: "):
            load_index(tmp_path / "i")


@pytest.mark.parametrize("files", [b"[", b"3", b"[1, 2]", b'["a.jpg", ""]'])
def test_names_that_are_no_names_are_refused(tmp_path, files):
    tensors = {"features": features(2), "files": torch.frombuffer(bytearray(files), dtype=torch.uint8)}
    save_tensors(tmp_path / "i", tensors, {"index": CARD.as_json()})
    with pytest.raises(DataError, match="i: (the index is damaged|row . has (no file|file 1, which is no text))"):
        load_index(tmp_path / "i")


def test_mistakes_cost_one_line(tmp_path):
    with pytest.raises(DataError, match="there is no index"):
        load_index(tmp_path)
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match="index: cannot be written"):
        save_index(tmp_path / "file" / "index", made())
    save_tensors(tmp_path / "w", {"weight": torch.zeros(1)}, {})
    with pytest.raises(DataError, match="is not an index"):
        load_index(tmp_path / "w")
    with pytest.raises(DataError, match="the index has 16 features a picture, but the queries are"):
        search(made(), torch.zeros(1, 3))
    with pytest.raises(DataError, match="k is 0"):
        search(made(), features(1), 0)
    with pytest.raises(DataError, match="NaN"):
        search(made(), torch.full((1, 16), float("nan")))
    with pytest.raises(DataError, match="3 rows of features, but 1 of 'file'"):
        build(features(3), ["a"], CARD)
