import re

from striate.reports.curves import curves, lost_steps
from striate.reports.record import Record


def record(events):
    ends, step = [], 0
    for event in events:
        step = max(step, event.get("step", 0))
        if event["event"] == "epoch":
            ends.append(step)
    return Record(
        config="", classes=("a",), image=(1, 1, 1), facts={}, sha256="", finished=True, epoch_ends=tuple(ends),
        steps=tuple(e for e in events if e["event"] == "step"),
        epochs=tuple(e for e in events if e["event"] == "epoch"),
    )  # fmt: skip


def step(number, loss=1.0, accuracy=0.5):
    return {"event": "step", "step": number, "loss": loss, "accuracy": accuracy}


def epoch(number, **values):
    return {"event": "epoch", "epoch": number, "loss": 1.0, "accuracy": 0.5, **values}


def ends_of(line):
    return [tuple(map(float, point.split())) for point in re.split("[ML]", line.path)[1:]]


def test_each_epoch_ends_at_the_last_step_logged_before_it_ended():
    loss, _ = curves(record([step(1), step(10), epoch(1), step(15), step(20), epoch(2)]))
    (line,) = loss.lines
    assert [round(x) for x, _ in ends_of(line)] == [50, 500, 750, 1000]
    assert loss.x_title == "epochs"


def test_before_the_first_epoch_is_over_steps_stay_steps():
    loss, _ = curves(record([step(1), step(10)]))
    assert loss.x_title == "steps"
    assert [round(x) for x, _ in ends_of(loss.lines[0])] == [100, 1000]


def test_held_out_values_stand_at_the_end_of_their_epoch():
    loss, accuracy = curves(
        record([epoch(1, test_loss=1.0, test_accuracy=0.2), epoch(2, test_loss=0.5, test_accuracy=0.4)])
    )
    for chart in (loss, accuracy):
        (held,) = (line for line in chart.lines if line.name == "held out")
        assert [x for x, _ in held.dots] == [50, 100]
    assert "held out ends at 40.0\u202f%" in accuracy.words


def test_many_steps_are_drawn_faint_with_a_smooth_line_above():
    loss, _ = curves(record([step(k, loss=2.0 + (-1) ** k) for k in range(1, 101)]))
    faint, smooth = loss.lines
    assert faint.faint
    assert not smooth.faint
    wiggle = [
        max(y for _, y in ends_of(line)[10:-10]) - min(y for _, y in ends_of(line)[10:-10]) for line in loss.lines
    ]
    assert wiggle[1] < wiggle[0] / 2


def test_a_loss_that_falls_far_is_drawn_in_ratios_and_the_chart_says_so():
    far, _ = curves(record([step(k, loss=2.0 * 0.7**k) for k in range(9)]))
    near, _ = curves(record([step(k, loss=2.0 - 0.1 * k) for k in range(9)]))
    assert far.note == "Equal distances are equal ratios."
    assert near.note == ""
    assert near.y_ticks[0][1] == "0"


def test_a_loss_of_learning_above_that_held_out_is_explained():
    above, _ = curves(record([*(step(k, loss=2.0) for k in range(20)), epoch(1, test_loss=1.0)]))
    below, _ = curves(record([*(step(k, loss=0.5) for k in range(20)), epoch(1, test_loss=1.0)]))
    assert "all that the recipe adds" in above.note
    assert below.note == ""


def test_a_high_accuracy_gets_the_scale_that_widens_towards_100():
    _, high = curves(record([epoch(1, test_accuracy=0.9), epoch(2, test_accuracy=0.99)]))
    _, low = curves(record([epoch(1, test_accuracy=0.3), epoch(2, test_accuracy=0.6)]))
    assert "widens towards 100" in high.note
    assert [text for _, text in low.y_ticks] == ["0", "20", "40", "60", "80", "100"]


def test_a_run_that_gets_everything_right_from_the_start_can_be_drawn():
    _, accuracy = curves(record([epoch(1, accuracy=1.0, test_accuracy=1.0)]))
    assert all(0 <= y <= 100 for line in accuracy.lines for _, y in line.dots)


def test_constant_and_zero_losses_can_be_drawn():
    for loss in (0.0, 1.0):
        chart, _ = curves(record([step(k, loss=loss) for k in range(20)]))
        assert all(0 <= y <= 1000 for line in chart.lines for _, y in ends_of(line))


def test_values_that_are_missing_or_no_numbers_are_left_out():
    events = [step(1, loss=None), step(2, loss=float("nan")), step(3, loss=1.0), step(4, accuracy=None)]
    loss, accuracy = curves(record(events))
    assert len(ends_of(loss.lines[0])) == 2
    assert len(ends_of(accuracy.lines[0])) == 3
    assert lost_steps(record(events)) == 2


def test_a_long_run_is_thinned():
    loss, _ = curves(record([step(k, loss=1 + 1 / k) for k in range(1, 20_001)]))
    assert all(len(ends_of(line)) <= 500 for line in loss.lines)
