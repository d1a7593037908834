import os

import pytest
import torch

from striate.features.cache import FeatureCache, key
from striate.features.card import Card

CARD = Card("lenet5", "a" * 64, None, "b" * 64)


@pytest.fixture
def cache(tmp_path):
    return FeatureCache(tmp_path / "kept")


def test_features_that_were_kept_come_back_to_the_bit(cache):
    given = torch.randn(2, 3)
    assert cache.get("k") is None
    assert cache.put("k", given)
    assert cache.get("k").equal(given)


def test_whatever_features_depend_on_gives_another_key():
    others = [
        key(CARD, "other"), key(CARD, "p", "mirrored"), key(Card("lenet5", "c" * 64, None, "b" * 64), "p"),
        key(Card("lenet5", "a" * 64, "conv1", "b" * 64), "p"), key(Card("lenet5", "a" * 64, None, "d" * 64), "p"),
    ]  # fmt: skip
    assert len({key(CARD, "p"), *others}) == 6
    assert key(Card("the same under another name", "a" * 64, None, "b" * 64), "p") == key(CARD, "p")


def test_damaged_features_are_forgotten(cache):
    cache.put("k", torch.ones(100, 3))
    file = next(cache.place.iterdir())
    body = bytearray(file.read_bytes())
    body[-5] ^= 1
    file.write_bytes(body)
    assert cache.get("k") is None
    assert cache.put("k", torch.zeros(1))
    assert cache.get("k").tolist() == [0]


def test_a_file_under_the_name_of_another_is_not_taken_for_it(cache):
    cache.put("k", torch.ones(1))
    next(cache.place.iterdir()).rename(cache.place / "other.safetensors")
    assert cache.get("other") is None


def test_what_was_unused_the_longest_makes_room(tmp_path):
    cache = FeatureCache(tmp_path, most_bytes=10_000)
    for age, name in enumerate("abc"):
        cache.put(name, torch.ones(700))  # 2,800 bytes and a header
        os.utime(tmp_path / f"{name}.safetensors", (age, age))
    assert cache.get("a") is not None  # used now
    cache.put("d", torch.ones(700))
    assert [name for name in "abcd" if cache.get(name) is not None] == ["a", "c", "d"]
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) <= 11_000


def test_what_is_too_large_or_not_a_number_is_not_kept(tmp_path):
    cache = FeatureCache(tmp_path, most_bytes=100)
    assert not cache.put("k", torch.ones(26))
    assert not cache.put("k", torch.tensor([float("nan")]))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_keeps_nothing(tmp_path):
    (tmp_path / "file").write_text("in the way")
    cache = FeatureCache(tmp_path / "file" / "kept")
    assert not cache.put("k", torch.ones(2))
    assert cache.get("k") is None


def test_what_a_killed_process_left_is_removed_after_a_day(cache):
    cache.put("k", torch.ones(1))
    left = cache.place / ".x.safetensors.1.tmp"
    left.write_bytes(b"half")
    cache.put("l", torch.ones(1))
    assert left.exists()
    os.utime(left, (0, 0))
    cache.put("m", torch.ones(1))
    assert not left.exists()


def test_the_place_is_in_the_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("STRIATE_CACHE", str(tmp_path))
    assert FeatureCache().place == tmp_path / "features"
