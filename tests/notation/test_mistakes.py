"""Mistakes in a notation: what is said, the place that is pointed at, and what may be meant."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from striate.errors import NotationError, ShapeError
from striate.notation import build, point

CASES = {  # the text, with the place that is pointed at between bars: what is said
    "[(conv-relu)*2-pool-fc": None,
    "|[|(conv-relu)*2-pool*3-fc": r"The \[ at character 1 is never closed",
    "(conv-relu|]|-fc": r"The \( at character 1 is closed by \]; it needs \)",
    "conv-relu|)|-fc": r"The \) at character 10 closes nothing",
    "conv - |rellu| - fc": "There is no layer called 'rellu'. Did you mean relu",
    "conv - |qwertz| - fc": "There is no layer called 'qwertz'. conv, pool, relu, fc and others are known",
    "conv |0|-fc": "conv has width 0; it must be at least 1",
    "conv 8 |s0|-fc": "conv has stride 0; it must be at least 1",
    "pool |0|": "pool has kernel 0; it must be at least 1",
    "conv |-3|-fc": "-3 is below zero: no size is",
    "conv 64 p|-1|": "-1 is below zero",
    "conv-|-|fc": "Nothing stands before the -",
    "conv|-|": "Nothing follows the -",
    "|(|)": "Nothing stands here",
    "concat(conv|,|)": "Nothing stands here",
    "conv 8 |r|elu": "A - is missing between two rows",
    "conv 64 3 |q2|": "conv has no 'q'. It takes d, g, k",
    "conv 64 3 |strid 2|": "conv has no 'strid'. Did you mean stride",
    "conv 64 3 |5|": "conv takes no number here, but 5 is written",
    "conv 64 3 s2 |s3|": "conv is told its stride twice",
    "pool 2 same |p1|": "pool is given both same and padding",
    "relu |5|": "relu takes no number here",
    "(conv)*|99999|": "That makes 99,999 rows; 10,000 are the most",
    "((conv)*999)*|99|": "That makes 98,901 rows; 10,000 are the most",
    "(conv)*|12345678901|": "12345678901 repeats are too many",
    "(conv)|*|": "A repeat needs a number or a letter",
    "conv*|N|-fc": "N stands for a number that is not given: say --N 2",
    "conv|!|-fc": "'!' has no meaning here",
    "|3|-conv": "3 is not a layer. A size stands behind one",
    "|res|-fc": r"res needs its rows in brackets: res\(conv-relu-conv\)",
    "|unpool|-fc": "unpool undoes a pool, but none stands before it",
    "|res(conv; pw; pw)|": "res has two parts at most",
    "conv 64 |3x3x3|": "3x3x3 has 3 numbers, but the picture has 2 axes",
    "conv |1.5|": "1.5 is not one whole number, which conv needs as its width",
    "dropout |2|": "2 is not between 0 and 1",
    "conv 64 |s|": "s needs a number: s1",
    "conv |99999999999|": "99,999,999,999 is too large",
    "|conv(64, 3)|-fc": "conv takes its sizes without brackets: conv 64 3",
    "(conv-relu)|?|": "Only a word may be optional",
    "unflatten |4x4|": "4x4 is not a shape of 3 numbers",
}


@pytest.mark.parametrize("marked", [marked for marked, said in CASES.items() if said])
def test_a_mistake_is_explained_in_one_line_and_its_place_is_known(marked):
    before, place, _ = marked.split("|")
    with pytest.raises(NotationError, match=CASES[marked]) as caught:
        build(marked.replace("|", ""), (3, 32, 32), 10)
    assert "\n" not in str(caught.value)
    assert caught.value.span == (len(before), len(before) + len(place))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("conv-rellu-fc", "conv-relu-fc"), ("[(conv-relu)*2-pool", "[(conv-relu)*2-pool]"), ("conv)-fc", "conv-fc"),
        ("(conv]-fc", "(conv)-fc"), ("conv--fc", "conv-fc"), ("conv-", "conv"), ("conv relu", "conv-relu"),
        ("conv(64, 3)-fc", "conv 64 3-fc"), ("conv 0", "conv 1"), ("conv;fc", "conv-fc"), ("conv*N-fc", "conv*2-fc"),
        ("()-fc", "(id)-fc"), ("conv 8 3 5", "conv 8 3"),
    ],
)  # fmt: skip
def test_what_may_be_meant_is_offered_and_can_be_read(text, meant):
    with pytest.raises(NotationError) as caught:
        build(text, (3, 32, 32), 10)
    assert caught.value.edits[0][1] == meant
    with torch.device("meta"):
        build(meant, (3, 32, 32), 10)


def test_the_caret_stands_under_the_place():
    with pytest.raises(NotationError) as caught:
        build("conv - rellu - fc", (3, 32, 32), 10)
    assert point(caught.value).splitlines() == [
        "conv - rellu - fc",
        "       ^^^^^",
        "There is no layer called 'rellu'. Did you mean relu or relu6?",
    ]


def test_of_a_long_text_the_part_around_the_mistake_is_shown():
    with pytest.raises(NotationError) as caught:
        build("conv-" * 100 + "rellu" + "-conv" * 100, (3, 32, 32), 10)
    shown, carets, _ = point(caught.value, width=60).splitlines()
    assert len(shown) <= 62
    assert shown[carets.index("^") : carets.index("^") + 5] == "rellu"


def test_of_several_lines_the_one_with_the_mistake_is_shown():
    with pytest.raises(NotationError) as caught:
        build("conv -\n\trellu - fc", (3, 32, 32), 10)
    assert point(caught.value).splitlines()[:2] == [" rellu - fc", " ^^^^^"]


def test_brackets_a_thousand_deep_are_refused_and_not_followed():
    with pytest.raises(NotationError, match="More than 50 brackets stand one inside the other"):
        build("(" * 1000 + "conv" + ")" * 1000, (3, 32, 32), 10)


def test_a_text_that_is_no_text_for_people_is_refused():
    with pytest.raises(NotationError, match="500,003 characters; 100,000 are the most"):
        build("conv-" * 100_000 + "fc-", (3, 32, 32), 10)


PIECES = [
    *(
        "conv",
        "pool",
        "fc",
        "res(",
        "concat(",
        "(",
        "[",
        ")",
        "]",
        "-",
        "*2",
        "*N",
        " 3",
        " 0",
        " s2",
        "x",
        ",",
        ";",
        "?",
    ),
    *("same", "p1+0", "-3", "é"),
]


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=30), st.lists(st.sampled_from(PIECES), max_size=14).map("".join)))
def test_any_text_is_a_network_or_one_of_our_errors(text):
    error = outcome(text)
    if isinstance(error, NotationError):
        assert 0 <= error.span[0] <= error.span[1] <= len(text)
        assert "\n" not in str(error) or "\n" in text
        assert point(error)
    elif error is not None:
        assert error.formula


def outcome(text):
    """The error of a text, or None where it is a network."""
    try:
        with torch.device("meta"):
            build(text, (3, 16, 16), 10)
    except (NotationError, ShapeError) as error:
        return error
    return None
