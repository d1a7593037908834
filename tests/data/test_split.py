import torch

from striate.data.records import Pictures
from striate.data.split import split


def random_pictures(n, classes=3, seed=0):
    draw = torch.Generator().manual_seed(seed)
    return Pictures(torch.randint(256, (n, 1, 5, 5), generator=draw).to(torch.uint8), torch.arange(n) % classes)


def rows(part):
    return {
        (bytes(image.flatten().tolist()), int(label)) for image, label in zip(part.images, part.labels, strict=True)
    }


def test_every_class_gives_its_share():
    train, test = split(random_pictures(300), 0.2)
    assert train.labels.bincount().tolist() == [80, 80, 80]
    assert test.labels.bincount().tolist() == [20, 20, 20]


def test_every_picture_is_on_one_side():
    whole = random_pictures(100)
    train, test = split(whole)
    assert rows(train) | rows(test) == rows(whole)
    assert not rows(train) & rows(test)


def test_the_order_of_the_pictures_does_not_matter():
    whole = random_pictures(100)
    shuffled = whole.take(torch.randperm(100, generator=torch.Generator().manual_seed(1)))
    assert rows(split(whole)[1]) == rows(split(shuffled)[1])


def test_few_pictures_change_sides_when_some_are_added():
    whole = random_pictures(330)
    before = rows(split(whole.take(torch.arange(300)))[1])
    after = rows(split(whole)[1])
    assert len(before - after) <= 3 * 10  # at most as many as were added to each class
    assert len(before & after) >= 40


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
