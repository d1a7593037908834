from pathlib import Path

import numpy as np
import torch

from striate.data.picture_files import PictureFiles
from striate.data.records import Pictures
from striate.data.split import split


def random_pictures(n, classes=3, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return Pictures(torch.randint(256, (n, 1, 5, 5), generator=draw).to(torch.uint8), torch.arange(n) % classes)


def rows(part):
    return {
        (bytes(image.flatten().tolist()), int(label)) for image, label in zip(part.images, part.labels, strict=True)
    }


def test_a_published_set_gives_its_exact_share_of_every_class():
    train, test = split(random_pictures(300), 0.2, exact=True)
    assert train.labels.bincount().tolist() == [80, 80, 80]
    assert test.labels.bincount().tolist() == [20, 20, 20]


def test_every_class_gives_about_its_share():
    _, test = split(random_pictures(6000), 0.2)
    for held in test.labels.bincount().tolist():
        assert abs(held - 400) < 4 * (2000 * 0.2 * 0.8) ** 0.5  # four standard deviations of chance


def test_every_picture_is_on_one_side():
    whole = random_pictures(100)
    train, test = split(whole)
    assert rows(train) | rows(test) == rows(whole)
    assert not rows(train) & rows(test)


def test_the_order_of_the_pictures_does_not_matter():
    whole = random_pictures(100)
    shuffled = whole.take(torch.randperm(100, generator=torch.Generator().manual_seed(1)))
    assert rows(split(whole)[1]) == rows(split(shuffled)[1])


def test_no_picture_changes_sides_when_others_are_added():
    whole = random_pictures(330)
    train, test = (rows(part) for part in split(whole.take(torch.arange(300))))
    later_train, later_test = (rows(part) for part in split(whole))
    assert train <= later_train
    assert test <= later_test


def in_groups(names, labels, equal=()):
    """Parts of files by what `hashes` says of them; those in `equal` have the same content."""
    files = PictureFiles(Path(), [f"{i}.png" for i in range(len(names))], torch.tensor(labels), (1, 1, 1), groups=names)
    numbers = np.random.default_rng(0).integers(0, 2**63, len(names)).astype(np.uint64)
    numbers[list(equal)] = 7
    object.__setattr__(files, "hashes", lambda seed: numbers)
    return files


def test_a_group_is_never_torn():
    names = [f"patient {i % 40}" for i in range(400)]
    train, test = split(in_groups(names, [i % 2 for i in range(400)]))
    assert set(train.groups) | set(test.groups) == set(names)
    assert not set(train.groups) & set(test.groups)
    assert 2 <= len(set(test.groups)) <= 16


def test_groups_that_share_a_picture_stay_together():
    names = [f"patient {i % 40}" for i in range(400)]
    train, test = split(in_groups(names, [0] * 400, equal=range(0, 30)))
    sides = [{f"patient {i}" for i in range(30)} <= set(part.groups) for part in (train, test)]
    assert sorted(sides) == [False, True]
    assert not set(train.groups) & set(test.groups)


def test_a_group_stays_on_its_side_when_pictures_are_added_to_it():
    names = [f"patient {i % 40}" for i in range(400)]
    few = set(split(in_groups(names[:300], [0] * 300))[1].groups)
    assert few == set(split(in_groups(names, [0] * 400))[1].groups)


def test_another_seed_gives_another_split():
    whole = random_pictures(100)
    assert rows(split(whole, seed=0)[1]) != rows(split(whole, seed=1)[1])


def test_equal_pictures_never_stand_on_both_sides():
    whole = random_pictures(60)
    twice = Pictures(whole.images.repeat(2, 1, 1, 1), torch.cat([whole.labels, (whole.labels + 1) % 3]))
    train, test = split(twice)
    assert not {pixels for pixels, _ in rows(train)} & {pixels for pixels, _ in rows(test)}
    assert len(train) + len(test) == 120


def test_a_small_class_has_one_picture_on_each_side_and_a_single_one_is_train():
    whole = Pictures(random_pictures(6).images, torch.tensor([0, 0, 0, 1, 1, 2]))
    train, test = split(whole)
    assert train.labels.tolist().count(2) == 1
    assert sorted(test.labels.tolist()) == [0, 1]


def test_nothing_is_left_for_test_where_all_pictures_are_equal():
    train, test = split(Pictures(torch.zeros(9, 1, 2, 2, dtype=torch.uint8), torch.arange(9) % 2))
    assert len(train) == 9
    assert test is None
