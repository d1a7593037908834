import torch

from striate.reports.confusions import confusions
from striate.reports.record import Answers


def answers(predicted, labels):
    n = len(labels)
    none = torch.zeros(0, dtype=torch.long)
    return Answers(
        torch.tensor(labels), torch.tensor(predicted), torch.ones(n), torch.ones(n), none, torch.zeros(0, 1, 2, 2)
    )


def test_cells_are_filled_by_their_share_of_the_row_and_not_by_their_count():
    found = confusions(answers([0, 0, 0, 0, 0, 1, 1, 0, 0], [0] * 6 + [1] * 3), ("cat", "dog"))
    (cat, cat_as_dog), (dog_as_cat, dog) = found.rows
    assert (cat.text, cat.full, cat.right) == ("5", 83, True)
    assert (dog.text, dog.full) == ("1", 33)
    assert dog_as_cat.full > cat_as_dog.full > 0
    assert not dog_as_cat.right
    assert cat_as_dog.words.replace("\u202f", " ") == "1 of cat answered dog, 16.7 %"


def test_cells_without_pictures_are_empty():
    found = confusions(answers([0, 1], [0, 1]), ("cat", "dog"))
    assert [(cell.text, cell.full) for cell in (found.rows[0][1], found.rows[1][0])] == [("", 0), ("", 0)]
    assert found.pairs == ()


def test_twenty_classes_have_numbers_and_twenty_one_have_a_heat_map():
    labels = list(range(21))
    assert len(confusions(answers(labels[:20], labels[:20]), tuple(map(str, labels[:20]))).rows) == 20
    many = confusions(answers(labels, labels), tuple(map(str, labels)))
    assert many.rows == ()
    assert (many.heat.width, many.heat.height) == (21, 21)


def test_no_mistake_vanishes_from_the_heat_map_of_many_classes(colours_of):
    labels = list(range(1000))
    predicted = [*labels[:-1], 0]
    heat = confusions(answers(predicted, labels), tuple(map(str, labels))).heat
    assert (heat.width, heat.height) == (250, 250)
    red, _, blue = (int(v) for v in colours_of(heat.light)[-1][0])
    assert red > blue + 50, "the last class taken for the first is orange in the lower left corner"


def test_the_hardest_class_comes_first_with_what_it_is_mixed_up_with():
    found = confusions(answers([0, 0, 0, 1, 2, 2], [0, 0, 1, 1, 2, 2]), ("cat", "dog", "eel"))
    assert [row.name for row in found.classes] == ["dog", "cat", "eel"]
    assert found.classes[0].mostly == "cat (1)"
    assert [row.missed for row in found.classes] == [100, 0, 0]
    assert [row.mostly for row in found.classes[1:]] == ["–", "–"]


def test_a_class_without_pictures_has_dashes_and_comes_last():
    found = confusions(answers([0, 0], [0, 0]), ("cat", "dog"))
    assert [(row.name, row.recall, row.precision) for row in found.classes][1] == ("dog", "–", "–")


def test_long_names_stand_upright():
    assert confusions(answers([0, 1], [0, 1]), ("sunflower", "b")).turned
    assert not confusions(answers([0, 1], [0, 1]), ("0", "1")).turned
